import platform
import sys

import pytest

from data.cells.client import running_hosts, start_host
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.opening import has_simulator, open_cell
from data.errors import CellError
from data.workspace import Workspace


def test_without_pybullet_it_is_said_what_is_missing_and_what_works(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_simulator()
    monkeypatch.setitem(sys.modules, "pybullet", None)
    assert not has_simulator()
    with pytest.raises(CellError, match="PyBullet") as told:
        open_cell(SIMULATED_FLEET[0])
    assert platform.python_version() in told.value.what
    assert "cameras of their own" in str(told.value.next_step)
    with pytest.raises(CellError, match="PyBullet"):
        start_host(workspace, "robot-1")
    assert not running_hosts(workspace)
