"""kill -9, of everything that works: what was done stays, and work goes on where it stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from data.catalog.catalog import Catalog
from data.cells.client import CellClient
from data.episodes.index import list_episodes, load_episode
from data.runs.runs import Run, create_run, list_runs
from data.workspace import Workspace
from policy.artefact import load_summary

if TYPE_CHECKING:
    from conftest import ServedApp

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

Wait = Callable[[Callable[[], bool]], None]


def _record_page() -> None:
    from app.views.record import render

    render()


def _policy_page() -> None:
    from app.views.policy import render

    render()


def _kill(run: Run) -> None:
    pid = run.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_a_recording_outlives_the_server(
    workspace: Workspace, serve: Callable[[], ServedApp], wait_until: Wait
) -> None:
    app = serve()
    assert "Step 1 of 2: show success" in app.page("record")  # which starts the host
    with CellClient(workspace, "robot-1") as cell:
        clip = cell.start_recording(task="lift-any", outcome="success", pair_id="p", by="ann")
        time.sleep(1.0)
        killed_ns = time.time_ns()
        os.kill(app.server, signal.SIGKILL)
        assert app.process.wait(30) != 0
        time.sleep(1.0)
        again = serve()
        assert "Recording success of lift-any" in again.page("record")
        at = AppTest.from_function(_record_page, default_timeout=60.0).run()
        at.button(key="record-stop").click().run()
        assert not at.exception
        assert not at.error
        assert cell.status().recording is None
    steps = load_episode(Catalog(workspace), clip).steps
    times_ns = [step.frames.timestamps_ns["left"] for step in steps]
    assert times_ns[0] < killed_ns - 0.5e9
    assert times_ns[-1] > killed_ns + 1e9
    gaps_s = [(b - a) / 1e9 for a, b in pairwise(times_ns)]
    assert sorted(gaps_s)[len(gaps_s) // 2] == pytest.approx(0.2, abs=0.02)


def test_a_policy_training_goes_on_from_its_checkpoint(
    workspace: Workspace,
    record_robot_episodes: Callable[..., None],
    untrained_detector: Callable[[Workspace], str],
    goalpost: Callable[..., str],
    launch_policy_run: Callable[[Run, str], None],
    wait_until: Wait,
) -> None:
    record_robot_episodes(workspace, 4)
    run = create_run(workspace, "train-policy", {
        "recipe": "smoke", "overrides": {"batch_size": 4, "label_batch_size": 8},
        "detector": untrained_detector(workspace), "tasks": ["lift-any"], "strategy": "orig",
        "success_share": 1.0, "failure_share": 1.0, "updates": 60, "from_policy": None,
        "evaluation_episodes": 0, "robots": [], "seed": 0,
    })  # fmt: skip
    launch_policy_run(run, "import policy.learning.training as t; t.CHECKPOINT_UPDATES = 20")
    checkpoint = workspace.policies / run.run_id / "checkpoint.safetensors"
    wait_until(checkpoint.exists)
    _kill(run)
    wait_until(lambda: run.status().state == "lost")
    reached = run.metrics()[-1]["step"]
    at = AppTest.from_function(_policy_page, default_timeout=60.0).run()
    assert "stopped without a word" in at.expander[0].label

    goalpost("policy", "execute", str(run.folder))

    assert run.status().state == "done"
    assert load_summary(workspace.policies / run.run_id).lineage["updates"] == 60
    steps = [row["step"] for row in run.metrics()]
    assert reached in (20, 40)
    assert steps[steps.index(reached) + 1] in (40, 60)


def test_a_collection_goes_on_without_doing_anything_twice(
    workspace: Workspace,
    goalpost: Callable[..., str],
    launch_policy_run: Callable[[Run, str], None],
    flush_often: str,
    wait_until: Wait,
) -> None:
    run = create_run(workspace, "collect", {
        "robots": ["robot-1"], "behaviour": "scripted-pick", "policy": None,
        "tasks": ["lift-any"], "episodes_per_robot": 7, "seed": 0,
    })  # fmt: skip
    launch_policy_run(run, flush_often)
    catalog = Catalog(workspace)
    wait_until(lambda: len(list_episodes(catalog)) >= 4)
    _kill(run)
    wait_until(lambda: run.status().state == "lost")
    kept = {each.info.episode_id for each in list_episodes(catalog)}

    goalpost("policy", "execute", str(run.folder))

    (again,) = list_runs(workspace)
    assert (again.status().state, again.status().result) == ("done", {"episodes": 7})
    found = {each.info.episode_id for each in list_episodes(catalog)}
    assert kept <= found
    assert len(found) == 7
