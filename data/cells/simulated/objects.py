"""The seven kinds of objects: what they look like and how they are built."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.cells.simulated.meshes import box, capsule_profile, joined, lathe, prism, tube
from data.cells.simulated.models import Link, Part, Rgb, Solid
from data.tasks.tasks import OBJECT_KINDS

_ALONG_X = (0.0, np.pi / 2, 0.0)
"""Turns a cylinder or capsule, which lies along z, onto x."""


@dataclass(frozen=True, kw_only=True)
class ObjectModel:
    """One variant of one kind, lying along its own x axis."""

    kind: str
    length_m: float
    """Along x."""
    width_m: float
    """Across, along y; the jaws close on it."""
    height_m: float
    """When it lies as built."""
    link: Link


def footprint(model: ObjectModel, at_m: Sequence[float], along: Sequence[float]) -> list[Disc]:
    """Three discs that cover an object on the floor, its length along this (x, y) direction.

    The direction has length 1 for an object that lies, 0 for one that stands.
    """
    step = max(model.length_m - model.width_m, 0.0) / 2
    return [
        Disc(at_m[0] + s * step * along[0], at_m[1] + s * step * along[1], model.width_m / 2)
        for s in (-1.0, 0.0, 1.0)
    ]


def lowest_point_m(
    model: ObjectModel, position_m: Sequence[float], rotation_33: NDArray[np.float64]
) -> float:
    """Height [m] of the lowest point of an object that stands and is turned like this."""
    lowest = np.inf
    for solid in model.link.solids:
        turned_33 = rotation_33 @ _rotation(solid.turned_rad)
        middle = position_m[2] + float(rotation_33[2] @ np.asarray(solid.at_m))
        if solid.shape == "box":
            below = float(np.abs(turned_33[2]) @ np.asarray(solid.size_m)) / 2
        else:
            radius, length = solid.size_m
            upright = min(abs(float(turned_33[2, 2])), 1.0)
            round_part = 1.0 if solid.shape == "capsule" else float(np.sqrt(1 - upright**2))
            below = upright * length / 2 + round_part * radius
        lowest = min(lowest, middle - below)
    return float(lowest)


def _rotation(roll_pitch_yaw_rad: Sequence[float]) -> NDArray[np.float64]:
    (sr, sp, sy), (cr, cp, cy) = np.sin(roll_pitch_yaw_rad), np.cos(roll_pitch_yaw_rad)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


class Disc(NamedTuple):
    """A round piece of floor."""

    x_m: float
    y_m: float
    radius_m: float


def draw_model(kind: str, generator: np.random.Generator) -> ObjectModel:
    """A variant of `kind`: its size and colours vary, its character stays."""
    return _BUILDERS[kind](generator)


def _tinted(colour: Rgb, generator: np.random.Generator) -> Rgb:
    """The colour, a little lighter or darker and shifted in hue."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb(
        (hue + generator.uniform(-0.015, 0.015)) % 1.0,
        float(np.clip(saturation * generator.uniform(0.85, 1.1), 0, 1)),
        float(np.clip(value * generator.uniform(0.9, 1.08), 0, 1)),
    )


def _pick(generator: np.random.Generator, *colours: Rgb) -> Rgb:
    return _tinted(colours[int(generator.integers(len(colours)))], generator)


def _model(
    kind: str,
    parts: list[Part],
    solids: list[Solid],
    size_m: tuple[float, float, float],
    mass_kg: float,
    *,
    rolling: float = 0.0,
) -> ObjectModel:
    x, y, z = size_m
    inertia = tuple(mass_kg * (a * a + b * b) / 12 for a, b in ((y, z), (x, z), (x, y)))
    return ObjectModel(
        kind=kind,
        length_m=x,
        width_m=y,
        height_m=z,
        link=Link(
            name=kind,
            parts=parts,
            solids=solids,
            mass_kg=mass_kg,
            inertia_kgm2=(inertia[0], inertia[1], inertia[2]),
            friction=0.8,
            rolling_friction=rolling,
            spinning_friction=0.001,
        ),
    )


