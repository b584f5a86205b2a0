from __future__ import annotations

import numpy as np
import pytest

from data.cells.simulated.arm_model import MAX_OPENING_M
from data.cells.simulated.objects import draw_model, lowest_point_m
from data.tasks.tasks import OBJECT_KINDS


@pytest.mark.parametrize("kind", OBJECT_KINDS)
def test_every_variant_fits_the_jaws(kind: str) -> None:
    for seed in range(20):
        model = draw_model(kind, np.random.default_rng(seed))
        assert model.kind == kind
        assert 0.02 < model.width_m < MAX_OPENING_M - 0.02
        assert model.length_m < 0.16
        assert 0.05 < model.link.mass_kg < 0.3


@pytest.mark.parametrize("kind", OBJECT_KINDS)
def test_variants_differ_and_a_seed_repeats_one(kind: str) -> None:
    first, again, other = (draw_model(kind, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.link.parts[0].colour == again.link.parts[0].colour
    assert first.link.parts[0].colour != other.link.parts[0].colour


def test_the_lowest_point_of_a_box_by_hand() -> None:
    model = draw_model("box", np.random.default_rng(0))
    x, y, z = model.length_m, model.width_m, model.height_m
    assert lowest_point_m(model, (0, 0, 1.0), np.eye(3)) == pytest.approx(1 - z / 2)
    quarter = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # its length upright
    assert lowest_point_m(model, (0, 0, 1.0), quarter) == pytest.approx(1 - x / 2)
    c = s = np.sqrt(0.5)
    tilted = np.array([[1.0, 0, 0], [0, c, -s], [0, s, c]])  # rolled by 45 degrees
    assert lowest_point_m(model, (0, 0, 1.0), tilted) == pytest.approx(1 - (y + z) / 2 * c)


def test_the_lowest_point_of_a_can_by_hand() -> None:
    model = draw_model("can", np.random.default_rng(0))
    assert lowest_point_m(model, (0, 0, 1.0), np.eye(3)) == pytest.approx(1 - model.width_m / 2)
    upright = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    assert lowest_point_m(model, (0, 0, 1.0), upright) == pytest.approx(1 - model.length_m / 2)
