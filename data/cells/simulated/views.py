"""What the three cameras see.

What never moves is rendered once and kept; each frame renders only what moves and puts the nearer
of the two into every pixel. Shadows of what moves are painted onto what does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pybullet
from numpy.typing import NDArray
from PIL import Image

from data.cameras.windows import Window
from data.cells.simulated.appearance import Appearance
from data.cells.simulated.cameras import CAMERA_VIEWS, Camera, rolled_up
from data.cells.simulated.surfaces import Shadow, cast, paint
from data.cells.simulated.world import World
from data.episodes.frames import ImageHWC, Size

Fit = Literal["scale", "crop"]
"""How an image of another aspect than the camera's own shows its field of view: squeezed to fit,
or cut to the largest centred part."""

_NEAR_M, _FAR_M = 0.1, 6.0
_SMALL_WIDTH = 320
_WHOLE = Window(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class _Still:
    """What never moves, as one camera sees it at one size."""

    image_HWC: ImageHWC
    depth_HW: NDArray[np.float32]
    points_HW3: NDArray[np.float32]
    """In the robot's base frame [m]."""

    def cut(self, window: Window, size: Size) -> _Still:
        """A window of it, at another size."""
        height, width = self.depth_HW.shape
        left, top = window.left * width, window.top * height
        across, down = window.width * width / size.width, window.height * height / size.height
        columns_W = (left + (np.arange(size.width) + 0.5) * across).astype(int)
        rows_H = (top + (np.arange(size.height) + 0.5) * down).astype(int)
        where = np.ix_(rows_H.clip(0, height - 1), columns_W.clip(0, width - 1))
        first_row, first_column = max(int(top), 0), max(int(left), 0)
        part_HWC = self.image_HWC[
            first_row : math.ceil(top + down * size.height),
            first_column : math.ceil(left + across * size.width),
        ]
        box = (
            max(left, 0.0) - first_column,
            max(top, 0.0) - first_row,
            min(left + across * size.width, width) - first_column,
            min(top + down * size.height, height) - first_row,
        )
        image = Image.fromarray(part_HWC).resize(size, Image.Resampling.BILINEAR, box=box)
        return _Still(np.asarray(image), self.depth_HW[where], self.points_HW3[where])


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
        self._placed: dict[str, Any] = {}

    def forget(self) -> None:
        """Render what never moves again: its look has changed."""
        self._kept.clear()
        self._placed.clear()

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
        still = self._still_view(camera, size, look)
        return self._compose(still, camera, size, _WHOLE, look, moving, shadows)

    def render_window(
        self,
        camera: str,
        window: Window,
        size: Size,
        look: Appearance,
        moving: Sequence[World],
        shadows: Sequence[Shadow],
    ) -> ImageHWC:
        """What lies in a window of the camera's whole view; arguments as for `render`.

        What moves is sampled once a pixel, as in any image, where to cut and to scale the native
        image would average over pixels.
        """
        native = CAMERA_VIEWS[camera].native
        still = self._still_view(camera, native, look).cut(window, size)
        return self._compose(still, camera, size, window, look, moving, shadows)

    def _compose(
        self,
        still: _Still,
        camera: str,
        size: Size,
        window: Window,
        look: Appearance,
        moving: Sequence[World],
        shadows: Sequence[Shadow],
    ) -> ImageHWC:
        seen_HWC = cast(still.image_HWC, still.points_HW3, shadows, look.light_from)
        nearest_HW = still.depth_HW
        for world in moving:
            image_HWC, depth_HW = self._layer(world, camera, size, look, window)
            seen_HWC = np.where((depth_HW < nearest_HW)[:, :, None], image_HWC, seen_HWC)
            nearest_HW = np.minimum(depth_HW, nearest_HW)
        return seen_HWC

    def _still_view(self, camera: str, size: Size, look: Appearance) -> _Still:
        key = (camera, size)
        if key not in self._kept:
            self._kept[key] = self._render_still(camera, size, look)
        return self._kept[key]

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
        self,
        world: World,
        name: str,
        size: Size,
        look: Appearance,
        window: Window = _WHOLE,
    ) -> tuple[ImageHWC, NDArray[np.float32]]:
        """One world's colours, and its depth as the renderer gives it (0 near, 1 far)."""
        view, projection = self._matrices(name, size, look, window)
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
            np.array(matrix).reshape(4, 4, order="F")
            for matrix in self._matrices(name, size, look, _WHOLE)
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

    def _matrices(self, name: str, size: Size, look: Appearance, window: Window) -> tuple[Any, Any]:
        camera = CAMERA_VIEWS[name]
        if name not in self._placed:
            eye = [e + s for e, s in zip(camera.eye_m, look.camera_shift_m[name], strict=True)]
            up = rolled_up(camera, look.camera_roll_rad[name])
            self._placed[name] = pybullet.computeViewMatrix(eye, camera.target_m, up)
        return self._placed[name], self._projection(camera, size, window)

    def _projection(self, camera: Camera, size: Size, window: Window) -> Any:
        up = float(np.tan(camera.height_fov_rad / 2))
        aside = up * camera.native.width / camera.native.height
        if self._fit == "crop" and window is _WHOLE:
            aspect = size.width / size.height
            up, aside = min(up, aside / aspect), min(aside, up * aspect)
        left, top = 2 * window.left - 1, 1 - 2 * window.top
        right, bottom = left + 2 * window.width, top - 2 * window.height
        return pybullet.computeProjectionMatrix(
            left * aside * _NEAR_M,
            right * aside * _NEAR_M,
            bottom * up * _NEAR_M,
            top * up * _NEAR_M,
            _NEAR_M,
            _FAR_M,
        )
