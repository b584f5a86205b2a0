"""What never moves: table, bins and the plate with its three sections."""

from __future__ import annotations

from data.cells.simulated import layout
from data.cells.simulated.layout import LEFT_BIN, PLATE, RIGHT_BIN, TABLE, Area
from data.cells.simulated.meshes import box
from data.cells.simulated.models import Link, Part, Rgb, Solid, Xyz

_FLOOR_THICKNESS_M = 0.010
_FRICTION = 0.7


def _block(size_m: Xyz, at_m: Xyz, colour: Rgb) -> tuple[Part, Solid]:
    return Part(box(*size_m).moved(at_m), colour), Solid(shape="box", size_m=size_m, at_m=at_m)


def _fixed(name: str, blocks: list[tuple[Part, Solid]]) -> Link:
    return Link(
        name=name,
        parts=[part for part, _ in blocks],
        solids=[solid for _, solid in blocks],
        friction=_FRICTION,
        spinning_friction=0.001,
    )


def table_link(colour: Rgb) -> Link:
    """The table top that everything stands on."""
    thickness = 0.04
    size = (2 * TABLE.half_x_m, 2 * TABLE.half_y_m, thickness)
    at = (TABLE.x_m, TABLE.y_m, layout.TABLE_TOP_M - thickness / 2)
    return _fixed("table", [_block(size, at, colour)])


def bin_link(name: str, area: Area, *, floor: Rgb, wall: Rgb) -> Link:
    """An open bin whose inside is `area`, its floor at z = 0."""
    thick, high = layout.BIN_WALL_THICKNESS_M, layout.BIN_WALL_HEIGHT_M
    outer_x, outer_y = 2 * (area.half_x_m + thick), 2 * (area.half_y_m + thick)
    middle = (high - _FLOOR_THICKNESS_M) / 2
    tall = high + _FLOOR_THICKNESS_M
    blocks = [
        _block(
            (outer_x, outer_y, _FLOOR_THICKNESS_M),
            (area.x_m, area.y_m, -_FLOOR_THICKNESS_M / 2),
            floor,
        )
    ]
    for sign in (-1, 1):
        x = area.x_m + sign * (area.half_x_m + thick / 2)
        y = area.y_m + sign * (area.half_y_m + thick / 2)
        blocks.append(_block((thick, outer_y, tall), (x, area.y_m, middle), wall))
        blocks.append(_block((2 * area.half_x_m, thick, tall), (area.x_m, y, middle), wall))
    return _fixed(name, blocks)


def plate_link(*, sections: tuple[Rgb, Rgb, Rgb], rim: Rgb) -> Link:
    """The plate: a low rim around, low dividers between bottom, top-left and top-right."""
    thick, high = layout.PLATE_THICKNESS_M, layout.PLATE_RIM_HEIGHT_M
    wide = layout.PLATE_RIM_THICKNESS_M
    blocks = [
        _block(
            (2 * area.half_x_m, 2 * area.half_y_m, thick), (area.x_m, area.y_m, thick / 2), colour
        )
        for area, colour in zip(layout.SECTIONS.values(), sections, strict=True)
    ]
    for sign in (-1, 1):
        x = PLATE.x_m + sign * (PLATE.half_x_m - wide / 2)
        y = PLATE.y_m + sign * (PLATE.half_y_m - wide / 2)
        blocks.append(_block((wide, 2 * PLATE.half_y_m, high), (x, PLATE.y_m, high / 2), rim))
        blocks.append(_block((2 * PLATE.half_x_m, wide, high), (PLATE.x_m, y, high / 2), rim))
    low = high * 0.7
    blocks.append(_block((wide, 2 * PLATE.half_y_m, low), (PLATE.x_m, PLATE.y_m, low / 2), rim))
    blocks.append(
        _block(
            (PLATE.half_x_m, wide, low), (PLATE.x_m + PLATE.half_x_m / 2, PLATE.y_m, low / 2), rim
        )
    )
    return _fixed("plate", blocks)


def bin_links(*, floor: Rgb, wall: Rgb) -> tuple[Link, Link]:
    """The right bin and the left bin."""
    return (
        bin_link("right-bin", RIGHT_BIN, floor=floor, wall=wall),
        bin_link("left-bin", LEFT_BIN, floor=floor, wall=wall),
    )
