from __future__ import annotations

from typing import Any

import pytest

from app import jobs
from app.retraining import retraining_spec
from data.errors import UnknownName


def test_a_run_goes_on_from_the_detector(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = world.add_detector("first", ["lift-any"])
    spec = retraining_spec(summary)
    assert spec == {
        "from_detector": "first",
        "holdout": ["robot-7"],
        "tasks": ["lift-any"],
        "seed": 0,
    }
    monkeypatch.setattr(jobs, "launch", lambda run, command: None)
    assert jobs.start(world.workspace, "train-detector", spec).spec == spec
    with pytest.raises(UnknownName, match="detector"):
        jobs.start(world.workspace, "train-detector", {**spec, "from_detector": "second"})
