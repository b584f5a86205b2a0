"""What the network sees of a stored image: a square cut, shifted and recoloured in training.

Shapes: B images, H height, W width, C colour, S state; the cut is `image_px` on a side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policy.config import PolicyConfig

_GREY = np.asarray([0.299, 0.587, 0.114], dtype=np.float32)
_TURN = 4
"""Where the turn is in the state that goes with a ground view."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One draw of the augmentation for each image of a batch."""

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
    mix_BCC: NDArray[np.float32]
    """Each channel seen (row) as a sum of the image's (column): a light of another colour."""
    turn_B: NDArray[np.float32]
    """Added to the gripper's turn [rad], with `ground`."""


def draw_view(count: int, config: PolicyConfig, generator: np.random.Generator) -> View:
    """Random cuts and colours (QT-Opt, App. D.1: a crop of 472 from 512x640; or a small shift).

    Differs: colours are mixed too (`colour_mix`), and with `ground` the gripper's turn varies
    (`turn_rad`), in half of the images by half a turn, after which jaws are the same.
    """
    rows, columns = _room(config)

    def about(centre: float, reach: float) -> NDArray[np.float32]:
        return generator.uniform(centre - reach, centre + reach, count).astype(np.float32)

    half_B = np.pi * generator.integers(0, 2, count)
    mix_BCC = np.eye(3) + config.colour_mix * generator.standard_normal((count, 3, 3))
    return View(
        top_B=generator.integers(0, rows + 1, count),
        left_B=generator.integers(0, columns + 1, count),
        brightness_B=about(0, config.brightness),
        contrast_B=about(1, config.contrast),
        saturation_B=about(1, config.contrast),
        mix_BCC=mix_BCC.astype(np.float32),
        turn_B=(half_B + generator.normal(0, config.turn_rad, count)).astype(np.float32),
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
        mix_BCC=np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)),
        turn_B=np.zeros(count, dtype=np.float32),
    )


def see(image_BHWC: NDArray[np.uint8], view: View, config: PolicyConfig) -> NDArray[np.uint8]:
    """The cuts of `view`, uint8, (B, image_px, image_px, 3); the border repeats the edge."""
    side, border = config.image_px, config.shift_px
    cut_BHWC = np.empty((len(image_BHWC), side, side, 3), dtype=np.uint8)
    for b, (top, left) in enumerate(zip(view.top_B, view.left_B, strict=True)):
        row_H = np.clip(np.arange(top, top + side) - border, 0, image_BHWC.shape[1] - 1)
        column_W = np.clip(np.arange(left, left + side) - border, 0, image_BHWC.shape[2] - 1)
        cut_BHWC[b] = image_BHWC[b][row_H[:, None], column_W]
    if config.brightness or config.contrast or config.colour_mix:
        return _recolour(cut_BHWC, view)
    return cut_BHWC


def turn(state_BS: NDArray[np.float32], view: View, config: PolicyConfig) -> NDArray[np.float32]:
    """States with the gripper turned as in `view`; only with `ground` is the turn part of them."""
    if config.sight != "ground":
        return state_BS
    turned_BS = state_BS.copy()
    turned_BS[:, _TURN] += view.turn_B
    return turned_BS


def _recolour(image_BHWC: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Light of another colour, then brightness, saturation and contrast: one affine map a pixel."""
    share_BNC = image_BHWC.reshape(len(image_BHWC), -1, 3).astype(np.float32)
    saturation_B11 = view.saturation_B[:, None, None]
    saturate_BCC = saturation_B11 * np.eye(3, dtype=np.float32) + (1 - saturation_B11) * _GREY
    brightness_BC = np.repeat(255 * view.brightness_B[:, None], 3, axis=1)
    matrix_BCC = saturate_BCC @ view.mix_BCC
    mean_BC = np.einsum("bij,bj->bi", matrix_BCC, share_BNC.mean(1)) + brightness_BC
    contrast_B1 = view.contrast_B[:, None]
    offset_BC = contrast_B1 * brightness_BC + (1 - contrast_B1) * mean_BC
    matrix_BCC *= contrast_B1[..., None]
    share_BNC = share_BNC @ matrix_BCC.transpose(0, 2, 1)
    share_BNC += offset_BC[:, None]
    seen_BNC = np.clip(share_BNC, 0, 255, out=share_BNC).round().astype(np.uint8)
    return seen_BNC.reshape(image_BHWC.shape)


def _room(config: PolicyConfig) -> tuple[int, int]:
    """Rows and columns by which the cut may move within the bordered image [px]."""
    border = 2 * config.shift_px - config.image_px
    return config.frame_height_px + border, config.frame_width_px + border
