import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from data.errors import CorruptData, InvalidInput, RunError, UnknownName
from data.runs import runs
from data.runs.runs import (
    FINISHED,
    create_run,
    find_or_create_run,
    launch,
    list_runs,
    load_run,
    open_run,
)

PREAMBLE = """
import os, sys, time
from pathlib import Path
from data.runs.reporter import RunReporter
from data.runs.runs import open_run
run = open_run(Path(sys.argv[1]))
"""


def start(run, body: str) -> None:
    launch(run, [sys.executable, "-c", PREAMBLE + body, str(run.folder)])


def wait(run, *states: str, timeout_s: float = 20.0):
    deadline_s = time.monotonic() + timeout_s
    while (status := run.status()).state not in (states or FINISHED):
        assert time.monotonic() < deadline_s, status
        time.sleep(0.02)
    return status


@pytest.fixture
def run(workspace):
    return create_run(workspace, "collect", {"robots": ["robot-1"], "seed": 3})


def test_a_new_run_is_queued_and_can_be_found(workspace, run) -> None:
    assert run.status().state == "queued"
    assert (run.kind, run.spec) == ("collect", {"robots": ["robot-1"], "seed": 3})
    assert load_run(workspace, run.run_id) == run == open_run(run.folder)
    assert run.workspace == workspace
    assert (run.metrics(), run.log_tail(5)) == ([], "")


def test_runs_are_listed_newest_first(workspace) -> None:
    times_ns = [3 * 10**18, 10**18, 2 * 10**18]
    made = [create_run(workspace, "collect", {}, clock=lambda at=at: at) for at in times_ns]
    (workspace.runs / "not-a-run").mkdir()
    assert list_runs(workspace) == [made[0], made[2], made[1]]


def test_unknown_kinds_and_names_are_refused(workspace, run) -> None:
    with pytest.raises(InvalidInput, match="train-detector"):
        create_run(workspace, "train-detektor", {})
    with pytest.raises(UnknownName, match="Did you mean"):
        load_run(workspace, run.run_id[:-1])
    (run.folder / "spec.json").write_text("{")
    with pytest.raises(CorruptData, match=r"spec\.json"):
        open_run(run.folder)


def test_a_run_says_how_far_it_is_and_what_it_made(run) -> None:
    body = """
print("hello from the run")
with RunReporter(run) as report:
    report.progress(0.25, "collecting")
    report.metrics(1, loss=0.5)
    report.metrics(2, loss=0.25)
    report.result(episodes=4)
    while not (run.folder / "go").exists():
        time.sleep(0.01)
"""
    start(run, body)
    while not run.status().result:
        time.sleep(0.01)
    status = run.status()
    assert (status.state, status.progress, status.message) == ("running", 0.25, "collecting")
    assert status.pid is not None
    assert psutil.Process(status.pid).nice() > psutil.Process().nice()
    assert os.getsid(status.pid) == status.pid, "it must not die with the app's terminal"
    (run.folder / "go").touch()
    status = wait(run)
    assert (status.state, status.progress, status.result) == ("done", 1.0, {"episodes": 4})
    assert [(row["step"], row["loss"]) for row in run.metrics()] == [(1, 0.5), (2, 0.25)]
    assert run.log_tail(3) == "hello from the run"


def test_a_run_outlives_the_process_that_started_it(run) -> None:
    starter = f"""
import sys
from pathlib import Path
from data.runs.runs import launch, open_run
body = {PREAMBLE!r} + "with RunReporter(run) as report: time.sleep(0.5); report.result(n=1)"
launch(open_run(Path({str(run.folder)!r})), [sys.executable, "-c", body, {str(run.folder)!r}])
"""
    subprocess.run([sys.executable, "-c", starter], check=True)
    assert run.status().state in ("queued", "running")
    assert wait(run).result == {"n": 1}


def test_a_killed_run_is_lost(run) -> None:
    start(run, "with RunReporter(run):\n    print('working', flush=True); time.sleep(60)")
    pid = wait(run, "running").pid
    assert pid is not None
    while not run.log_tail(1):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    status = wait(run)
    assert status.state == "lost"
    assert "working" in (status.error or "")


