"""What light and material do to surfaces: soft shadows and patterns, painted pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data.cells.simulated.layout import TABLE, TABLE_TOP_M
from data.cells.simulated.models import Xyz

Pattern = Literal["plain", "wood", "tiles", "cloth", "speckle"]

_SHADOW_DEPTH = 0.5
_SLANT = 0.5  # light from the whole ceiling softens the lamp's slant
_HIGHEST_RECEIVER_M = 0.02
_COARSE_COLUMNS = 24  # shadows, 9 cm wide at least, are first looked for on a coarse grid


@dataclass(frozen=True)
class Shadow:
    """The shadow of one body, as a soft ellipse."""

    at_m: Xyz
    """Middle of the body."""
    half_length_m: float
    half_width_m: float
    yaw_rad: float
    """Direction of its length about the vertical."""


def cast(
    image_HWC: NDArray[np.uint8],
    points_HW3: NDArray[np.float32],
    shadows: Sequence[Shadow],
    light_from: Xyz,
) -> NDArray[np.uint8]:
    """The image of what lies at `points_HW3` [m], darkened where bodies keep the light away.

    Only low, level surfaces (table, bin floors, plate) receive shadows.
    """
    flat_HW = np.abs(points_HW3[:, :, 2]) < _HIGHEST_RECEIVER_M
    x_HW, y_HW = points_HW3[:, :, 0], points_HW3[:, :, 1]
    step = max(1, flat_HW.shape[1] // _COARSE_COLUMNS)
    coarse = np.s_[::step, ::step]
    flat_hw, x_hw, y_hw = flat_HW[coarse], x_HW[coarse], y_HW[coarse]
    light_HW = np.ones(flat_HW.shape, dtype=np.float32)
    for shadow in shadows:
        x, y, height = shadow.at_m
        height = max(height, 0.0)
        x -= _SLANT * light_from[0] / light_from[2] * height
        y -= _SLANT * light_from[1] / light_from[2] * height
        blur = 0.006 + 0.15 * height
        reach = 2.2 * (shadow.half_length_m + blur)
        near_hw = flat_hw & (np.abs(x_hw - x) < reach) & (np.abs(y_hw - y) < reach)
        rows, columns = np.nonzero(near_hw.any(axis=1))[0], np.nonzero(near_hw.any(axis=0))[0]
        if len(rows) == 0:
            continue
        window = np.s_[
            max(step * (rows[0] - 1), 0) : step * (rows[-1] + 1) + 1,
            max(step * (columns[0] - 1), 0) : step * (columns[-1] + 1) + 1,
        ]
        dx, dy = x_HW[window] - x, y_HW[window] - y
        near_HW = flat_HW[window] & (np.abs(dx) < reach) & (np.abs(dy) < reach)
        cosine, sine = math.cos(shadow.yaw_rad), math.sin(shadow.yaw_rad)
        along = (dx * cosine + dy * sine) / (shadow.half_length_m + blur)
        across = (dy * cosine - dx * sine) / (shadow.half_width_m + blur)
        depth = _SHADOW_DEPTH / (1 + 3 * height)
        dark = depth * np.exp(-((along**2 + across**2) ** 2))
        light_HW[window] *= np.where(near_HW, 1 - dark, 1.0)
    return (image_HWC * light_HW[:, :, None]).astype(np.uint8)


def paint(
    image_HWC: NDArray[np.uint8],
    points_HW3: NDArray[np.float32],
    *,
    table: Pattern,
    backdrop: Pattern,
    seed: int,
) -> NDArray[np.uint8]:
    """The image with a pattern on the table top and another on walls and ground."""
    x, y, z = (points_HW3[:, :, axis] for axis in range(3))
    on_table_HW = (
        (np.abs(z - TABLE_TOP_M) < 0.004)
        & (np.abs(x - TABLE.x_m) < TABLE.half_x_m)
        & (np.abs(y - TABLE.y_m) < TABLE.half_y_m)
    )
    behind_HW = (z < TABLE_TOP_M - 0.1) | (np.hypot(x - TABLE.x_m, y) > 1.2)
    shade_HW = np.where(on_table_HW, _shade(table, x, y, 1.0, seed), 1.0)
    shade_HW = np.where(behind_HW, _shade(backdrop, x + y, z + x, 4.0, seed + 1), shade_HW)
    return np.clip(image_HWC * shade_HW[:, :, None], 0, 255).astype(np.uint8)


def _shade(
    pattern: Pattern,
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    scale: float,
    seed: int,
) -> NDArray[np.float32]:
    """Brightness about 1 over surface coordinates in metres; `scale` widens the pattern."""
    u, v = u / scale, v / scale
    generator = np.random.default_rng([seed, 5])
    phase = generator.uniform(0, 2 * np.pi, 4)
    if pattern == "wood":
        bend = 0.012 * np.sin(7 * u + phase[0]) + 0.006 * np.sin(19 * u + phase[1])
        planks = np.floor(v / 0.14)
        grain = np.sin(260 * (v + bend) + 9 * np.sin(3 * u + planks)) * 0.035
        seams = np.where(np.abs(v / 0.14 - np.rint(v / 0.14)) < 0.012, -0.16, 0.0)
        shade = 1 + grain + 0.06 * np.sin(planks * 2.4 + phase[2]) + seams
    elif pattern == "tiles":
        lines = np.minimum(np.abs(u / 0.2 - np.rint(u / 0.2)), np.abs(v / 0.2 - np.rint(v / 0.2)))
        shade = np.where(lines < 0.02, 0.82, 1.0 + 0.02 * np.sin(9 * u + phase[0]))
    elif pattern == "cloth":
        checks = (np.floor(u / 0.06) + np.floor(v / 0.06)) % 2
        shade = 0.92 + 0.12 * checks
    elif pattern == "speckle":
        cells = np.floor(u / 0.012) * 12.9898 + np.floor(v / 0.012) * 78.233 + phase[0]
        dots = np.abs(np.sin(cells) * 43758.5453) % 1.0
        shade = np.where(dots > 0.9, 0.82, 1.0) + 0.05 * (dots - 0.5)
    else:
        shade = 1 + 0.03 * np.sin(3 * u + phase[0]) * np.sin(2.5 * v + phase[1])
    return np.asarray(shade, dtype=np.float32)
