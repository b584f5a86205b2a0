import errno
import os
import signal

import pytest

from data import storage
from data.errors import InvalidInput, StorageFull
from data.runs import reporter as run_reporter
from data.runs.reporter import RunCancelled, RunReporter
from data.runs.runs import create_run
from data.workspace import open_workspace


@pytest.fixture
def run(workspace):
    return create_run(workspace, "train-policy", {})


@pytest.fixture
def clock():
    times_ns = iter(range(1000, 2000))
    return lambda: next(times_ns)


def test_how_it_ended_is_written_down(run, clock) -> None:
    with RunReporter(run, clock=clock) as report:
        running = run.status()
        report.result(policy="p1")
        report.result(updates=5)
    assert (running.state, running.pid, running.started_at_ns) == ("running", os.getpid(), 1000)
    done = run.status()
    assert (done.state, done.progress, done.started_at_ns) == ("done", 1.0, 1000)
    assert done.result == {"policy": "p1", "updates": 5}
    assert done.updated_at_ns is not None
    assert done.updated_at_ns > 1000


def test_errors_go_on_to_the_caller(run) -> None:
    with pytest.raises(ZeroDivisionError), RunReporter(run):
        _ = 1 / 0
    assert run.status().state == "failed"
    assert run.status().error == (
        "Unexpected ZeroDivisionError: division by zero. The run's log says where."
    )


def test_a_cancel_leaves_the_block_quietly(run) -> None:
    reached = []
    with RunReporter(run) as report:
        report.progress(0.5, "half")
        run.cancel()
        report.progress(0.6, "more")
        reached.append("after the cancel")
    assert reached == []
    assert (run.status().state, run.status().progress) == ("cancelled", 0.5)


def test_sigterm_asks_once_and_the_old_handler_comes_back(run) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with RunReporter(run) as report:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(RunCancelled):
            report.progress(0.5, "half")
    assert signal.getsignal(signal.SIGTERM) == before


def test_progress_is_written_rarely_and_kept_within_its_range(run, monkeypatch) -> None:
    writes = []
    write = storage.write_atomically

    def counted(path, content) -> None:
        writes.append(path)
        write(path, content)

    monkeypatch.setattr(run_reporter, "write_atomically", counted)
    with RunReporter(run) as report:
        report.progress(0.1, "beginning")
        assert run.status().message == "beginning"
        for step in range(1000):
            report.progress(step / 500, "working")
        assert len(writes) < 20
        report.result()
        assert run.status().progress == 1.0


def test_a_full_disk_ends_the_run_and_says_so(run, monkeypatch) -> None:
    def full(*arguments: object, **known: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def train() -> None:
        with RunReporter(run) as report, monkeypatch.context() as patch:
            patch.setattr(type(run.metrics_path), "open", full)
            report.metrics(1, loss=1.0)

    with pytest.raises(StorageFull):
        train()
    assert run.status().state == "failed"
    assert "disk is full" in (run.status().error or "")


def test_on_a_disk_without_a_byte_left_it_still_says_how_it_ended(mount_small_disk) -> None:
    with mount_small_disk("256k") as disk:
        run = create_run(open_workspace(disk.folder / "workspace"), "collect", {})

        def work() -> None:
            with RunReporter(run) as report:
                disk.fill()
                for step in range(1000):
                    report.metrics(step, loss=1.0)

        with pytest.raises(StorageFull):
            work()
        assert run.status().state == "failed"
        assert "disk is full" in (run.status().error or "")


def test_the_error_of_a_run_is_the_message_of_goalpost(run) -> None:
    with pytest.raises(InvalidInput), RunReporter(run):
        raise InvalidInput("Nothing to train on.")
    assert run.status().error == "Nothing to train on."
