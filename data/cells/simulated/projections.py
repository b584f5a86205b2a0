"""The exact projections of a simulated robot's cameras."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from data.cells.simulated.appearance import robot_appearance
from data.cells.simulated.cameras import CAMERA_VIEWS, rolled_up
from data.episodes.frames import CAMERAS


def robot_projections(variation: int) -> Mapping[str, NDArray[np.float64]]:
    """Per camera the projection (3, 4) from the base frame [m] to shares of its whole view.

    See `data.cells.calibration`. Cameras of a robot stay put, however its scene is varied.
    """
    look = robot_appearance(variation)
    return {
        camera: _projection(camera, look.camera_shift_m[camera], look.camera_roll_rad[camera])
        for camera in CAMERAS
    }


def _projection(name: str, shift_m: tuple[float, ...], roll_rad: float) -> NDArray[np.float64]:
    camera = CAMERA_VIEWS[name]
    eye = np.add(camera.eye_m, shift_m)
    forward = np.subtract(camera.target_m, eye)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, rolled_up(camera, roll_rad))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    half_height = np.tan(camera.height_fov_rad / 2)
    half_width = half_height * camera.native.width / camera.native.height
    rows = np.stack(
        [
            right / (2 * half_width) + forward / 2,
            down / (2 * half_height) + forward / 2,
            forward,
        ]
    )
    return np.column_stack([rows, -rows @ eye])
