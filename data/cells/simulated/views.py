"""What the three cameras see.

What never moves is rendered once and kept; each frame renders only what moves and puts the nearer
of the two into every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pybullet
from numpy.typing import NDArray

from data.cells.simulated.appearance import Appearance
from data.cells.simulated.models import Xyz
from data.cells.simulated.world import World
from data.frames import ImageHWC, Size

Fit = Literal["scale", "crop"]
"""How an image of another aspect than the camera's own shows its field of view: squeezed to fit,
or cut to the largest centred part."""

_NEAR_M, _FAR_M = 0.1, 6.0


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera of a cell."""

    eye_m: Xyz
    target_m: Xyz
    height_fov_rad: float
    """Field of view from the top to the bottom edge."""
    native: Size


CAMERA_VIEWS = {
    "over_shoulder": Camera(
        eye_m=(-0.12, 0.42, 0.92),
        target_m=(0.55, -0.01, 0.03),
        height_fov_rad=0.78,
        native=Size(640, 512),
    ),
    "left": Camera(
        eye_m=(0.72, 0.98, 0.50),
        target_m=(0.55, 0.02, 0.06),
        height_fov_rad=0.78,
        native=Size(640, 480),
    ),
    "right": Camera(
        eye_m=(0.72, -0.98, 0.50),
        target_m=(0.55, -0.02, 0.06),
        height_fov_rad=0.78,
        native=Size(640, 480),
    ),
}


@dataclass(frozen=True)
class _Layer:
    """One rendered world: colours, and depth as the renderer gives it (0 near, 1 far)."""

    image_HWC: ImageHWC
    depth_HW: NDArray[np.float32]


class Views:
    """Renders one cell.

    Args:
        still: Client of a world with all that never moves.
        moving: Client of the physics world, in which the still bodies are invisible.
        fit: How other aspects than the native one are served.
    """

    def __init__(self, still: World, moving: World, *, fit: Fit) -> None:
        self._still = still
        self._moving = moving
        self._fit = fit
        self._kept: dict[tuple[str, Size], _Layer] = {}

    def forget(self) -> None:
        """Render what never moves again: its look has changed."""
        self._kept.clear()

    def render(self, camera: str, size: Size, look: Appearance) -> ImageHWC:
        """The camera's image, RGB uint8, (height, width, 3)."""
        key = (camera, size)
        if key not in self._kept:
            self._kept[key] = self._layer(self._still, camera, size, look, shadow=True)
        still = self._kept[key]
        moving = self._layer(self._moving, camera, size, look, shadow=False)
        nearer_HW1 = (moving.depth_HW < still.depth_HW)[:, :, None]
        return np.where(nearer_HW1, moving.image_HWC, still.image_HWC)

    def _layer(
        self, bullet: World, name: str, size: Size, look: Appearance, *, shadow: bool
    ) -> _Layer:
        camera = CAMERA_VIEWS[name]
        eye = [e + s for e, s in zip(camera.eye_m, look.camera_shift_m[name], strict=True)]
        roll = look.camera_roll_rad[name]
        _, _, rgba, depth, _ = bullet.getCameraImage(
            size.width,
            size.height,
            pybullet.computeViewMatrix(eye, camera.target_m, [0.0, np.sin(roll), np.cos(roll)]),
            self._projection(camera, size),
            lightDirection=look.light_from,
            lightColor=look.light_colour,
            lightDistance=3.0,
            shadow=int(shadow),
            lightAmbientCoeff=look.ambient,
            lightDiffuseCoeff=look.diffuse,
            lightSpecularCoeff=0.05,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
        )
        image_HWC = np.asarray(rgba, dtype=np.uint8).reshape(size.height, size.width, 4)[:, :, :3]
        return _Layer(image_HWC, np.asarray(depth).reshape(size.height, size.width))

    def _projection(self, camera: Camera, size: Size) -> Any:
        up = float(np.tan(camera.height_fov_rad / 2))
        aside = up * camera.native.width / camera.native.height
        if self._fit == "crop":
            aspect = size.width / size.height
            up, aside = min(up, aside / aspect), min(aside, up * aspect)
        return pybullet.computeProjectionMatrix(
            -aside * _NEAR_M, aside * _NEAR_M, -up * _NEAR_M, up * _NEAR_M, _NEAR_M, _FAR_M
        )
