"""FiftyOne's image classification folder: `data/` with images, `labels.json` with their classes."""

from __future__ import annotations

LABELS = "labels.json"
_SEPARATOR = "__"


def image_name(episode_id: str, frame_index: int, task: str, camera: str) -> str:
    """The name of an image without its ending, from which a frame and a task can be told."""
    return _SEPARATOR.join((episode_id, str(frame_index), task, camera))


def parse_name(name: str) -> tuple[str, int, str]:
    """Episode, frame and task of an image. Raises `ValueError` where the name says none."""
    episode_id, frame_index, task, _ = name.rsplit(_SEPARATOR, 3)
    return episode_id, int(frame_index), task
