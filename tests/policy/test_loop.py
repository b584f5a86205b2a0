"""The loop with a real cell in a process of its own, and the simulator's truth as reward."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode
from data.episodes.index import list_episodes, save_episodes
from data.errors import InvalidInput
from data.runs.runs import create_run, load_run
from data.workspace import open_workspace
from policy.acting.fleet import Counts, Orders
from policy.artefact import list_policies
from policy.run import execute_run

SPEC: dict[str, Any] = {
    "recipe": "smoke",
    "overrides": {"scripted_episodes": 2, "publish_updates": 2, "updates_per_episode": 1.0,
                  "max_steps": 3, "greedy_share": 1.0},
    "detector": None, "tasks": ["lift-any"], "updates": 6, "robots": ["robot-7"],
    "collect_robots": ["robot-1"], "episodes": 5, "processes": 1, "seed": 3,
}  # fmt: skip


@pytest.mark.timeout(300)
def test_robots_collect_with_what_the_trainer_published(
    tmp_path: Path, make_episode: Callable[..., Episode]
) -> None:
    workspace = open_workspace(tmp_path / "workspace")
    # They teach no lift: training waits for those that do.
    placed = [
        make_episode(steps=2, task="place-any", robot="robot-2", truth={"place-any": True})
        for _ in range(8)
    ]
    save_episodes(Catalog(workspace), placed)
    run = create_run(workspace, "train-policy", SPEC)
    execute_run(run)
    run = load_run(workspace, run.run_id)
    assert run.status().state == "done"
    (policy,) = list_policies(workspace)
    assert (policy.lineage["detector"], policy.lineage["updates"]) == (None, 6)
    infos = [
        each.info for each in list_episodes(Catalog(workspace), kind="robot", robots=["robot-1"])
    ]
    assert len(infos) == 5
    assert not any(info.behaviour.startswith("policy:") for info in infos[:2])
    row = run.metrics()[-1]
    assert row["collected"] == 5.0
    held = row["episodes_failed/lift-any"] + row["episodes_succeeded/lift-any"]
    assert 0 < held <= 5
    assert len(list((run.folder / "tensorboard").iterdir())) == 1
    # Nothing of the fleet is left behind.
    assert sorted(path.name for path in policy.folder.iterdir()) == [
        "config.json", "lineage.json", "weights.safetensors",
    ]  # fmt: skip


class RestingFleet:
    """Robots that have collected all they were to."""

    def __init__(self, orders: Orders, *, processes: int, collected: int) -> None:
        self.counts = Counts(len(orders.tasks), collected)
        self.rests = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def check(self) -> None:
        pass


@pytest.mark.timeout(60)
def test_training_does_not_wait_for_robots_that_rest(
    tmp_path: Path, make_episode: Callable[..., Episode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy.loop.Fleet", RestingFleet)
    workspace = open_workspace(tmp_path / "workspace")
    # Of use to nobody who looks at the ground: they do not say where the gripper was.
    episodes = [make_episode(steps=2, truth={"lift-any": True}) for _ in range(5)]
    save_episodes(Catalog(workspace), episodes)
    blind = {**SPEC, "overrides": {**SPEC["overrides"], "sight": "ground"}}
    with pytest.raises(InvalidInput, match="no experience of these tasks"):
        execute_run(create_run(workspace, "train-policy", blind))
