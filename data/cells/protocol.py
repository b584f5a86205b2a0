"""What a cell is to the rest of Goalpost, simulated or real."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from data.cameras.windows import Window
from data.episodes.frames import FrameSet, Size

ACTION_SIZE = 8
"""Translation (3), rotation as sine and cosine (2), open, close, terminate (MT-Opt, Fig. 8)."""
STATE_SIZE = 2
"""Gripper closed (0 or 1) and gripper height above the bins' floor [m] (QT-Opt, Sec. 5)."""

ActionA = NDArray[np.float32]
"""Shape (8,): `[dx, dy, dz, sin, cos, open, close, terminate]`.

`dx, dy, dz` in [-1, 1] are shares of `MAX_TRANSLATION_M` in the robot's base frame; `(sin, cos)`
turn the gripper about the vertical by `atan2(sin, cos)`, limited to `MAX_ROTATION_RAD`; at most one
of open, close, terminate is 1, and a value above 0.5 counts as 1.
"""
MAX_TRANSLATION_M = 0.08
"""Largest motion of one step along each axis [m]."""
MAX_ROTATION_RAD = 0.8
"""Largest turn of one step [rad]."""


class Start(StrEnum):
    """Where a robot's episode begins."""

    PICK = "pick"
    """Empty open gripper at a random place above the right bin, which holds the objects."""
    PLACE = "place"
    """An object in the closed gripper above the left bin, which holds the plate fixture."""


class RobotState(NamedTuple):
    """What the policy knows beside the image."""

    gripper_closed: float
    height_m: float

    def as_array(self) -> NDArray[np.float32]:
        """Shape (2,), float32."""
        return np.asarray(self, dtype=np.float32)


@runtime_checkable
class Cell(Protocol):
    """One robot workstation with its three cameras."""

    @property
    def robot(self) -> str:
        """Name of the robot, the unit of every holdout."""

    def read(self, sizes: Mapping[str, Size] | None = None) -> FrameSet:
        """A synchronised set of images of the cameras named in `sizes` (None: all, native size).

        Raises:
            CameraError: A camera is missing or died; names it and its source.
        """

    def close(self) -> None:
        """Let go of cameras and simulation; calling it again does nothing."""


@runtime_checkable
class RobotCell(Cell, Protocol):
    """A cell whose arm takes actions (what the collector needs)."""

    def reset(self, *, seed: int, start: Start, task: str, keep_scene: bool = False) -> None:
        """Shuffle the objects, begin an episode of `task`; a seed always gives the same scene.

        Robots do not share scenes: the same seed shows each robot another one.

        Args:
            seed: Of the scene and of where the arm begins.
            start: Where it begins.
            task: What is to be tried.
            keep_scene: Begin among the objects as they lie, as real fleets do: what the gripper
                holds is laid back, or placed by a task that places. Where an object has left the
                right bin or the reach, or the task's object is not there, shuffle all the same.
        """

    def read_cuts(self, windows: Mapping[str, Window], size: Size) -> FrameSet:
        """What lies in a window of each camera's view, all at one size.

        Raises:
            CameraError: As for `read`.
            InvalidInput: A window that is no part of the view.
        """

    def state(self) -> RobotState:
        """Gripper and height now."""

    def step(self, action: ActionA) -> None:
        """Carry out one action and return when it is done. `terminate` moves nothing."""

    def settle(self) -> None:
        """Return once what the gripper let go of lies still, after a second at the latest: what is
        seen then is what the episode came to."""

    def truth(self) -> dict[str, bool] | None:
        """The true outcome of every known task now, where the cell can know it (simulation)."""
