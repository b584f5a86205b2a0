"""The rows of a shard: one step each, under LeRobot's column names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.episodes.episodes import Step
from data.episodes.frames import CAMERAS, EncodedFrameSet
from data.episodes.gripper import GripperReading

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SHARD_SCHEMA = pa.schema(
    [("episode_id", pa.string()), ("frame_index", pa.int64())]
    + [(f"timestamp_ns.{camera}", pa.int64()) for camera in CAMERAS]
    + [(f"observation.images.{camera}", _IMAGE) for camera in CAMERAS]
    + [
        ("observation.state", pa.list_(pa.float32())),
        ("observation.gripper_pose", pa.list_(pa.float32())),
        ("action", pa.list_(pa.float32())),
        ("next.done", pa.bool_()),
    ]
)
"""The columns of every shard."""


def rows_of(episode_id: str, steps: Iterable[Step]) -> Iterator[dict[str, Any]]:
    """One row a step, by column."""
    for index, step in enumerate(steps):
        row: dict[str, Any] = {
            "episode_id": episode_id,
            "frame_index": index,
            "observation.state": _listed(step.state),
            "observation.gripper_pose": _listed(step.gripper_pose),
            "action": _listed(step.action),
            "next.done": step.done,
        }
        for camera, jpeg in step.frames.jpegs.items():
            row[f"observation.images.{camera}"] = {"bytes": jpeg, "path": None}
            row[f"timestamp_ns.{camera}"] = step.frames.timestamps_ns[camera]
        yield row


def step_of(row: dict[str, Any]) -> Step:
    """The step in a row; a column that came later may be missing."""
    return Step(
        frames=frames_of(row),
        state=_vector(row["observation.state"]),
        gripper_pose=_vector(row.get("observation.gripper_pose")),
        action=_vector(row["action"]),
        done=row["next.done"],
    )


def _listed(vector: NDArray[np.float32] | None) -> list[float] | None:
    return None if vector is None else vector.tolist()


def _vector(values: list[float] | None) -> NDArray[np.float32] | None:
    return None if values is None else np.asarray(values, dtype=np.float32)


def frames_of(row: dict[str, Any]) -> EncodedFrameSet:
    """What the cameras saw, from a row's columns of images, times and gripper."""
    seen = [camera for camera in CAMERAS if row[f"observation.images.{camera}"] is not None]
    state, pose = row["observation.state"], row.get("observation.gripper_pose")
    return EncodedFrameSet(
        jpegs={camera: row[f"observation.images.{camera}"]["bytes"] for camera in seen},
        timestamps_ns={camera: row[f"timestamp_ns.{camera}"] for camera in seen},
        gripper=None if state is None or pose is None else GripperReading(state[0], *pose),
    )
