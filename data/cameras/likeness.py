"""How much two pictures differ, measured in blocks, so that noise and small motions do not count.

Figures are shares of the full range of brightness, in [0, 1]. In the simulated fleet, two
arrangements of one scene differ by at most 1.8% in the median block, and two scenes by at least
2.6% (`benchmarks/scene_likeness.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.episodes.frames import ImageHWC

_BLOCKS = (16, 13)
"""Columns and rows of blocks; about 20 pixels a side in the simulated cameras' images."""
NEW_SCENE = 0.02
"""From this share on, the median block says that light, background or table have changed."""


def scene_change(before: Mapping[str, ImageHWC], after: Mapping[str, ImageHWC]) -> float:
    """How much the scene itself has changed: the change of the median block, a camera's mean.

    Objects, hands and the arm cover less than half of the blocks, so where they are hardly counts;
    light, background and table do.

    Args:
        before: Per camera an RGB image, uint8, (height, width, 3).
        after: Images of the same cameras, of any size.
    """
    return float(np.mean([np.median(_change(before[name], after[name])) for name in before]))


def picture_change(before: Mapping[str, ImageHWC], after: Mapping[str, ImageHWC]) -> float:
    """How much the pictures differ in all: the mean change over blocks and cameras."""
    return float(np.mean([_change(before[name], after[name]).mean() for name in before]))


def _change(before: ImageHWC, after: ImageHWC) -> NDArray[np.float64]:
    """Mean change of the three colours of every block, (rows, columns)."""
    change: NDArray[np.float64] = np.abs(_blocks(before) - _blocks(after)).mean(axis=-1)
    return change


def _blocks(image: ImageHWC) -> NDArray[np.float64]:
    small = Image.fromarray(image).resize(_BLOCKS, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64) / 255
