"""The three cameras of a simulated cell: where they stand and what they take in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.cells.simulated.models import Xyz
from data.episodes.frames import Size


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera of a cell."""

    eye_m: Xyz
    target_m: Xyz
    up: Xyz
    """The direction that points up in the image."""
    height_fov_rad: float
    """Field of view from the top to the bottom edge."""
    native: Size


CAMERA_VIEWS = {
    "over_shoulder": Camera(
        eye_m=(0.18, 0.60, 1.06),
        target_m=(0.55, -0.04, 0.05),
        up=(1.0, 0.0, 0.0),
        height_fov_rad=0.64,
        native=Size(640, 512),
    ),
    "left": Camera(
        eye_m=(0.68, 0.95, 0.70),
        target_m=(0.56, 0.03, 0.09),
        up=(0.0, 0.0, 1.0),
        height_fov_rad=0.62,
        native=Size(640, 480),
    ),
    "right": Camera(
        eye_m=(0.68, -0.95, 0.70),
        target_m=(0.56, -0.03, 0.09),
        up=(0.0, 0.0, 1.0),
        height_fov_rad=0.62,
        native=Size(640, 480),
    ),
}


def rolled_up(camera: Camera, roll_rad: float) -> list[float]:
    """The camera's up, turned about its line of sight."""
    forward = np.subtract(camera.target_m, camera.eye_m)
    aside = np.cross(forward, camera.up) / np.linalg.norm(forward)
    return [float(u + np.tan(roll_rad) * a) for u, a in zip(camera.up, aside, strict=True)]
