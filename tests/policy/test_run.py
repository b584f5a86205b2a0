"""Runs from spec to result, with a real catalog, a real (untrained) detector and a real cell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode
from data.episodes.index import list_episodes, save_episodes
from data.errors import ConfigurationError, InvalidInput, UnknownName
from data.runs.runs import Run, create_run, load_run
from data.tasks.store import store_tasks
from data.tasks.tasks import SEED_TASKS, Task
from data.workspace import Workspace, open_workspace
from policy.acting.policy import Policy
from policy.artefact import CHECKPOINT, list_policies, load_summary
from policy.artefact import save_summary as save_policy
from policy.cli import policy as command
from policy.config import load_recipe
from policy.learning.checkpoint import save_weights as save_policy_weights
from policy.learning.networks import build_network as build_policy_network
from policy.run import execute_run
from sd_model.artefact import WEIGHTS, DetectorSummary
from sd_model.artefact import save_summary as save_detector
from sd_model.config import load_recipe as load_detector_recipe
from sd_model.judging.thresholds import Threshold
from sd_model.learning.network import build_network
from sd_model.tensors import save_weights

MakeEpisode = Callable[..., Episode]
TRAIN: dict[str, Any] = {
    "recipe": "smoke", "overrides": {"batch_size": 8}, "detector": "untrained",
    "tasks": ["lift-can", "lift-any"], "strategy": "skill", "success_share": 1.0,
    "failure_share": 0.5, "updates": 25, "from_policy": None, "evaluation_episodes": 0,
    "robots": [], "seed": 3,
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path, make_episode: MakeEpisode) -> Workspace:
    """Five episodes, and a detector that was never trained."""
    opened = open_workspace(tmp_path / "workspace")
    save_episodes(
        Catalog(opened),
        [make_episode(steps=3, task="lift-any", terminal_grey=40 * n) for n in range(5)],
    )
    folder = opened.detectors / "untrained"
    config = load_detector_recipe("smoke", {"robot_frames": 0})
    network = build_network(config, len(SEED_TASKS), seed=0, device=torch.device("cpu"))
    save_weights(folder / WEIGHTS, network)
    chosen = Threshold(value=0.5, way="default", failures=0, false_positives=0, needed=0, bound=1.0)
    save_detector(
        DetectorSummary(
            detector_id="untrained",
            folder=folder,
            tasks=SEED_TASKS,
            holdout=(),
            created_at_ns=1,
            config=config,
            thresholds=dict.fromkeys(SEED_TASKS.names, chosen),
            seed=0,
            manifest_digest="m-1",
        )
    )
    return opened


def _executed(workspace: Workspace, kind: Any, spec: dict[str, Any]) -> Run:
    run = create_run(workspace, kind, spec)
    execute_run(run)
    return load_run(workspace, run.run_id)


def test_training_writes_a_policy_with_its_lineage(workspace: Workspace) -> None:
    run = _executed(workspace, "train-policy", TRAIN)
    status = run.status()
    assert (status.state, status.progress) == ("done", 1.0)
    (summary,) = list_policies(workspace)
    assert status.result["policy"] == summary.policy_id
    assert summary.tasks == ("lift-any", "lift-can")  # in the order of the workspace's tasks
    assert (summary.config.batch_size, summary.config.p_failure) == (8, 0.5)
    lineage = summary.lineage
    assert (lineage["detector"], lineage["manifest"], lineage["seed"]) == ("untrained", "m-1", 3)
    assert (lineage["updates"], lineage["log_replay"][0]["episodes"]) == (25, 5)
    # The untrained detector either finds no success of a task, and says so, or it finds one.
    taught = lineage["log_replay"][0]["taught"]
    assert lineage["without_success"] == [t for t in summary.tasks if not taught[t]["success"]]
    assert lineage["taught_by"] == ["robot-1"]
    assert summary.evaluation is None
    assert not (summary.folder / CHECKPOINT).exists()
    assert [row["step"] for row in run.metrics()] == [20, 25]


def test_interrupted_training_goes_on_and_a_finished_one_is_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy.learning.training.CHECKPOINT_UPDATES", 10)
    run = create_run(workspace, "train-policy", {**TRAIN, "updates": 40})
    folder = workspace.policies / run.run_id
    run.cancel()
    execute_run(run)  # cancelled before it starts
    assert run.status().state == "cancelled"
    run.cancel_path.unlink()

    class Killed(Exception):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("policy.learning.training.METRICS_UPDATES", 25)
        patch.setattr("policy.run.Part.metrics", die)
        with pytest.raises(Killed):
            execute_run(run)
    assert (folder / CHECKPOINT).exists()
    execute_run(run)
    assert load_summary(folder).lineage["updates"] == 40
    assert [row["step"] for row in run.metrics()] == [40]  # it went on after update 20
    written = (folder / "weights.safetensors").stat().st_mtime_ns
    execute_run(run)
    assert (folder / "weights.safetensors").stat().st_mtime_ns == written


def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy.learning.training.CHECKPOINT_UPDATES", 10)
    # Labels are made between the checkpoint after 20 updates and the publication after 24.
    overrides = {"batch_size": 8, "publish_updates": 12, "uses_per_label": 1}
    spec = {**TRAIN, "updates": 30, "overrides": overrides}
    unbroken = _executed(workspace, "train-policy", spec).status().result["policy"]

    class Killed(Exception):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    run = create_run(workspace, "train-policy", spec)
    with monkeypatch.context() as patch:
        patch.setattr("policy.run.Part.metrics", die)
        patch.setattr("policy.learning.training.METRICS_UPDATES", 25)
        with pytest.raises(Killed):
            execute_run(run)
    assert (workspace.policies / run.run_id / CHECKPOINT).exists()
    execute_run(run)
    killed, kept = (
        (workspace.policies / each / "weights.safetensors").read_bytes()
        for each in (run.run_id, unbroken)
    )
    assert killed == kept


@pytest.mark.parametrize("heads", ["one", "each"])
def test_finetuning_starts_from_a_policy_with_a_task_more(workspace: Workspace, heads: str) -> None:
    given = {**TRAIN, "overrides": {"batch_size": 8, "heads": heads}}
    first = _executed(workspace, "train-policy", given).status().result["policy"]
    spec = {**given, "from_policy": first, "tasks": ["lift-any", "lift-can", "lift-box"]}
    second = _executed(workspace, "train-policy", spec).status().result["policy"]
    summary = load_summary(workspace.policies / second)
    assert summary.lineage["from_policy"] == first
    assert summary.lineage["taught_by"] == ["robot-1"]
    assert summary.tasks == ("lift-any", "lift-box", "lift-can")


def test_collecting_and_evaluating_in_the_cell(workspace: Workspace) -> None:
    spec = {
        "robots": ["robot-2"], "behaviour": "scripted-pick", "policy": None,
        "tasks": ["lift-any"], "episodes_per_robot": 1, "seed": 0,
    }  # fmt: skip
    assert _executed(workspace, "collect", spec).status().result == {"episodes": 1}
    trained = _executed(
        workspace,
        "train-policy",
        {**TRAIN, "robots": ["robot-2"], "evaluation_episodes": 1, "compare_script": True},
    )
    policy_id = trained.status().result["policy"]
    evaluation = load_summary(workspace.policies / policy_id).evaluation
    assert evaluation is not None
    assert evaluation["behaviour"] == f"policy:{policy_id}"
    assert {task: rate["attempts"] for task, rate in evaluation["by_task"].items()} == {
        "lift-any": 1,
        "lift-can": 1,
    }
    assert evaluation["script"]["behaviour"] == "scripted"
    assert set(evaluation["script"]["by_task"]) == {"lift-any", "lift-can"}
    _executed(workspace, "collect", {**spec, "policy": policy_id, "seed": 1})
    behaviours = {each.info.behaviour for each in list_episodes(Catalog(workspace), kind="robot")}
    assert f"policy:{policy_id}" in behaviours


def test_the_supervised_baseline_learns_grasps_and_grasps(workspace: Workspace) -> None:
    collect = {
        "robots": ["robot-2"], "behaviour": "scripted-pick", "tasks": ["lift-any"],
        "episodes_per_robot": 2, "recipe": "smoke",
    }  # fmt: skip
    _executed(workspace, "collect", collect)
    spec = {
        **TRAIN, "overrides": {"batch_size": 8, "method": "supervised", "sight": "ground"},
        "detector": None, "tasks": ["lift-any"], "updates": 3, "robots": ["robot-2"],
        "evaluation_episodes": 1,
    }  # fmt: skip
    run = _executed(workspace, "train-policy", spec)
    summary = load_summary(workspace.policies / run.status().result["policy"])
    fill = summary.lineage["log_replay"][0]
    assert fill["episodes"] == 2
    assert summary.evaluation is not None
    assert summary.evaluation["by_task"]["lift-any"]["attempts"] == 1
    with pytest.raises(InvalidInput, match="knows grasps alone"):
        _executed(workspace, "train-policy", {**spec, "tasks": ["lift-any", "place-any"]})


COLLECT: dict[str, Any] = {
    "robots": ["robot-2"], "policy": "knows-two", "tasks": ["lift-cloth"], "episodes_per_robot": 2,
    "seed": 0,
}  # fmt: skip


@pytest.fixture
def knows_two(workspace: Workspace) -> None:
    """An untrained policy for two tasks, and a task that is new to it and to the simulator."""
    store_tasks(workspace, [*SEED_TASKS, Task(name="lift-cloth", skill="lift")])
    config = load_recipe("smoke", {"max_steps": 2})
    folder = workspace.policies / "knows-two"
    save_policy_weights(folder, build_policy_network(config, 2, seed=0))
    save_policy(folder, tasks=("lift-any", "lift-can"), config=config, created_at_ns=1, lineage={})


@pytest.mark.usefixtures("knows_two")
def test_training_and_acting_obey_the_one_setting_of_the_device(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOALPOST_DEVICE", "cuda:99")
    acting = {"robots": ["robot-1"], "policy": "knows-two", "tasks": ["lift-can"]}
    for kind, spec in (
        ("train-policy", TRAIN),
        ("train-policy", {**TRAIN, "detector": None}),
        ("collect", {**acting, "episodes_per_robot": 1}),
        ("evaluate-policy", {**acting, "episodes_per_task": 1}),
    ):
        with pytest.raises(ConfigurationError, match="This machine has no 'cuda:99'"):
            _executed(workspace, kind, spec)


@pytest.mark.usefixtures("knows_two")
def test_a_policy_collects_for_a_task_it_does_not_know(workspace: Workspace) -> None:
    with pytest.raises(UnknownName, match="acting as for one it knows"):
        _executed(workspace, "collect", COLLECT)
    run = _executed(workspace, "collect", {**COLLECT, "acting_as": "lift-any"})
    assert run.status().result == {"episodes": 2}
    found = [
        each.info
        for each in list_episodes(Catalog(workspace), kind="robot")
        if each.info.behaviour == "policy:knows-two"
    ]
    # What was commanded, not what it acted as; the simulator does not know how the new task ended.
    assert [info.task for info in found] == ["lift-cloth", "lift-cloth"]
    assert all("lift-cloth" not in (info.truth or {}) for info in found)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"acting_as": "lift-box"}, UnknownName, "lift-box.*policy knows-two"),
        ({"acting_as": "lift-anny"}, UnknownName, "Did you mean 'lift-any'"),
        ({"acting_as": "lift-any", "tasks": ["place-any"]}, InvalidInput, "object in hand"),
        (
            {"acting_as": "lift-any", "policy": None, "behaviour": "noisy"},
            InvalidInput,
            "alike for every task",
        ),
    ],
)
@pytest.mark.usefixtures("knows_two")
def test_acting_as_what_makes_no_sense_is_refused(
    workspace: Workspace, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _executed(workspace, "collect", {**COLLECT, **change})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"recipie": "cpu"}, UnknownName, "Did you mean 'recipe'"),
        ({"overrides": {"batch_sise": 3}}, UnknownName, "Did you mean 'batch_size'"),
        ({"detector": "untraind"}, UnknownName, "Did you mean 'untrained'"),
        ({"tasks": ["lift-cat"]}, UnknownName, "Did you mean 'lift-can'"),
        ({"tasks": ["place-any"]}, InvalidInput, "no experience"),
        ({"from_policy": "p"}, UnknownName, "Unknown policy 'p'"),
        ({"holdout": ["robot-77"]}, UnknownName, "Did you mean 'robot-7'"),
        ({"evaluation_episodes": 1, "robots": ["robot-77"]}, UnknownName, "Did you mean 'robot-7'"),
        ({"evaluation_episodes": 1}, InvalidInput, "no robot is named"),
    ],
)
def test_a_spec_that_cannot_be_carried_out_fails_with_a_reason(
    workspace: Workspace, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    run = create_run(workspace, "train-policy", {**TRAIN, **change})
    with pytest.raises(error, match=message):
        execute_run(run)
    status = run.status()
    assert status.state == "failed"
    assert status.error
    assert list_policies(workspace) == []


@pytest.mark.parametrize(
    ("kind", "needed"),
    [("collect", "robots"), ("train-policy", "detector"), ("evaluate-policy", "policy")],
)
def test_a_spec_that_lacks_a_setting_says_which(
    workspace: Workspace, kind: Any, needed: str
) -> None:
    run = create_run(workspace, kind, {"seed": 0})
    with pytest.raises(InvalidInput, match=f"lacks the setting '{needed}'"):
        execute_run(run)
    assert run.status().state == "failed"


def test_cli_executes_lists_and_shows(workspace: Workspace) -> None:
    run = create_run(workspace, "train-policy", TRAIN)
    runner, root = CliRunner(), ["--workspace", str(workspace.root)]
    assert "No policy yet" in runner.invoke(command, [*root, "list"]).output
    assert runner.invoke(command, ["execute", str(run.folder)]).exit_code == 0
    assert run.run_id in runner.invoke(command, [*root, "list"]).output
    shown = runner.invoke(command, [*root, "show", run.run_id]).output
    assert "25 updates, rewards of detector untrained" in shown
    refused = runner.invoke(command, [*root, "show", "p"])
    assert refused.exit_code == 1
    assert "Error: Unknown policy 'p'" in refused.output


def test_cli_trains_with_settings(workspace: Workspace) -> None:
    arguments = [
        "--workspace", str(workspace.root), "train", "--detector", "untrained",
        "--task", "lift-any", "--recipe", "smoke", "--updates", "3",
        "--set", "batch_size=4", "--set", "optimizer=sgd",
    ]  # fmt: skip
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    (summary,) = list_policies(workspace)
    assert (summary.config.batch_size, summary.config.optimizer) == (4, "sgd")
    assert json.loads((summary.folder / "config.json").read_text())["tasks"] == ["lift-any"]
    action = Policy.load(summary.folder)
    assert action.tasks == ("lift-any",)
