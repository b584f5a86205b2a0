"""The whole loop, headless: the same code as `make demo`, only less of everything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.demo import DemoPlan, run_demo
from data.catalog.catalog import Catalog
from data.cells.client import running_hosts
from data.episodes.index import list_episodes
from data.labels.labels import standing_labels
from policy.artefact import load_summary
from sd_model.judging.detector import Detector
from sd_model.judging.report_files import load_report

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


def test_the_whole_loop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = DemoPlan(
        robots=("robot-1", "robot-2"),
        holdout="robot-2",
        tasks=("lift-any", "place-any"),
        pairs=2,
        clip_seconds=1.0,
        episodes_per_robot=3,
        detector_recipe="smoke",
        detector_overrides={"steps": 30},
        policy_tasks=("lift-any", "place-any"),
        policy_recipe="smoke",
        policy_overrides={"max_steps": 4, "updates_per_episode": 2.5},
        updates=20,
        episodes=9,
        evaluation_episodes=1,
    )
    workspace = run_demo(tmp_path / "workspace", plan)
    catalog = Catalog(workspace)

    clips = list_episodes(catalog, kind="clip")
    assert len(clips) == 2 * 2 * 2 * 2
    pairs = {clip.info.pair_id for clip in clips}
    assert all(
        {c.info.outcome for c in clips if c.info.pair_id == pair} == {"success", "failure"}
        for pair in pairs
    )
    episodes = list_episodes(catalog, kind="robot")
    collected = 9  # the scripts' six of robot-1 among them
    assert len([each for each in episodes if each.info.robot == "robot-1"]) == collected
    labels = standing_labels(catalog)
    assert {label.source for label in labels} == {"clip", "simulator"}
    assert len(labels) == len(clips) + 2 * 2 * 3 * len(plan.tasks)

    [detector_folder] = workspace.detectors.iterdir()
    assert Detector.load(detector_folder).tasks == plan.tasks
    held_out = [cell for cell in load_report(detector_folder).cells if cell.split == "holdout"]
    assert {cell.robot for cell in held_out} == {"robot-2"}

    [policy_folder] = workspace.policies.iterdir()
    policy = load_summary(policy_folder)
    assert policy.lineage["detector"] == detector_folder.name
    assert policy.evaluation is not None
    assert policy.evaluation["by_robot"].keys() == {"robot-2"}
    assert policy.evaluation["by_task"]["lift-any"]["attempts"] == 1
    assert policy.evaluation["script"]["by_task"]["lift-any"]["attempts"] == 1
    metrics = [
        json.loads(line)
        for run in workspace.runs.glob("*train-policy*")
        for line in (run / "metrics.jsonl").read_text().splitlines()
    ]
    assert metrics[-1]["step"] == plan.updates

    assert running_hosts(workspace) == {}, "the demo leaves no process behind"
    printed = capsys.readouterr().out
    for folder in (detector_folder, policy_folder):
        assert str(folder) in printed
