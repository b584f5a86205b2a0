import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app import jobs
from data.cells.robots import Robot, register_robot
from data.errors import ConfigurationError, GoalpostError, InvalidInput, UnknownName
from data.runs.runs import list_runs
from data.tasks.changes import define_task, rename_task
from data.tasks.tasks import Task

_COLLECT = {
    "robots": ["robot-1"],
    "behaviour": "scripted-pick",
    "policy": None,
    "tasks": ["lift-any"],
    "episodes_per_robot": 2,
    "seed": 0,
}
_DETECTOR = {
    "recipe": "smoke",
    "overrides": {},
    "holdout": ["robot-7"],
    "tasks": ["lift-any"],
    "seed": 0,
}
_POLICY = {
    "recipe": "smoke",
    "overrides": {},
    "detector": "first",
    "tasks": ["lift-any"],
    "strategy": "skill",
    "success_share": 1.0,
    "failure_share": 1.0,
    "updates": 10,
    "from_policy": None,
    "evaluation_episodes": 2,
    "robots": ["robot-1"],
    "seed": 0,
}


def test_a_task_is_judged_under_its_new_name_and_under_the_old_one(world: Any) -> None:
    define_task(world.catalog, Task(name="lift-cup", skill="lift"))
    world.add_detector("first", ["lift-any", "lift-cup"])
    rename_task(world.catalog, "lift-cup", "lift-mug")
    for name in ("lift-cup", "lift-mug"):
        jobs._check_judged(world.workspace, "first", [name])
    with pytest.raises(InvalidInput, match="does not judge 'lift-can'"):
        jobs._check_judged(world.workspace, "first", ["lift-can"])


def test_each_kind_of_run_has_its_command() -> None:
    folder = Path("runs/one")
    assert jobs.command_of("train-detector", folder) == [
        sys.executable, "-m", "sd_model.cli", "execute", "runs/one",
    ]  # fmt: skip
    for kind in ("collect", "train-policy", "evaluate-policy"):
        assert jobs.command_of(kind, folder)[2] == "policy.cli"
    with pytest.raises(UnknownName, match="collect"):
        jobs.command_of("colect", folder)


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        ("collect", _COLLECT | {"tasks": []}, "No task is chosen"),
        ("collect", _COLLECT | {"tasks": ["lift-carot"]}, "Did you mean 'lift-carrot'"),
        ("collect", _COLLECT | {"robots": []}, "No robot is chosen"),
        ("collect", _COLLECT | {"robots": ["cell-a"]}, "cannot move the arm of 'cell-a'"),
        ("collect", _COLLECT | {"episodes_per_robot": 0}, "episodes for each robot cannot be 0"),
        ("collect", _COLLECT | {"policy": "gone"}, "Unknown policy 'gone'"),
        ("collect", _COLLECT | {"policy": "unfinished"}, "Unknown policy 'unfinished'"),
        ("collect", _COLLECT | {"seed": -1}, "seed"),
        ("train-detector", _DETECTOR | {"holdout": ["robot-9"]}, "Unknown robot 'robot-9'"),
        ("train-detector", _DETECTOR | {"recipe": "cpuu"}, "Did you mean 'cpu'"),
        ("train-detector", _DETECTOR | {"overrides": {"stepz": 1}}, "Did you mean 'steps'"),
        ("train-policy", _POLICY | {"detector": "gone"}, "Unknown detector 'gone'"),
        ("train-policy", _POLICY | {"strategy": "none"}, "Unknown strategy 'none'"),
        ("train-policy", _POLICY | {"success_share": 1.5}, "share of successes kept cannot be 1.5"),
        ("train-policy", _POLICY | {"overrides": {"gamma": 2.0}}, "gamma"),
        ("train-policy", _POLICY | {"updates": 0}, "updates cannot be 0"),
        ("train-policy", _POLICY | {"tasks": ["place-any"]}, "does not judge 'place-any'"),
    ],
)
def test_a_spec_that_cannot_be_carried_out_makes_no_run(
    world: Any, kind: str, spec: dict[str, Any], words: str
) -> None:
    cameras = {"over_shoulder": "0", "left": "1", "right": "2"}
    register_robot(world.catalog, Robot(name="cell-a", kind="hardware", cameras=cameras))
    world.add_detector("first", ["lift-any"])
    (world.workspace.policies / "unfinished").mkdir()
    with pytest.raises(GoalpostError, match=words) as raised:
        jobs.start(world.workspace, kind, spec)
    assert isinstance(raised.value, InvalidInput | UnknownName | ConfigurationError)
    assert list_runs(world.workspace) == []


def test_a_missing_setting_is_named(world: Any) -> None:
    spec = {key: value for key, value in _COLLECT.items() if key != "seed"}
    with pytest.raises(InvalidInput, match="'seed'"):
        jobs.start(world.workspace, "collect", spec)


def test_a_collection_that_is_started_again_makes_no_scene_twice(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "launch", lambda run, command: None)
    first = jobs.start(world.workspace, "collect", _COLLECT)
    again = jobs.start_again(world.workspace, first)
    assert again.spec == {**_COLLECT, "seed": 1}
    assert jobs.start_again(world.workspace, first).spec["seed"] == 2


def test_a_run_is_launched_in_a_process_of_its_own_and_watched(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command really runs; another program stands in for the long training."""
    program = (
        "import sys; from pathlib import Path; from data.runs.runs import open_run\n"
        "from data.runs.reporter import RunReporter\n"
        "with RunReporter(open_run(Path(sys.argv[1]))) as report:\n"
        "    report.progress(0.5, 'half way'); report.result(episodes=2)"
    )
    monkeypatch.setattr(
        jobs, "command_of", lambda kind, folder: [sys.executable, "-c", program, str(folder)]
    )
    run = jobs.start(world.workspace, "collect", _COLLECT)
    deadline_s = time.monotonic() + 60
    while jobs.active_runs(world.workspace) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert run.status().state == "done", run.log_tail(20)
    assert run.status().result == {"episodes": 2}
    (shown,) = jobs.runs_to_show(world.workspace, "collect")
    assert shown.run_id == run.run_id
    assert jobs.runs_to_show(world.workspace, "train-policy") == []
    assert jobs.next_seed(world.workspace, "collect") == 1
