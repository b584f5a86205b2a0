"""Which detector is in use: the one approved last."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from data.errors import InvalidInput, UnknownName
from data.workspace import Workspace, open_workspace
from sd_model.approval import approvals, approve, withdraw
from sd_model.serving.current import CurrentDetector


@pytest.fixture
def workspace(trained: Any, tmp_path: Any) -> Workspace:
    """A workspace with two copies of one detector."""
    workspace = open_workspace(tmp_path / "serving")
    for name in ("one", "two"):
        folder = workspace.detectors / name
        shutil.copytree(trained.detector.folder, folder)
        content = (folder / "config.json").read_text()
        (folder / "config.json").write_text(content.replace('"squares"', f'"{name}"'))
    return workspace


def test_the_one_approved_last_is_in_use(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="No detector is approved"):
        CurrentDetector(workspace)
    approve(workspace, "one", by="ann", at_ns=1)
    current = CurrentDetector(workspace)
    before = current.trusted
    assert before.detector.detector_id == "one"
    assert {cell.robot for cell in before.cells} == {"robot-4"}
    assert not current.refresh()
    approve(workspace, "two", by="ann", at_ns=2)
    assert current.refresh()
    assert current.trusted.detector.detector_id == "two"
    assert before.detector.detector_id == "one"  # whoever has it goes on with it
    withdraw(workspace, "two")
    assert current.refresh()
    assert current.trusted.detector.detector_id == "one"
    assert [each.by for each in approvals(workspace)] == ["ann"]


def test_a_certain_one_stays(workspace: Workspace) -> None:
    approve(workspace, "two", by="ann", at_ns=2)
    current = CurrentDetector(workspace, pinned="one")
    assert not current.refresh()
    with pytest.raises(UnknownName, match="Did you mean 'two'"):
        approve(workspace, "tow", by="ann", at_ns=3)


def test_figures_are_those_of_the_robot_or_of_all_held_out(workspace: Workspace) -> None:
    cells = CurrentDetector(workspace, pinned="one").trusted
    assert [cell.robot for cell in cells.cells_of("show-red", "robot-4")] == ["robot-4"]
    assert [cell.robot for cell in cells.cells_of("show-red", "robot-1")] == ["robot-4"]
