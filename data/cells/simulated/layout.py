"""Where things stand in a simulated cell, in the robot's base frame.

x points away from the robot, y to its left, z up; the origin is the robot's base and z = 0 is the
floor of both bins. Seen from the over-the-shoulder camera, far is up and left is left.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.tasks.tasks import PLATE_SECTIONS


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle on the floor, its sides along x and y."""

    x_m: float
    """Centre along x [m]."""
    y_m: float
    """Centre along y [m]."""
    half_x_m: float
    half_y_m: float

    def contains(self, x_m: float, y_m: float, *, margin_m: float = 0.0) -> bool:
        """Whether the point lies inside, at least `margin_m` from every side."""
        return (
            abs(x_m - self.x_m) <= self.half_x_m - margin_m
            and abs(y_m - self.y_m) <= self.half_y_m - margin_m
        )


RIGHT_BIN = Area(x_m=0.56, y_m=-0.205, half_x_m=0.20, half_y_m=0.18)
"""Inside of the bin that holds the objects."""
LEFT_BIN = Area(x_m=0.56, y_m=0.205, half_x_m=0.20, half_y_m=0.18)
"""Inside of the bin that holds the plate."""
BIN_WALL_HEIGHT_M = 0.06
BIN_WALL_THICKNESS_M = 0.012

PLATE = Area(x_m=0.59, y_m=0.205, half_x_m=0.125, half_y_m=0.14)
"""The plate fixture; the strip of floor on its near side is where objects lie beside it."""
PLATE_THICKNESS_M = 0.005
PLATE_RIM_HEIGHT_M = 0.014
PLATE_RIM_THICKNESS_M = 0.007

_HALF_DEPTH_M = PLATE.half_x_m / 2
_HALF_WIDTH_M = PLATE.half_y_m / 2
SECTIONS = dict(
    zip(
        PLATE_SECTIONS,
        (
            Area(
                x_m=PLATE.x_m - _HALF_DEPTH_M,
                y_m=PLATE.y_m,
                half_x_m=_HALF_DEPTH_M,
                half_y_m=PLATE.half_y_m,
            ),
            Area(
                x_m=PLATE.x_m + _HALF_DEPTH_M,
                y_m=PLATE.y_m + _HALF_WIDTH_M,
                half_x_m=_HALF_DEPTH_M,
                half_y_m=_HALF_WIDTH_M,
            ),
            Area(
                x_m=PLATE.x_m + _HALF_DEPTH_M,
                y_m=PLATE.y_m - _HALF_WIDTH_M,
                half_x_m=_HALF_DEPTH_M,
                half_y_m=_HALF_WIDTH_M,
            ),
        ),
        strict=True,
    )
)
"""The plate's three sections: bottom, top-left, top-right."""

REACH = Area(x_m=0.56, y_m=0.0, half_x_m=0.14, half_y_m=0.32)
"""Where the gripper may go; motions are clamped to it."""
OBJECTS = Area(x_m=0.56, y_m=-0.205, half_x_m=0.125, half_y_m=0.105)
"""Where objects are dropped into the right bin: inside the reach, with room for a finger between
them and the walls."""
LOWEST_TIP_M = 0.006
"""Lowest height of the fingertips above the bins' floor [m]."""
HIGHEST_TIP_M = 0.30
YAW_LIMIT_RAD = 2.0
"""The gripper turns this far to either side; a little more than every direction of its jaws."""

TABLE = Area(x_m=0.45, y_m=0.0, half_x_m=0.65, half_y_m=0.62)
TABLE_TOP_M = -0.012
"""The table lies this far below the bins' floor [m]."""
