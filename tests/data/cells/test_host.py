"""The host's side of a conversation, with the host in the test's main thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest
import zmq
from click.testing import CliRunner

from data.cells import host as host_module
from data.cells.host import CellHost, main
from data.cells.keys import keys_folder, secure_client
from data.cells.messages import CellStatus, decode_reply
from data.cells.robots import Robot
from data.clock import SteadyClock
from data.episodes.frames import FrameSet, Size
from data.errors import CellError, GoalpostError, InvalidInput, UnknownName
from data.workspace import Workspace


class DefectiveCell:
    """A cell with a programming error in `read`."""

    robot = "arm-1"
    closed = False

    def read(self, sizes: Mapping[str, Size] | None = None) -> FrameSet:
        raise ZeroDivisionError

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def cell() -> DefectiveCell:
    return DefectiveCell()


@pytest.fixture
def host(workspace: Workspace, cell: DefectiveCell) -> CellHost:
    robot = Robot(
        name="arm-1", kind="hardware", cameras={"over_shoulder": "0", "left": "1", "right": "2"}
    )
    return CellHost(workspace, robot, cell, size=None, stamps=SteadyClock())


def converse(host: CellHost, workspace: Workspace, messages: list[bytes]) -> list[Any]:
    """Serve while another thread sends `messages`; the results, or the errors raised."""
    address = host.address()
    answers: Future[list[Any]] = Future()

    def ask() -> None:
        results: list[Any] = []
        try:
            with zmq.Context() as context, context.socket(zmq.REQ) as requests:
                requests.linger = 0
                secure_client(requests, keys_folder(workspace), address.host_key)
                requests.connect(address.commands)
                for message in messages:
                    requests.send(message)
                    assert requests.poll(5000), "no answer"
                    try:
                        results.append(decode_reply(requests.recv(), object))
                    except GoalpostError as error:
                        results.append(error)
            answers.set_result(results)
        finally:
            host.stop()

    client = threading.Thread(target=ask)
    client.start()
    host.serve()
    client.join()
    return answers.result(0)


STATUS = b'{"command": "status"}'
START = {
    "command": "start_recording", "task": "lift-any", "outcome": "success", "pair_id": None,
    "by": "ann",
}  # fmt: skip


def test_what_is_no_command_is_refused_and_the_host_goes_on(
    host: CellHost, cell: DefectiveCell, workspace: Workspace
) -> None:
    *refused, unknown_task, status = converse(
        host,
        workspace,
        [
            b"nonsense",
            b'{"command": "stat"}',
            b'{"command": "_seal"}',
            msgspec.json.encode(START | {"task": ["x"]}),
            msgspec.json.encode(START | {"task": "lift-nothing"}),
            STATUS,
        ],
    )
    assert all(isinstance(each, InvalidInput) for each in refused)
    assert isinstance(unknown_task, UnknownName)
    assert status["robot"] == "arm-1"
    assert cell.closed


def test_a_request_that_fails_by_a_defect_costs_only_itself(
    host: CellHost, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(service: object) -> None:
        raise TypeError("unhashable type: 'list'")

    monkeypatch.setattr(host_module.CellService, "recovered", fail)
    failed, status = converse(host, workspace, [b'{"command": "recovered"}', STATUS])
    assert isinstance(failed, CellError)
    assert "TypeError: unhashable" in str(failed)
    assert status["robot"] == "arm-1"


def test_a_defect_of_the_cell_is_told_and_the_host_goes_on(
    host: CellHost, workspace: Workspace, cell: DefectiveCell
) -> None:
    failed, status = converse(host, workspace, [msgspec.json.encode(START), STATUS])
    assert "ZeroDivisionError" in str(failed)
    known = msgspec.convert(status, CellStatus)
    assert known.recording is None
    assert "failed by a defect" in known.camera_errors["left"]
    assert list(workspace.journals.iterdir()) == []
    assert cell.closed


def test_a_cell_that_is_stuck_ends_its_host(
    host: CellHost, cell: DefectiveCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "LONGEST_JOB_S", 0.3)
    monkeypatch.setattr(host_module, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(cell, "read", lambda sizes: time.sleep(1.0), raising=False)
    host._recorder.watch(True)
    with pytest.raises(CellError, match="stuck"):
        host.serve()


def test_what_hangs_at_the_end_does_not_hold_the_process(
    host: CellHost, cell: DefectiveCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[float] = []
    monkeypatch.setattr(host_module, "LONGEST_STOP_S", 0.1)
    monkeypatch.setattr(host_module, "_end_now", lambda: ended.append(time.monotonic()))
    monkeypatch.setattr(cell, "close", lambda: time.sleep(0.5))
    host.stop()
    host.serve()
    assert len(ended) == 1


@pytest.mark.parametrize("size", ["320", "320x", "0x10", "axb"])
def test_a_size_that_is_none_is_refused(workspace: Workspace, size: str) -> None:
    arguments = ["--workspace", str(workspace.root), "--robot", "robot-1", "--size", size]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "WIDTHxHEIGHT" in result.output
