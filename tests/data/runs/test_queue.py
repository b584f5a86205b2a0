from __future__ import annotations

import os
import sys
import time

import pytest

from data.runs.queue import ahead_of, places, put_first, thread_settings
from data.runs.runs import create_run, launch

BODY = """
import sys, time
from pathlib import Path
from data.runs.reporter import RunReporter
from data.runs.runs import open_run
run = open_run(Path(sys.argv[1]))
with RunReporter(run):
    while not (run.folder / "go").exists():
        time.sleep(0.02)
"""


@pytest.fixture
def queued(workspace):
    """Starts runs that stand in line, and ends them all."""
    numbers = iter(range(1, 100))
    runs = []

    def start():
        run = create_run(workspace, "collect", {}, clock=lambda: next(numbers) * 10**9)
        command = [sys.executable, "-c", BODY, str(run.folder)]
        launch(run, [sys.executable, "-m", "data.runs.queue", str(run.folder), *command])
        runs.append(run)
        return run

    yield start
    for run in runs:
        run.cancel_path.touch()
        (run.folder / "go").touch()
    for run in runs:
        wait_for(lambda run=run: run._process() is None)


def wait_for(done, timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_runs_go_one_at_a_time_in_an_order_that_can_be_changed(queued) -> None:
    first = queued()
    wait_for(lambda: first.status().state == "running")
    second, third = queued(), queued()
    wait_for(lambda: len(places()) == 3)
    assert [run.run_id for run in ahead_of(third)] == [first.run_id, second.run_id]
    assert [place.working for place in places()] == [True, False, False]

    put_first(third)
    assert ahead_of(third) == [first]
    assert ahead_of(second) == [first, third]

    (first.folder / "go").touch()
    wait_for(lambda: third.status().state == "running")
    assert second.status().state == "queued"
    assert first.status().state == "done"


def test_a_run_that_is_killed_gives_its_turn_back(queued) -> None:
    first = queued()
    wait_for(lambda: first.status().state == "running")
    second = queued()
    os.kill(first.status().pid, 9)
    wait_for(lambda: second.status().state == "running")
    assert first.status().state == "lost"


def test_a_run_that_waits_can_be_cancelled(queued) -> None:
    first = queued()
    wait_for(lambda: first.status().state == "running")
    second = queued()
    wait_for(lambda: len(places()) == 2)
    second.cancel_path.touch()
    wait_for(lambda: second.status().state == "cancelled")
    assert [place.run for place in places()] == [first]


def test_threads_are_sized_to_free_cores_unless_somebody_said_otherwise(monkeypatch) -> None:
    monkeypatch.setattr("psutil.cpu_count", lambda: 8)
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: 50.0)
    settings = thread_settings({"MKL_NUM_THREADS": "3"})
    assert settings == {
        "OMP_NUM_THREADS": "4",
        "OPENBLAS_NUM_THREADS": "4",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: 100.0)
    assert thread_settings({})["OMP_NUM_THREADS"] == "1"
