"""How each robot's cell looks: light, background, table, bins and camera poses."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from data.cells.arrangement import Arrangement
from data.cells.simulated.models import Rgb, Xyz
from data.cells.simulated.surfaces import Pattern
from data.episodes.frames import CAMERAS


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Everything about a cell's looks that does not touch its physics."""

    light_from: Xyz
    """Direction towards the light."""
    light_colour: Rgb
    ambient: float
    diffuse: float
    table: Rgb
    bin_floor: Rgb
    bin_wall: Rgb
    wall: Rgb
    """The background behind the table."""
    floor: Rgb
    """The background below the table."""
    plate_sections: tuple[Rgb, Rgb, Rgb]
    """Bottom, top-left, top-right."""
    plate_rim: Rgb
    table_pattern: Pattern
    backdrop_pattern: Pattern
    pattern_seed: int
    camera_shift_m: Mapping[str, Xyz]
    """Per camera, how far its eye is off its nominal place."""
    camera_roll_rad: Mapping[str, float]


# Light azimuth [rad], elevation [rad], warmth (-1 bluish .. 1 yellowish), ambient, diffuse,
# table, bin floor, bin wall, wall, floor: one row per robot of the fleet, unlike each other.
_STYLES: tuple[tuple[float, float, float, float, float, Rgb, Rgb, Rgb, Rgb, Rgb], ...] = (
    (0.6, 1.1, 0.1, 0.55, 0.55, (0.74, 0.60, 0.44), (0.84, 0.85, 0.87), (0.32, 0.40, 0.52),
     (0.80, 0.81, 0.80), (0.45, 0.46, 0.48)),
    (2.2, 0.8, 0.7, 0.42, 0.68, (0.36, 0.27, 0.22), (0.70, 0.70, 0.68), (0.20, 0.45, 0.32),
     (0.86, 0.78, 0.64), (0.52, 0.38, 0.28)),
    (-0.9, 0.9, -0.7, 0.50, 0.58, (0.86, 0.87, 0.88), (0.47, 0.52, 0.60), (0.80, 0.82, 0.84),
     (0.58, 0.68, 0.78), (0.30, 0.34, 0.40)),
    (3.0, 1.2, 0.0, 0.66, 0.40, (0.24, 0.26, 0.29), (0.62, 0.56, 0.48), (0.70, 0.34, 0.20),
     (0.38, 0.40, 0.43), (0.22, 0.22, 0.24)),
    (-2.2, 0.7, 0.4, 0.38, 0.72, (0.52, 0.62, 0.55), (0.90, 0.88, 0.80), (0.55, 0.50, 0.30),
     (0.70, 0.80, 0.68), (0.58, 0.56, 0.50)),
    (1.4, 1.3, -0.3, 0.58, 0.50, (0.62, 0.66, 0.74), (0.34, 0.36, 0.40), (0.16, 0.18, 0.22),
     (0.90, 0.90, 0.93), (0.66, 0.68, 0.72)),
    (-1.6, 1.0, 0.9, 0.46, 0.62, (0.80, 0.70, 0.62), (0.66, 0.76, 0.72), (0.50, 0.22, 0.30),
     (0.74, 0.58, 0.54), (0.38, 0.30, 0.30)),
)  # fmt: skip

_TABLE_PATTERNS: tuple[Pattern, ...] = (
    "wood", "wood", "plain", "speckle", "cloth", "plain", "wood",
)  # fmt: skip
_BACKDROP_PATTERNS: tuple[Pattern, ...] = ("plain", "tiles", "speckle", "wood", "plain")


def robot_appearance(variation: int) -> Appearance:
    """The style of the robot with this variation; the same number gives the same style."""
    generator = np.random.default_rng([variation, 71])
    style = _STYLES[variation % len(_STYLES)]
    azimuth, elevation, warmth, ambient, diffuse, table, bin_floor, bin_wall, wall, floor = style
    return Appearance(
        light_from=_direction(azimuth, elevation),
        light_colour=(1.0 + 0.06 * warmth, 1.0, 1.0 - 0.16 * warmth),
        ambient=ambient,
        diffuse=diffuse,
        table=_near(table, generator),
        bin_floor=_near(bin_floor, generator),
        bin_wall=_near(bin_wall, generator),
        wall=_near(wall, generator),
        floor=_near(floor, generator),
        plate_sections=((0.93, 0.93, 0.90), (0.55, 0.72, 0.88), (0.90, 0.66, 0.68)),
        plate_rim=(0.98, 0.98, 0.98),
        table_pattern=_TABLE_PATTERNS[variation % len(_TABLE_PATTERNS)],
        backdrop_pattern=_BACKDROP_PATTERNS[variation % len(_BACKDROP_PATTERNS)],
        pattern_seed=variation,
        camera_shift_m={
            camera: tuple(generator.uniform(-0.02, 0.02, 3).tolist()) for camera in CAMERAS
        },
        camera_roll_rad={camera: float(generator.uniform(-0.03, 0.03)) for camera in CAMERAS},
    )


def vary(appearance: Appearance, generator: np.random.Generator) -> Appearance:
    """Another light and background within a robot's own style; its cameras stay put."""
    x, y, z = appearance.light_from
    azimuth = float(np.arctan2(y, x) + generator.uniform(-0.5, 0.5))
    elevation = float(np.clip(np.arcsin(z) + generator.uniform(-0.25, 0.25), 0.5, 1.45))
    return replace(
        appearance,
        light_from=_direction(azimuth, elevation),
        ambient=appearance.ambient + generator.uniform(-0.08, 0.08),
        diffuse=appearance.diffuse + generator.uniform(-0.08, 0.08),
        pattern_seed=int(generator.integers(2**31)),
        backdrop_pattern=_BACKDROP_PATTERNS[int(generator.integers(len(_BACKDROP_PATTERNS)))],
        table=_near(appearance.table, generator, 0.05),
        wall=_near(appearance.wall, generator, 0.08),
        floor=_near(appearance.floor, generator, 0.08),
    )


_LIGHTS: Mapping[str, tuple[Xyz | None, float]] = {
    "from the left": ((0.0, 0.8, 0.6), 0.0),
    "from the right": ((0.0, -0.8, 0.6), 0.0),
    "from behind": ((0.8, 0.0, 0.6), 0.0),
    "dim": (None, -0.2),
    "bright": (None, 0.15),
}
"""Per choice, where the lamp is (None: where it was) and how much is added to its light."""


def look(now: Appearance, chosen: Arrangement) -> Appearance:
    """How the cell looks with the light and the surfaces of an arrangement."""
    if chosen.light is not None:
        lamp, more = _LIGHTS[chosen.light]
        now = replace(
            now,
            light_from=lamp or now.light_from,
            ambient=float(np.clip(now.ambient + more, 0.2, 0.8)),
            diffuse=float(np.clip(now.diffuse + more / 2, 0.2, 0.8)),
        )
    return replace(
        now,
        table_pattern=chosen.table or now.table_pattern,
        backdrop_pattern=chosen.background or now.backdrop_pattern,
    )


def _direction(azimuth: float, elevation: float) -> Xyz:
    flat = float(np.cos(elevation))
    return flat * float(np.cos(azimuth)), flat * float(np.sin(azimuth)), float(np.sin(elevation))


def _near(colour: Rgb, generator: np.random.Generator, spread: float = 0.02) -> Rgb:
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb(
        (hue + generator.uniform(-spread, spread) / 2) % 1.0,
        float(np.clip(saturation + generator.uniform(-spread, spread), 0, 1)),
        float(np.clip(value + generator.uniform(-spread, spread), 0, 1)),
    )
