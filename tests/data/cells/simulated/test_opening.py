import platform
import sys

import pytest

from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.opening import has_simulator, open_cell
from data.errors import CellError


def test_without_pybullet_it_is_said_what_is_missing_and_what_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert has_simulator()
    monkeypatch.setitem(sys.modules, "pybullet", None)
    assert not has_simulator()
    with pytest.raises(CellError, match="PyBullet") as told:
        open_cell(SIMULATED_FLEET[0])
    assert platform.python_version() in told.value.what
    assert "cameras of their own" in str(told.value.next_step)
