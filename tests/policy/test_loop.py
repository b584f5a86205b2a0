"""The loop with a real cell in a process of its own, and the simulator's truth as reward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes
from data.runs.runs import create_run, load_run
from data.workspace import open_workspace
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
def test_robots_collect_with_what_the_trainer_published(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "workspace")
    run = create_run(workspace, "train-policy", SPEC)
    execute_run(run)
    run = load_run(workspace, run.run_id)
    assert run.status().state == "done"
    (policy,) = list_policies(workspace)
    assert (policy.lineage["detector"], policy.lineage["updates"]) == (None, 6)
    infos = [each.info for each in list_episodes(Catalog(workspace), kind="robot")]
    assert len(infos) == 5
    assert {info.robot for info in infos} == {"robot-1"}
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