def _banana(generator: np.random.Generator) -> ObjectModel:
    scale = generator.uniform(0.92, 1.06)
    bend_m, half_turn, thick_m = 0.085 * scale, 0.80, 0.0175 * scale
    turns = np.linspace(-half_turn, half_turn, 11)
    path = np.stack(
        [bend_m * np.sin(turns), bend_m * (np.cos(turns) - 1.0), np.zeros_like(turns)], axis=1
    )
    radii = thick_m * np.array([0.42, 0.72, 0.9, 0.98, 1.0, 1.0, 1.0, 0.98, 0.9, 0.7, 0.4])
    yellow = _pick(generator, (0.97, 0.83, 0.12), (0.93, 0.86, 0.25))
    brown = (0.30, 0.20, 0.08)
    stalk = path[-1] + (path[-1] - path[-2]) * 0.9
    tip = path[0] + (path[0] - path[1]) * 0.25
    parts = [
        Part(tube(path, list(radii), sides=9), yellow),
        Part(tube([path[-1], stalk], [0.42 * thick_m, 0.3 * thick_m], sides=7), brown),
        Part(tube([path[0], tip], [0.44 * thick_m, 0.2 * thick_m], sides=7), brown),
    ]
    solids = []
    knots = np.linspace(-half_turn * 0.9, half_turn * 0.9, 5)
    for a, b in pairwise(knots):
        middle = (a + b) / 2
        chord = 2 * bend_m * np.sin((b - a) / 2)
        solids.append(
            Solid(
                shape="capsule",
                size_m=(thick_m * 0.95, chord),
                at_m=(bend_m * np.sin(middle), bend_m * (np.cos(middle) - 1.0), 0.0),
                turned_rad=(0.0, np.pi / 2, -middle),
            )
        )
    length = 2 * bend_m * np.sin(half_turn) + thick_m
    return _model("banana", parts, solids, (length, 2 * thick_m, 2 * thick_m), 0.11, rolling=0.002)


def _bottle(generator: np.random.Generator) -> ObjectModel:
    scale = generator.uniform(0.92, 1.05)
    radius, body, neck = 0.0235 * scale, 0.085 * scale, 0.035 * scale
    left = -(body + neck) / 2
    glass = _pick(generator, (0.10, 0.50, 0.25), (0.12, 0.38, 0.62), (0.10, 0.46, 0.42))
    cap = _pick(generator, (0.92, 0.92, 0.95), (0.15, 0.15, 0.2))
    label = _pick(generator, (0.96, 0.94, 0.85), (0.85, 0.93, 0.95))
    profile = [
        (left, radius * 0.85),
        (left + 0.006, radius),
        (left + body * 0.8, radius),
        (left + body, radius * 0.45),
        (left + body + neck * 0.6, radius * 0.4),
    ]
    parts = [
        Part(lathe(profile), glass),
        Part(
            lathe([(left + body * 0.2, radius * 1.04), (left + body * 0.6, radius * 1.04)]), label
        ),
        Part(
            lathe(
                [(left + body + neck * 0.55, radius * 0.5), (left + body + neck, radius * 0.5)],
                sides=10,
            ),
            cap,
        ),
    ]
    solids = [
        Solid(
            shape="cylinder",
            size_m=(radius, body * 0.86),
            at_m=(left + body * 0.43, 0, 0),
            turned_rad=_ALONG_X,
        ),
        Solid(
            shape="cylinder",
            size_m=(radius * 0.5, neck + body * 0.14),
            at_m=(left + body * 0.93 + neck / 2, 0, 0),
            turned_rad=_ALONG_X,
        ),
    ]
    return _model(
        "bottle", parts, solids, (body + neck, 2 * radius, 2 * radius), 0.12, rolling=0.002
    )


def _sausage(generator: np.random.Generator) -> ObjectModel:
    length, radius = generator.uniform(0.105, 0.125), generator.uniform(0.0145, 0.0165)
    skin = _pick(generator, (0.62, 0.24, 0.16), (0.72, 0.34, 0.24))
    string = (0.88, 0.78, 0.62)
    knot = length / 2
    parts = [
        Part(lathe(capsule_profile(length, radius, rings=4), sides=12), skin),
        Part(
            joined(
                lathe([(-knot - 0.010, 0.005), (-knot + 0.003, 0.003)], sides=8),
                lathe([(knot - 0.003, 0.003), (knot + 0.010, 0.005)], sides=8),
            ),
            string,
        ),
    ]
    # Grill marks tell it from a carrot or a plain rod at a glance.
    for x in np.linspace(-0.3, 0.3, 4) * length:
        parts.append(
            Part(
                lathe([(x - 0.0022, radius * 1.02), (x + 0.0022, radius * 1.02)], sides=12),
                (0.28, 0.10, 0.06),
            )
        )
    solids = [Solid(shape="capsule", size_m=(radius, length - 2 * radius), turned_rad=_ALONG_X)]
    return _model("sausage", parts, solids, (length, 2 * radius, 2 * radius), 0.08, rolling=0.002)


