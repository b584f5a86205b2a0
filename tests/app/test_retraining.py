from __future__ import annotations

from typing import Any

import pytest

from app import jobs
from app.retraining import newest_retraining, retraining_spec, what_fixes_do
from data.errors import UnknownName
from data.labels.labels import Label
from data.runs.runs import create_run, list_runs


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


def test_only_the_newest_training_can_have_gone_on_from_what_is_shown(world: Any) -> None:
    first, other = (world.add_detector(name, ["lift-any"]) for name in ("first", "other"))
    create_run(world.workspace, "train-detector", {"from_detector": "first"})
    create_run(world.workspace, "collect", {})
    runs = list_runs(world.workspace)
    assert newest_retraining(runs, first) == runs[1]
    assert newest_retraining(runs, other) is None
    create_run(world.workspace, "train-detector", {"recipe": "smoke"})
    assert newest_retraining(list_runs(world.workspace), first) is None


def _fix(split: str | None) -> Label:
    return Label(
        label_id="fix",
        episode_id="clip",
        frame_index=1,
        task="lift-any",
        outcome="failure",
        by="ana",
        source="review",
        at_ns=1,
        split=split,
    )


def test_it_is_said_which_fixes_only_judge(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any"])
    judging = "about held-out robots (robot-7): the new detector is judged by that"
    teach = "record or label more like it on a robot that is not held out"
    assert what_fixes_do([], summary) == ""
    one = what_fixes_do([_fix("holdout")], summary)
    assert one.startswith(f"It is {judging}")
    assert teach in one
    assert what_fixes_do([_fix("holdout")] * 3, summary).startswith(f"All 3 are {judging}")
    mixed = what_fixes_do([_fix("holdout"), _fix("validation"), _fix(None)], summary)
    assert mixed.startswith(f"1 label is {judging}")
    assert "1 label is about clips kept apart" in mixed
    assert teach not in mixed
