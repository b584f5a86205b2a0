"""The gripper as a robot reports it: how it stands, and where."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

POSE_SIZE = 4
"""Fingertips x, y, z [m] and turn about the vertical [rad]."""


class GripperReading(NamedTuple):
    """What a robot says of its gripper at the moment of a frame, in the robot's base frame."""

    closed: float
    """0 open, 1 closed."""
    x_m: float
    y_m: float
    z_m: float
    """Height of the fingertips above the bins' floor."""
    yaw_rad: float

    def state(self) -> NDArray[np.float32]:
        """What the policy knows beside the image: closed, height [m]; shape (2,), float32."""
        return np.array([self.closed, self.z_m], dtype=np.float32)

    def pose(self) -> NDArray[np.float32]:
        """Fingertips x, y, z [m] and yaw [rad]; shape (4,), float32."""
        return np.array([self.x_m, self.y_m, self.z_m, self.yaw_rad], dtype=np.float32)
