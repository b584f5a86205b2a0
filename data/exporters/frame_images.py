"""The frames that labels speak of, as files that labelling tools can show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.catalog.catalog import Catalog
from data.episodes.episodes import EpisodeInfo
from data.episodes.frames import CAMERAS
from data.episodes.index import list_episodes
from data.episodes.shards import FrameRef, read_frames
from data.labels.labels import Label, standing_labels
from data.storage import write_atomically

_BATCH = 64


class LabelledFrame(NamedTuple):
    """One frame and what stands about it."""

    info: EpisodeInfo
    frame_index: int
    images: dict[str, str]
    """Per camera, the file's path relative to the export's folder."""
    labels: dict[str, Label]
    """Per task."""


ImageName = Callable[[str, int, str], str]
"""Names an image, without its ending, from episode, frame and camera."""


def frame_name(episode_id: str, frame_index: int, camera: str) -> str:
    """The plain `ImageName`."""
    return f"{episode_id}-{frame_index:06d}-{camera}"


def write_labelled_frames(
    catalog: Catalog, folder: Path, episode_ids: Sequence[str], named: ImageName = frame_name
) -> Iterator[LabelledFrame]:
    """Write the last frame of each episode and every other frame that is labelled.

    Labels of whole clips count for the last frame.

    Raises:
        CorruptData: A shard cannot be read.
        StorageFull: The disk is full.
    """
    for start in range(0, len(episode_ids), _BATCH):
        found = list_episodes(catalog, episode_ids=episode_ids[start : start + _BATCH])
        said: dict[tuple[str, int], dict[str, Label]] = {}
        infos = {each.info.episode_id: each.info for each in found}
        for info in infos.values():
            said[info.episode_id, info.step_count - 1] = {}
        for label in standing_labels(catalog, episode_ids=list(infos)):
            last = infos[label.episode_id].step_count - 1
            frame = last if label.frame_index is None else label.frame_index
            said.setdefault((label.episode_id, frame), {})[label.task] = label
        shards = {each.info.episode_id: each.shard for each in found}
        refs = [FrameRef(shards[name], name, frame) for name, frame in said]
        for ref, frames in zip(refs, read_frames(catalog.workspace, refs), strict=True):
            images = {
                camera: f"data/{named(ref.episode_id, ref.frame_index, camera)}.jpg"
                for camera in CAMERAS
                if camera in frames.jpegs
            }
            for camera, name in images.items():
                write_atomically(folder / name, frames.jpegs[camera])
            yield LabelledFrame(
                infos[ref.episode_id],
                ref.frame_index,
                images,
                said[ref.episode_id, ref.frame_index],
            )
