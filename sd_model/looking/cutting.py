"""Cutting out of a camera's image what lies round a position.

A position is a share of the image's width and height (see `data.cells.calibration`),
and so is the size of what is cut: the same part of the camera's view, at whatever size or aspect it
was stored.

Shapes: N images, V views, H and W pixels, C channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.episodes.frames import ImageHWC

_ASPECT = 1.25
"""Width over height of a whole view: what is cut is about square in the scene."""


def cut(
    image_HWC: ImageHWC, position_2: NDArray[np.floating], *, share: float, side_px: int
) -> ImageHWC:
    """What lies round `position_2`, scaled to (side_px, side_px, 3), uint8.

    Near the image's edge the window is moved inside, so that it is always full.

    Args:
        image_HWC: A camera's whole view.
        position_2: Share of the width, share of the height.
        share: Width of what is cut, as a share of the image's width, 0 to 0.8.
        side_px: Size of the result.
    """
    height, width = image_HWC.shape[:2]
    size_2 = np.array([share, share * _ASPECT])
    middle_2 = np.clip(position_2, size_2 / 2, 1 - size_2 / 2)
    left, top = (middle_2 - size_2 / 2) * (width, height)
    right, bottom = (middle_2 + size_2 / 2) * (width, height)
    return np.asarray(
        Image.fromarray(image_HWC).resize(
            (side_px, side_px),
            Image.Resampling.BILINEAR,
            box=(max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height)),
        )
    )
