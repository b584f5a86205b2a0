"""Our episodes in LeRobot's terms: which features a dataset has, and each episode's rows.

Shapes: N steps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.episodes.episodes import Episode, EpisodeKind
from data.episodes.frames import CAMERAS, Size, jpeg_size
from data.exporters.lerobot_writer import LeRobotEpisode
from data.tasks.tasks import TaskSet
from data.transfers import lerobot

_VECTORS = {
    "observation.state": ("state", lerobot.STATE_NAMES),
    "observation.gripper_pose": ("gripper_pose", lerobot.POSE_NAMES),
}
"""Features that a robot may report: the field of a step, and the names of its components."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What every episode of one dataset has."""

    kind: EpisodeKind
    cameras: tuple[str, ...]
    """Those that every frame has."""
    reported: tuple[str, ...]
    """Which of `_VECTORS` every step has."""
    rewarded: bool
    """Whether success and reward are known."""
    sizes: dict[str, Size]
    """Of the first frame of every camera."""

    @classmethod
    def of(cls, first: Episode, *, rewarded: bool) -> Self:
        """The features of a dataset that begins with this episode."""
        begin = first.steps[0]
        cameras = CAMERAS if first.info.kind == "clip" else CAMERAS[:1]
        return cls(
            kind=first.info.kind,
            cameras=cameras,
            reported=tuple(
                name for name, (field, _) in _VECTORS.items() if getattr(begin, field) is not None
            ),
            rewarded=rewarded,
            sizes={
                camera: jpeg_size(begin.frames.jpegs[camera])
                for camera in cameras
                if camera in begin.frames.jpegs
            },
        )

    def features(self) -> dict[str, dict[str, Any]]:
        """Every column but images and indices, as `info.json` describes it."""
        found = {name: _vector(_VECTORS[name][1]) for name in self.reported}
        if self.kind == "robot":
            found["action"] = _vector(lerobot.ACTION_NAMES)
        found["next.done"] = _scalar("bool")
        if self.rewarded:
            found["next.success"] = _scalar("bool")
            found["next.reward"] = _scalar("float32")
        for camera in self.cameras:
            found[f"{lerobot.TIME_PREFIX}{camera}"] = _scalar("int64")
        return found

    def unfit(self, episode: Episode, succeeded: bool | None) -> str | None:
        """Why the episode cannot be a part of this dataset; None where it can."""
        if self.rewarded and succeeded is None:
            return "its success is not known"
        for step in episode.steps:
            for camera in self.cameras:
                if camera not in step.frames.jpegs:
                    return f"a frame lacks the camera '{camera}'"
            for name in self.reported:
                if getattr(step, _VECTORS[name][0]) is None:
                    return f"a step lacks {name}, which the first episode has"
        return None

    def convert(
        self,
        episode: Episode,
        succeeded: bool | None,
        tasks: TaskSet,
        *,
        doubted: Collection[int] = (),
    ) -> LeRobotEpisode:
        """The episode's rows.

        `next.success` and `next.reward` are those of the outcome: in every frame of a clip, since
        every frame shows it, and from the end of the last action on in a robot's episode.

        Args:
            doubted: Frames of a clip that are no success whatever the clip is, as trimmed ones.
        """
        steps = episode.steps
        done_N = np.array([step.done for step in steps])
        done_N[-1] = True
        columns: dict[str, NDArray[np.generic]] = {
            name: np.stack([getattr(step, _VECTORS[name][0]) for step in steps])
            for name in self.reported
        }
        if self.kind == "robot":
            none = np.zeros(len(lerobot.ACTION_NAMES), dtype=np.float32)
            columns["action"] = np.stack(
                [none if step.action is None else step.action for step in steps]
            )
        columns["next.done"] = done_N
        if self.rewarded:
            shown_N = np.ones_like(done_N) if self.kind == "clip" else done_N.copy()
            shown_N[list(doubted)] = False
            columns["next.success"] = shown_N & bool(succeeded)
            columns["next.reward"] = columns["next.success"].astype(np.float32)
        for camera in self.cameras:
            columns[f"{lerobot.TIME_PREFIX}{camera}"] = np.array(
                [step.frames.timestamps_ns[camera] for step in steps], dtype=np.int64
            )
        return LeRobotEpisode(
            columns=columns,
            images={
                f"{lerobot.IMAGE_PREFIX}{camera}": [step.frames.jpegs[camera] for step in steps]
                for camera in self.cameras
            },
            task=task_words(tasks, episode.info.task),
        )


def task_words(tasks: TaskSet, name: str | None) -> str:
    """A task as LeRobot's policies are told it: its description, or else its name."""
    if name is None:
        return "no task"
    name = tasks.current_name(name)
    description = tasks[name].description if name in tasks else ""
    return description or name


def _vector(names: tuple[str, ...]) -> dict[str, Any]:
    return {"dtype": "float32", "shape": [len(names)], "names": list(names)}


def _scalar(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [1], "names": None}
