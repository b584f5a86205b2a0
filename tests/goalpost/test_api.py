"""The public API: what it names, and what it does not drag in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import goalpost
from data.workspace import open_workspace


def test_importing_it_loads_neither_the_app_nor_torch() -> None:
    code = (
        "import sys, goalpost;"
        "print(sorted({'torch', 'streamlit', 'duckdb', 'pybullet', 'app'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_what_it_names() -> None:
    assert sorted(goalpost.__all__) == [
        "CAMERAS", "Detector", "GoalpostError", "SuccessReward",
        "load_detector", "load_policy", "reward_classifier",
    ]  # fmt: skip
    assert all(getattr(goalpost, name).__doc__ for name in goalpost.__all__)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(goalpost.GoalpostError, match="no Goalpost workspace"):
        goalpost.load_detector("squares", workspace=tmp_path / "nowhere")
    open_workspace(tmp_path / "workspace")
    with pytest.raises(goalpost.GoalpostError, match="Unknown detector 'squares'"):
        goalpost.load_detector("squares", workspace=tmp_path / "workspace")
    with pytest.raises(goalpost.GoalpostError, match="Unknown policy 'grasper'"):
        goalpost.load_policy("grasper", workspace=str(tmp_path / "workspace"))
