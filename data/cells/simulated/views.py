"""What the three cameras see.

What never moves is rendered once and kept; each frame renders only what moves and puts the nearer
of the two into every pixel. Shadows of what moves are painted onto what does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pybullet
from numpy.typing import NDArray

from data.cells.simulated.appearance import Appearance
from data.cells.simulated.cameras import CAMERA_VIEWS, Camera, rolled_up
from data.cells.simulated.surfaces import Shadow, cast, paint
from data.cells.simulated.world import World
from data.frames import ImageHWC, Size

Fit = Literal["scale", "crop"]
"""How an image of another aspect than the camera's own shows its field of view: squeezed to fit,
or cut to the largest centred part."""

_NEAR_M, _FAR_M = 0.1, 6.0
_SMALL_WIDTH = 320


@dataclass(frozen=True)
class _Still:
    """What never moves, as one camera sees it at one size."""

    image_HWC: ImageHWC
    depth_HW: NDArray[np.float32]
    points_HW3: NDArray[np.float32]
    """In the robot's base frame [m]."""


class Views:
    """Renders one cell.

    Args:
        still: A world with all that never moves.
        fit: How other aspects than the native one are served.
    """

    def __init__(self, still: World, *, fit: Fit) -> None:
        self._still = still
        self._fit = fit
        self._kept: dict[tuple[str, Size], _Still] = {}

    def forget(self) -> None:
        """Render what never moves again: its look has changed."""
        self._kept.clear()

    def render(
        self,
        camera: str,
        size: Size,
        look: Appearance,
        moving: Sequence[World],
        shadows: Sequence[Shadow],
    ) -> ImageHWC:
        """The camera's image, RGB uint8, (height, width, 3).

        Args:
            camera: Which.
            size: Of the image.
            look: Light and colours.
            moving: Worlds with all that moves; what never moves is invisible in them.
            shadows: Of what moves.
        """
        key = (camera, size)
        if key not in self._kept:
            self._kept[key] = self._render_still(camera, size, look)
        still = self._kept[key]
        seen_HWC = cast(still.image_HWC, still.points_HW3, shadows, look.light_from)
        nearest_HW = still.depth_HW
        for world in moving:
            image_HWC, depth_HW = self._layer(world, camera, size, look)
            seen_HWC = np.where((depth_HW < nearest_HW)[:, :, None], image_HWC, seen_HWC)
            nearest_HW = np.minimum(depth_HW, nearest_HW)
        return seen_HWC

    def _render_still(self, camera: str, size: Size, look: Appearance) -> _Still:
        times = 2 if size.width <= _SMALL_WIDTH else 1  # small images need smoother edges
        fine = Size(times * size.width, times * size.height)
        image, depth = self._layer(self._still, camera, fine, look)
        points = self._points(camera, fine, look, depth)
        image = paint(
            image,
            points,
            table=look.table_pattern,
            backdrop=look.backdrop_pattern,
            seed=look.pattern_seed,
        )
        blocks = image.reshape(size.height, times, size.width, times, 3)
        return _Still(
            blocks.mean(axis=(1, 3), dtype=np.float32).astype(np.uint8),
            depth[::times, ::times],
            points[::times, ::times],
        )

    def _layer(
        self, world: World, name: str, size: Size, look: Appearance
    ) -> tuple[ImageHWC, NDArray[np.float32]]:
        """One world's colours, and its depth as the renderer gives it (0 near, 1 far)."""
        view, projection = self._matrices(name, size, look)
        _, _, rgba, depth, _ = world.getCameraImage(
            size.width,
            size.height,
            view,
            projection,
            lightDirection=look.light_from,
            lightColor=look.light_colour,
            lightDistance=3.0,
            shadow=0,
            lightAmbientCoeff=look.ambient,
            lightDiffuseCoeff=look.diffuse,
            lightSpecularCoeff=0.05,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
        )
        image_HWC = np.asarray(rgba, dtype=np.uint8).reshape(size.height, size.width, 4)[:, :, :3]
        return image_HWC, np.asarray(depth, dtype=np.float32).reshape(size.height, size.width)

    def _points(
        self, name: str, size: Size, look: Appearance, depth_HW: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Where each pixel's surface is, in the robot's base frame [m]."""
        view, projection = (
            np.array(matrix).reshape(4, 4, order="F") for matrix in self._matrices(name, size, look)
        )
        away_HW = _NEAR_M * _FAR_M / (_FAR_M - depth_HW * (_FAR_M - _NEAR_M))
        columns_W = ((np.arange(size.width) + 0.5) / size.width * 2 - 1) / projection[0, 0]
        rows_H = (1 - (np.arange(size.height) + 0.5) / size.height * 2) / projection[1, 1]
        right, up, back = view[:3, :3]
        eye = -view[:3, :3].T @ view[:3, 3]
        points = [
            eye[axis]
            + away_HW
            * ((right[axis] * columns_W)[None, :] + (up[axis] * rows_H)[:, None] - back[axis])
            for axis in range(3)
        ]
        return np.stack(points, axis=2).astype(np.float32)

    def _matrices(self, name: str, size: Size, look: Appearance) -> tuple[Any, Any]:
        camera = CAMERA_VIEWS[name]
        eye = [e + s for e, s in zip(camera.eye_m, look.camera_shift_m[name], strict=True)]
        up = rolled_up(camera, look.camera_roll_rad[name])
        view = pybullet.computeViewMatrix(eye, camera.target_m, up)
        return view, self._projection(camera, size)

    def _projection(self, camera: Camera, size: Size) -> Any:
        up = float(np.tan(camera.height_fov_rad / 2))
        aside = up * camera.native.width / camera.native.height
        if self._fit == "crop":
            aspect = size.width / size.height
            up, aside = min(up, aside / aspect), min(aside, up * aspect)
        return pybullet.computeProjectionMatrix(
            -aside * _NEAR_M, aside * _NEAR_M, -up * _NEAR_M, up * _NEAR_M, _NEAR_M, _FAR_M
        )
