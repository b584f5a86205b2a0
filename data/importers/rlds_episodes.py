"""Records of RLDS and TFDS data sets as our episodes and labels.

Shapes: N steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, as_jpeg
from data.errors import CorruptData, InvalidInput
from data.importers.mapping import KnownDataset, unnamed_tasks
from data.importers.tf_example import Values
from data.labels.log import Label
from data.tasks.tasks import TaskSet

Example = Mapping[str, Values]

BEHAVIOUR = "imported"
_TASK_FEATURES = (
    "task_code", "task", "language_instruction", "steps/language_instruction",
    "steps/observation/natural_language_instruction",
)  # fmt: skip
"""Where data sets say what was to be done, in the order in which they are asked."""
_STATE_FEATURES = ("steps/observation/gripper_closed", "steps/observation/height_to_bottom")
_PERIOD_NS = 1_000_000_000
"""Nobody says when frames were taken: steps are dated a second apart."""
_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"


class Taken(NamedTuple):
    """A record as an episode, with the labels that it brings."""

    episode: Episode
    labels: tuple[Label, ...]


class RldsReader:
    """Makes episodes of a data set's records.

    Args:
        by: Whose word the outcomes are.
        outcome: The feature that says success.
    """

    def __init__(self, known: KnownDataset, tasks: TaskSet, *, by: str, outcome: str) -> None:
        self._known = known
        self._tasks = tasks
        self._by = by
        self._outcome = outcome
        self._unknown_tasks: set[str] = set()

    def episode_id(self, file: str, index: int) -> str:
        """The identifier of the `index`-th record of the file of that digest."""
        stamp = datetime.fromtimestamp(self._known.first_seen_ns // 1_000_000_000, UTC)
        return f"{stamp:%Y%m%d-%H%M%S}-{file}-{index:07d}"

    def take(self, episode_id: str, example: Example, split: str) -> Taken:
        """One record.

        Raises:
            InvalidInput: It lacks a camera, or its cameras have different numbers of images.
            CorruptData: An image cannot be read.
        """
        views = {camera: self._images(example, camera) for camera in CAMERAS}
        counts = {len(images) for images in views.values()}
        if len(counts) != 1 or not (count := counts.pop()):
            raise InvalidInput("a record without images, or with more of one camera than another")
        robot = self._known.mapping.robot
        task = self._task(example)
        at_ns = self._known.first_seen_ns
        info = EpisodeInfo(
            episode_id=episode_id,
            robot=robot if split == "train" else f"{robot}-{split.lower()}",
            kind="robot",
            behaviour=BEHAVIOUR,
            task=task,
            recorded_at_ns=at_ns,
            step_count=count,
        )
        state_NS = _states(example, count)
        steps = tuple(
            Step(
                frames=EncodedFrameSet(
                    jpegs={camera: _as_jpeg(images[index]) for camera, images in views.items()},
                    timestamps_ns=dict.fromkeys(CAMERAS, at_ns + index * _PERIOD_NS),
                ),
                state=None if state_NS is None else state_NS[index],
                done=index >= count - 2,
            )
            for index in range(count)
        )
        return Taken(Episode(info=info, steps=steps), self._labels(example, info, split))

    def notes(self) -> list[str]:
        """What else a person should know, in words."""
        if not self._unknown_tasks:
            return []
        return [unnamed_tasks(sorted(self._unknown_tasks))]

    def _labels(self, example: Example, info: EpisodeInfo, split: str) -> tuple[Label, ...]:
        values = example.get(self._outcome)
        if values is None or not len(values) or info.task is None:
            return ()
        last = values[-1]
        if isinstance(last, bytes):
            raise InvalidInput(f"the feature '{self._outcome}' is text and says no success")
        return (
            Label(
                label_id=f"import-{info.episode_id}",
                episode_id=info.episode_id,
                frame_index=info.step_count - 1,
                task=info.task,
                outcome="success" if last > 0 else "failure",
                by=self._by,
                source="import",
                at_ns=self._known.first_seen_ns,
                split=split,
            ),
        )

    def _images(self, example: Example, camera: str) -> Sequence[bytes]:
        name = self._known.mapping.cameras[camera]
        values = example.get(name)
        if values is None or isinstance(values, np.ndarray):
            raise InvalidInput(f"a record without images of '{name}'")
        return [value for value in values if isinstance(value, bytes)]

    def _task(self, example: Example) -> str | None:
        words = _task_words(example)
        if words is None:
            return None
        if words in self._known.mapping.tasks:
            return self._known.mapping.tasks[words]
        for task in self._tasks:
            if words in (task.name, task.description):
                return task.name
        self._unknown_tasks.add(words)
        return None


def camera_names(example: Example) -> list[str]:
    """The features of an example that are encoded images."""
    return sorted(name for name, values in example.items() if _is_images(values))


def _is_images(values: Values) -> bool:
    first = values[0] if len(values) else None
    return isinstance(first, bytes) and first.startswith((_JPEG, _PNG))


def _task_words(example: Example) -> str | None:
    for name in _TASK_FEATURES:
        values = example.get(name)
        first = values[0] if values is not None and len(values) else None
        if isinstance(first, bytes) and first:
            return first.decode(errors="replace")
    return None


def _states(example: Example, count: int) -> NDArray[np.float32] | None:
    columns = [np.asarray(example[name]) for name in _STATE_FEATURES if name in example]
    if len(columns) < len(_STATE_FEATURES) or any(len(column) != count for column in columns):
        return None
    return np.stack(columns, axis=1).astype(np.float32)


def _as_jpeg(content: bytes) -> bytes:
    try:
        return as_jpeg(content)
    except CorruptData as error:  # in the same words for all, since they are counted
        raise CorruptData("an image that cannot be read") from error