def test_a_run_that_dies_before_its_first_word_is_lost_with_its_log(run) -> None:
    start(run, "raise SystemExit('no such recipe')")
    status = wait(run)
    assert status.state == "lost"
    assert "no such recipe" in (status.error or "")


def test_another_process_with_the_same_number_is_not_the_run(run) -> None:
    """After a restart of the machine the number belongs to someone else."""
    long_ago_s = psutil.Process().create_time() - 3600
    run.process_path.write_text(json.dumps({"pid": os.getpid(), "started_s": long_ago_s}))
    assert run.status().state == "lost"
    run.cancel()
    assert run.status().state == "cancelled"


def test_an_expected_error_is_told_in_plain_words(run) -> None:
    body = """
from data.errors import InvalidInput
with RunReporter(run):
    raise InvalidInput("There are no labels.", next_step="Label some frames.")
"""
    start(run, body)
    status = wait(run)
    assert (status.state, status.error) == (
        "failed",
        "There are no labels. Next: Label some frames.",
    )
    while "InvalidInput" not in run.log_tail(30):  # Python prints it after the status is written
        time.sleep(0.01)


def test_a_cancelled_run_stops_at_its_next_word(run) -> None:
    body = """
with RunReporter(run) as report:
    while True:
        report.progress(0.5, "working")
        time.sleep(0.01)
"""
    start(run, body)
    wait(run, "running")
    while run.status().progress < 0.5:  # it says that it runs before it says how far it is
        time.sleep(0.01)
    run.cancel()
    status = wait(run)
    assert (status.state, status.progress) == ("cancelled", 0.5)


def test_a_run_that_never_reports_is_told_by_signal(run, monkeypatch) -> None:
    monkeypatch.setattr(runs, "CANCEL_GRACE_S", 0.1)
    start(run, "print('stuck', flush=True)\ntime.sleep(60)")
    while not run.log_tail(1):
        time.sleep(0.01)
    run.cancel()
    assert wait(run).state == "cancelled"


def test_cancelling_before_the_start(run) -> None:
    run.cancel()
    assert run.status().state == "cancelled"


def test_a_run_is_started_once(run) -> None:
    start(run, "with RunReporter(run): pass")
    with pytest.raises(RunError, match="started before"):
        start(run, "pass")
    assert wait(run).state == "done"


def test_a_program_that_is_not_there_is_told_at_once(run) -> None:
    with pytest.raises(RunError, match="could not be started"):
        launch(run, ["/no/such/program"])
    assert run.status().state == "queued"


def test_metrics_leave_out_what_a_run_did_again_after_a_kill(run) -> None:
    steps = [20, 40, 60, 40, 60, 80]
    rows = [{"step": step, "at_ns": at_ns} for at_ns, step in enumerate(steps)]
    lines = [json.dumps(row) for row in rows]
    lines.insert(3, '{"step": 7')  # torn, and closed off by what came next
    run.metrics_path.write_text("\n".join(lines) + "\n")
    assert [(row["step"], row["at_ns"]) for row in run.metrics()] == [
        (20, 0), (40, 3), (60, 4), (80, 5),
    ]  # fmt: skip


def test_half_a_row_of_metrics_is_left_out(run) -> None:
    run.metrics_path.write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "lo')
    assert run.metrics() == [{"step": 1, "loss": 0.5}]


def test_the_log_shows_its_end(run: runs.Run) -> None:
    run.log_path.write_text("\n".join(f"line {number}" for number in range(10_000)))
    assert run.log_tail(2) == "line 9998\nline 9999"


def test_the_folder_may_be_named_relative(run, monkeypatch) -> None:
    monkeypatch.chdir(run.folder.parent)
    assert open_run(Path(run.run_id)) == run


def test_a_command_given_again_finds_its_run(workspace) -> None:
    first = find_or_create_run(workspace, "train-policy", {"seed": 1})
    assert find_or_create_run(workspace, "train-policy", {"seed": 1}).run_id == first.run_id
    others = [
        find_or_create_run(workspace, "train-policy", {"seed": 2}),
        find_or_create_run(workspace, "collect", {"seed": 1}),
    ]
    assert len({first.run_id, *(run.run_id for run in others)}) == 3
