import sys
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import jobs
from app.widgets import run_progress
from app.widgets.run_progress import elapsed, left_s
from data.runs import reporter
from data.runs.reporter import RunReporter
from data.runs.runs import Run, RunStatus, create_run, launch, list_runs, register_process

_SPEC: dict[str, Any] = {}


def _page() -> None:
    from app.state import workspace
    from app.widgets.run_progress import show_run
    from data.runs.runs import list_runs

    show_run(list_runs(workspace())[0], headline_metrics=("loss",))


def _report(run: Run, *, error: Exception | None = None) -> None:
    """What a run's own process writes."""
    with RunReporter(run) as report:
        report.metrics(1, loss=0.7)
        report.metrics(2, loss=0.5)
        report.progress(0.5, "2 of 4 updates")
        if error is not None:
            raise error


def test_a_finished_run_shows_how_it_ended_and_nothing_polls(world: Any) -> None:
    run = create_run(world.workspace, "train-detector", _SPEC)
    _report(run)
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "done" in at.expander[0].label
    assert not at.button


def test_a_failed_run_shows_its_error(world: Any) -> None:
    run = create_run(world.workspace, "train-detector", _SPEC)
    with pytest.raises(ValueError, match="broken"):
        _report(run, error=ValueError("broken"))
    at = AppTest.from_function(_page).run()
    assert "broken" in at.error[0].value


def test_a_run_at_work_can_be_cancelled(world: Any) -> None:
    run = create_run(world.workspace, "train-detector", _SPEC)
    launch(run, [sys.executable, "-c", "import time; print('hello'); time.sleep(60)"])
    at = AppTest.from_function(_page).run()
    assert not at.exception
    at.button[0].click().run()
    assert run.cancel_path.exists()
    process = run._process()
    if process is not None:
        process.kill()
        process.wait(10)
    assert run.status().state == "cancelled"


def test_a_run_in_line_says_what_it_waits_for_and_can_go_next(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    working, second, waiting = (
        create_run(world.workspace, kind, _SPEC, clock=lambda n=n: n * 10**9)
        for n, kind in enumerate(("train-policy", "collect", "train-detector"), 1)
    )
    put_first: list[Run] = []
    monkeypatch.setattr(run_progress, "ahead_of", lambda run: [working, second])
    monkeypatch.setattr(run_progress, "put_first", put_first.append)
    at = AppTest.from_function(_page, default_timeout=30).run()
    assert not at.exception
    assert any(
        "behind 2 runs: policy training, collecting episodes" in each.value for each in at.caption
    )
    at.button(key=f"first-{waiting.run_id}").click().run()
    assert put_first == [waiting]


def test_a_killed_run_is_told_apart(world: Any) -> None:
    run = create_run(world.workspace, "collect", _SPEC)
    register_process(run, 2**22 + 1)  # above every process id
    at = AppTest.from_function(_page).run()
    assert "ended without saying why" in at.warning[0].value


def test_elapsed_time_is_said_in_words() -> None:
    second = 10**9
    running = RunStatus(state="running", started_at_ns=10 * second)
    assert elapsed(RunStatus(), 0) == "loading the program"
    assert elapsed(running, 52 * second) == "42 s"
    assert elapsed(running, 210 * second) == "3 min 20 s"
    done = RunStatus(state="done", started_at_ns=second, updated_at_ns=7_321 * second)
    assert elapsed(done, 10**15) == "2 h 02 min"


def test_what_is_left_follows_from_the_pace_so_far() -> None:
    second = 10**9
    running = RunStatus(state="running", started_at_ns=10 * second, progress=0.25)
    assert left_s(running, 30 * second) == pytest.approx(60)  # a quarter took 20 s
    assert left_s(RunStatus(state="running", started_at_ns=second, progress=0.01), 10**15) is None
    assert left_s(RunStatus(), 10**15) is None  # its program is being loaded


def test_a_collection_at_work_says_what_is_left_and_a_training_does_not(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "_WRITE_INTERVAL_S", 0)
    for kind in ("train-detector", "collect"):
        run = create_run(world.workspace, kind, _SPEC)
        with RunReporter(run) as report:
            report.progress(0.5, "half")
            at = AppTest.from_function(_page, default_timeout=30).run()
            assert not at.exception
            told = " ".join(each.value for each in at.caption)
            assert ("left at this pace" in told) == (kind == "collect")


def test_a_run_that_failed_can_be_started_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "launch", lambda run, command: None)
    spec = {"recipe": "smoke", "overrides": {}, "holdout": ["robot-7"], "tasks": None, "seed": 0}
    run = create_run(world.workspace, "train-detector", spec)
    with pytest.raises(ValueError, match="broken"):
        _report(run, error=ValueError("broken"))
    at = AppTest.from_function(_page).run()
    at.button(key=f"again-{run.run_id}").click().run()
    assert not at.exception
    newest, first = list_runs(world.workspace)
    assert newest.spec == first.spec
