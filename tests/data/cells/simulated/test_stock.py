from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from data.cells.simulated.models import ModelFolder
from data.cells.simulated.stock import VARIANTS, Stock


@pytest.fixture
def models() -> Iterator[ModelFolder]:
    folder = ModelFolder()
    yield folder
    folder.close()


def test_a_robot_owns_so_many_objects_of_a_kind_and_no_more(models: ModelFolder) -> None:
    stock, generator = Stock(models, variation=1), np.random.default_rng(0)
    drawn = [stock.draw("can", generator) for _ in range(200)]
    assert {stocked.model.kind for stocked in drawn} == {"can"}
    assert len({stocked.urdf for stocked in drawn}) == VARIANTS
    assert all(stocked.urdf.exists() for stocked in drawn)


def test_a_seed_draws_the_same_object_whatever_was_drawn_before(models: ModelFolder) -> None:
    fresh, used = Stock(models, variation=1), Stock(models, variation=1)
    for seed in range(5):
        used.draw("milk", np.random.default_rng(seed))
    first, again = (stock.draw("can", np.random.default_rng(7)) for stock in (fresh, used))
    assert first.urdf == again.urdf
    assert first.model.length_m == again.model.length_m


def test_robots_own_different_objects(models: ModelFolder) -> None:
    lengths = {
        Stock(models, variation=variation).draw("can", np.random.default_rng(7)).model.length_m
        for variation in range(1, 8)
    }
    assert len(lengths) == 7
