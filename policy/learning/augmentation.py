"""What the network sees of a stored image: a square cut, shifted and recoloured in training.

Shapes: B images, H height, W width, C colour; the cut is `image_px` on a side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policy.config import PolicyConfig

_GREY = np.asarray([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class View:
    """One draw of the augmentation for each image of a batch, used for s and for s' alike."""

    top_B: NDArray[np.int64]
    """First row of the cut in the image with its border [px]."""
    left_B: NDArray[np.int64]
    """First column of the cut [px]."""
    brightness_B: NDArray[np.float32]
    """Added to every channel, as a share of full scale."""
    contrast_B: NDArray[np.float32]
    """Scales the distance from the image's mean."""
    saturation_B: NDArray[np.float32]
    """Scales the distance from grey."""


def draw_view(count: int, config: PolicyConfig, generator: np.random.Generator) -> View:
    """Random cuts and colours (QT-Opt, App. D.1: a crop of 472 from 512x640; or a small shift)."""
    rows, columns = _room(config)

    def about(centre: float, reach: float) -> NDArray[np.float32]:
        return generator.uniform(centre - reach, centre + reach, count).astype(np.float32)

    return View(
        top_B=generator.integers(0, rows + 1, count),
        left_B=generator.integers(0, columns + 1, count),
        brightness_B=about(0, config.brightness),
        contrast_B=about(1, config.contrast),
        saturation_B=about(1, config.contrast),
    )


def central_view(count: int, config: PolicyConfig) -> View:
    """The middle of each image, colours untouched: what a policy acts on."""
    rows, columns = _room(config)
    return View(
        top_B=np.full(count, rows // 2),
        left_B=np.full(count, columns // 2),
        brightness_B=np.zeros(count, dtype=np.float32),
        contrast_B=np.ones(count, dtype=np.float32),
        saturation_B=np.ones(count, dtype=np.float32),
    )


def see(image_BHWC: NDArray[np.uint8], view: View, config: PolicyConfig) -> NDArray[np.uint8]:
    """The cuts of `view`, uint8, (B, image_px, image_px, 3); the border repeats the edge."""
    side, border = config.image_px, config.shift_px
    cut_BHWC = np.empty((len(image_BHWC), side, side, 3), dtype=np.uint8)
    for b, (top, left) in enumerate(zip(view.top_B, view.left_B, strict=True)):
        row_H = np.clip(np.arange(top, top + side) - border, 0, image_BHWC.shape[1] - 1)
        column_W = np.clip(np.arange(left, left + side) - border, 0, image_BHWC.shape[2] - 1)
        cut_BHWC[b] = image_BHWC[b][row_H[:, None], column_W]
    if config.brightness or config.contrast:
        return _recolour(cut_BHWC, view)
    return cut_BHWC


def _recolour(image_BHWC: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    share_BHWC = image_BHWC.astype(np.float32) / 255
    share_BHWC += view.brightness_B[:, None, None, None]
    grey_BHW1 = (share_BHWC @ _GREY)[..., None]
    share_BHWC = grey_BHW1 + (share_BHWC - grey_BHW1) * view.saturation_B[:, None, None, None]
    mean_B1C = share_BHWC.mean((1, 2), keepdims=True)
    share_BHWC = mean_B1C + (share_BHWC - mean_B1C) * view.contrast_B[:, None, None, None]
    return np.asarray(np.clip(share_BHWC * 255, 0, 255).round(), dtype=np.uint8)


def _room(config: PolicyConfig) -> tuple[int, int]:
    """Rows and columns by which the cut may move within the bordered image [px]."""
    border = 2 * config.shift_px - config.image_px
    return config.frame_height_px + border, config.frame_width_px + border
