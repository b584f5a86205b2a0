"""Studies of small arms, with a real cell to judge them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode
from data.episodes.index import save_episodes
from data.errors import InvalidInput, UnknownName
from data.runs.runs import list_runs
from data.tasks.changes import define_task
from data.tasks.tasks import Task
from data.workspace import open_workspace
from policy.ablation import STUDIES, Arm, Study, ablate, table
from policy.artefact import list_policies

MakeEpisode = Callable[..., Episode]
STUDY = Study(
    tasks=("lift-any", "lift-can"),
    holdout=("robot-7",),
    detector=None,
    recipe="smoke",
    updates=4,
    attempts=1,
    seed=3,
    overrides={"max_steps": 2, "batch_size": 8},
)
ARMS = {
    "together": Arm(settings={"batch_size": 4}),
    "apart": Arm(settings={"balancing": "rand"}, apart=True),
}


@pytest.fixture
def catalog(tmp_path: Path, make_episode: MakeEpisode) -> Catalog:
    catalog = Catalog(open_workspace(tmp_path / "workspace"))
    truth = {"lift-any": True, "lift-can": False}
    save_episodes(catalog, [make_episode(steps=3, truth=truth) for _ in range(3)])
    save_episodes(catalog, [make_episode(steps=3, truth=truth, robot="robot-7")])
    return catalog


def test_every_arm_is_judged_and_none_twice(catalog: Catalog, tmp_path: Path) -> None:
    results, said = tmp_path / "results.json", []
    ablate(catalog, STUDY, {"together": ARMS["together"]}, results, say=said.append)
    rates = ablate(catalog, STUDY, ARMS, results, say=said.append)
    assert said == ["together (1 of 1)", "apart (2 of 2)"]
    assert {name: set(row) for name, row in rates.items()} == {
        "together": {"lift-any", "lift-can"},
        "apart": {"lift-any", "lift-can"},
    }
    stored = json.loads(results.read_text())
    assert stored["episodes"] == 3  # without the one of the robot that judges
    assert stored["arms"]["apart"]["lift-can"]["attempts"] == 1
    # One policy for both tasks, and one for each with half of the updates.
    runs = {tuple(run.spec["tasks"]): run.spec["updates"] for run in list_runs(catalog.workspace)}
    assert runs == {("lift-any", "lift-can"): 4, ("lift-any",): 2, ("lift-can",): 2}
    changed = {
        tuple(run.spec["tasks"]): run.spec["overrides"] for run in list_runs(catalog.workspace)
    }
    assert changed == {
        ("lift-any", "lift-can"): {"max_steps": 2, "batch_size": 4},
        ("lift-any",): {"max_steps": 2, "batch_size": 8, "balancing": "rand"},
        ("lift-can",): {"max_steps": 2, "batch_size": 8, "balancing": "rand"},
    }
    assert len(list_policies(catalog.workspace)) == 3
    for policy in list_policies(catalog.workspace):
        assert sum(fill["episodes"] for fill in policy.lineage["log_replay"]) == 3


def test_other_episodes_or_another_study_are_refused(
    catalog: Catalog, tmp_path: Path, make_episode: MakeEpisode
) -> None:
    results = tmp_path / "results.json"
    ablate(catalog, STUDY, {"together": ARMS["together"]}, results, say=lambda name: None)
    with pytest.raises(InvalidInput, match="their study was"):
        ablate(catalog, replace(STUDY, updates=5), ARMS, results, say=lambda name: None)
    save_episodes(catalog, [make_episode(steps=3, truth={"lift-any": True, "lift-can": True})])
    with pytest.raises(InvalidInput, match="their episodes was 3 and is 4"):
        ablate(catalog, STUDY, ARMS, results, say=lambda name: None)


def test_a_task_that_the_simulator_cannot_judge_is_refused_before_any_training(
    catalog: Catalog, tmp_path: Path
) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift"))
    study = replace(STUDY, tasks=("lift-any", "lift-cup"))
    with pytest.raises(UnknownName, match="judged by the simulator"):
        ablate(catalog, study, ARMS, tmp_path / "results.json", say=lambda name: None)
    assert list_runs(catalog.workspace) == []


def test_the_table_has_the_papers_summaries() -> None:
    lines = table({"a": {"x": 0.2, "y": 0.4}, "longer": {"x": 1.0, "y": 0.0}}).splitlines()
    assert lines[0].split() == ["a", "longer"]
    assert [line.split()[-2:] for line in lines[1:]] == [
        ["0.20", "1.00"], ["0.40", "0.00"], ["0.20", "0.00"], ["0.25", "0.25"], ["0.30", "0.50"],
        ["0.35", "0.75"], ["0.40", "1.00"], ["0.30", "0.50"],
    ]  # fmt: skip


def test_the_strategies_are_the_papers_eight_columns() -> None:
    arms = STUDIES["strategies"]
    assert len(arms) == 8
    assert [name for name, arm in arms.items() if arm.apart] == ["QT-Opt"]
    assert arms["skill(1, 0.15), rebal"].settings == {
        "strategy": "skill", "balancing": "rebal", "p_failure": 0.15,
    }  # fmt: skip