def _milk(generator: np.random.Generator) -> ObjectModel:
    side, body = generator.uniform(0.044, 0.050), generator.uniform(0.070, 0.078)
    roof = 0.026
    left = -(body + roof) / 2
    white = _tinted((0.94, 0.95, 0.97), generator)
    stripe = _pick(generator, (0.12, 0.32, 0.78), (0.10, 0.60, 0.85), (0.20, 0.55, 0.25))
    half = side / 2
    gable = prism([(0.0, -half), (roof * 0.8, 0.0), (0.0, half)], side)
    fin = box(0.012, 0.004, side)
    parts = [
        Part(box(body, side, side).moved((left + body / 2, 0, 0)), white),
        Part(box(body * 0.42, side * 1.02, side * 1.02).moved((left + body * 0.36, 0, 0)), stripe),
        Part(joined(gable.moved((left + body, 0, 0))), stripe),
        Part(fin.moved((left + body + roof * 0.85, 0, 0)), white),
        Part(
            lathe([(-0.004, 0.009), (0.004, 0.009)], sides=10).moved(
                (left + body + roof * 0.35, half * 0.55, 0)
            ),
            (0.85, 0.15, 0.15),
        ),
    ]
    solids = [
        Solid(shape="box", size_m=(body, side, side), at_m=(left + body / 2, 0, 0)),
        Solid(shape="box", size_m=(roof, side * 0.4, side), at_m=(left + body + roof / 2, 0, 0)),
    ]
    return _model("milk", parts, solids, (body + roof, side, side), 0.16)


def _box(generator: np.random.Generator) -> ObjectModel:
    x, y, z = (
        generator.uniform(0.066, 0.078),
        generator.uniform(0.046, 0.054),
        generator.uniform(0.042, 0.050),
    )
    card = _pick(generator, (0.72, 0.54, 0.33), (0.64, 0.47, 0.28))
    tape = (0.88, 0.80, 0.62)
    parts = [
        Part(box(x, y, z), card),
        Part(box(x * 1.015, y * 0.24, z * 1.02), tape),
        Part(
            box(x * 0.32, y * 0.3, 0.001).moved((x * 0.24, -y * 0.3, z / 2 + 0.0006)),
            (0.95, 0.95, 0.95),
        ),
    ]
    return _model("box", parts, [Solid(shape="box", size_m=(x, y, z))], (x, y, z), 0.12)


def _can(generator: np.random.Generator) -> ObjectModel:
    radius, length = generator.uniform(0.0245, 0.0275), generator.uniform(0.074, 0.084)
    paint = _pick(generator, (0.82, 0.08, 0.10), (0.75, 0.05, 0.20))
    metal = (0.78, 0.80, 0.83)
    half = length / 2
    parts = [
        Part(lathe([(-half + 0.005, radius), (half - 0.005, radius)]), paint),
        Part(
            joined(
                lathe([(-half, radius * 0.86), (-half + 0.006, radius * 0.98)]),
                lathe([(half - 0.006, radius * 0.98), (half, radius * 0.86)]),
            ),
            metal,
        ),
        Part(lathe([(-0.006, radius * 1.02), (0.006, radius * 1.02)]), (0.95, 0.95, 0.95)),
    ]
    solids = [Solid(shape="cylinder", size_m=(radius, length), turned_rad=_ALONG_X)]
    return _model("can", parts, solids, (length, 2 * radius, 2 * radius), 0.14, rolling=0.002)


def _carrot(generator: np.random.Generator) -> ObjectModel:
    length, radius = generator.uniform(0.095, 0.112), generator.uniform(0.0155, 0.018)
    orange = _pick(generator, (0.98, 0.46, 0.06), (0.93, 0.40, 0.10))
    leaf = _pick(generator, (0.16, 0.58, 0.16), (0.28, 0.66, 0.20))
    half = length / 2
    profile = [
        (-half, 0.002),
        (-half + 0.012, radius * 0.36),
        (0.0, radius * 0.78),
        (half - 0.006, radius),
        (half, radius * 0.55),
    ]
    leaves = [
        tube(
            [(half - 0.002, 0, 0), (half + 0.018, y * 0.5, z * 0.5), (half + 0.032, y, z)],
            [0.0035, 0.005, 0.0015],
            sides=6,
        )
        for y, z in ((0.0, 0.012), (0.014, 0.0), (-0.014, 0.0), (0.0, -0.008))
    ]
    parts = [Part(lathe(profile, sides=12), orange), Part(joined(*leaves), leaf)]
    solids = [
        Solid(
            shape="capsule",
            size_m=(radius * share, length * 0.2),
            at_m=(half * at, 0, 0),
            turned_rad=_ALONG_X,
        )
        for share, at in ((0.95, 0.55), (0.78, 0.05), (0.5, -0.55))
    ]
    return _model("carrot", parts, solids, (length, 2 * radius, 2 * radius), 0.08, rolling=0.002)


_BUILDERS: Mapping[str, Callable[[np.random.Generator], ObjectModel]] = dict(
    zip(OBJECT_KINDS, (_banana, _bottle, _sausage, _milk, _box, _can, _carrot), strict=True)
)
