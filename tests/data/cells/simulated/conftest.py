from __future__ import annotations

from collections.abc import Iterator

import pytest

from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import SimulatedCell, make_cell


@pytest.fixture(scope="module")
def cell() -> Iterator[SimulatedCell]:
    """One robot's cell, shared by a module's tests: each begins with reset or new_scene."""
    cell = make_cell(SIMULATED_FLEET[0])
    yield cell
    cell.close()
