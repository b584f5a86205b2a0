from __future__ import annotations

import numpy as np
import pytest

from data.cells.simulated.layout import TABLE_TOP_M
from data.cells.simulated.surfaces import Pattern, Shadow, cast, paint

OVERHEAD = (0.0, 0.0, 1.0)


def level_floor(z_m: float) -> tuple[np.ndarray, np.ndarray]:
    """A grey image of a square metre of floor, one pixel a centimetre, and its points."""
    x, y = np.meshgrid(np.linspace(0.0, 1.0, 101), np.linspace(-0.5, 0.5, 101), indexing="ij")
    points = np.stack([x, y, np.full_like(x, z_m)], axis=2).astype(np.float32)
    return np.full((101, 101, 3), 200, dtype=np.uint8), points


def test_a_body_on_the_floor_darkens_the_floor_below_it_only() -> None:
    image, points = level_floor(0.0)
    shaded = cast(image, points, [Shadow((0.5, 0.0, 0.0), 0.05, 0.02, 0.0)], OVERHEAD)
    assert shaded[50, 50, 0] == 100  # half of the light
    assert shaded[80, 50, 0] == shaded[50, 80, 0] == 200
    assert shaded[54, 50, 0] < shaded[50, 54, 0]  # longer along x than along y


def test_the_shadow_of_a_lifted_body_is_paler_and_slides_away_from_the_light() -> None:
    image, points = level_floor(0.0)
    body = Shadow((0.5, 0.0, 0.2), 0.03, 0.03, 0.0)
    shaded = cast(image, points, [body], (0.0, 1.0, 1.0)).astype(int)[:, :, 0]
    row, column = np.unravel_index(shaded.argmin(), shaded.shape)
    assert (row, column) == pytest.approx((50, 40), abs=1)  # half of 20 cm, away from +y
    assert 100 < shaded[row, column] < 200


def test_high_surfaces_receive_no_shadow() -> None:
    image, points = level_floor(0.5)
    shaded = cast(image, points, [Shadow((0.5, 0.0, 0.5), 0.1, 0.1, 0.0)], OVERHEAD)
    np.testing.assert_array_equal(shaded, image)


@pytest.mark.parametrize("pattern", ["wood", "tiles", "cloth", "speckle"])
def test_a_pattern_is_seen_on_the_table_and_not_in_the_bins(pattern: Pattern) -> None:
    image, table_points = level_floor(TABLE_TOP_M)
    table = paint(image, table_points, table=pattern, backdrop="plain", seed=1)
    assert table.std() > 2
    assert abs(float(table.mean()) - 200) < 20
    _, bin_points = level_floor(0.0)
    np.testing.assert_array_equal(
        paint(image, bin_points, table=pattern, backdrop="plain", seed=1), image
    )
