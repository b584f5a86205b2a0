"""The host's side of a conversation, with the host in the test's main thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest
import zmq
from click.testing import CliRunner

from data.cells.host import CellHost, main
from data.cells.messages import decode_reply, encode_command
from data.errors import CellError, GoalpostError, UnknownName
from data.frames import FrameSet, Size
from data.robots import Robot
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
    return CellHost(workspace, robot, cell, size=None)


def converse(host: CellHost, messages: list[bytes]) -> list[Any]:
    """Serve while another thread sends `messages`; the results, or the errors raised."""
    endpoint = host.address().commands
    answers: Future[list[Any]] = Future()

    def ask() -> None:
        results: list[Any] = []
        with zmq.Context() as context, context.socket(zmq.REQ) as requests:
            requests.linger = 0
            requests.connect(endpoint)
            for message in messages:
                requests.send(message)
                try:
                    results.append(decode_reply(requests.recv()))
                except GoalpostError as error:
                    results.append(error)
        answers.set_result(results)
        host.stop()

    client = threading.Thread(target=ask)
    client.start()
    host.serve()
    client.join()
    return answers.result()


def test_what_is_no_command_is_refused_and_the_host_goes_on(
    host: CellHost, cell: DefectiveCell
) -> None:
    nonsense, unknown, private, surplus, status = converse(
        host,
        [
            b"nonsense",
            encode_command("stat", {}),
            encode_command("_seal", {}),
            encode_command("status", {"colour": "red"}),
            encode_command("status", {}),
        ],
    )
    assert isinstance(nonsense, CellError)
    assert isinstance(unknown, UnknownName)
    assert "Did you mean 'status'" in str(unknown)
    assert isinstance(private, UnknownName)
    assert "does not fit" in str(surplus)
    assert status["robot"] == "arm-1"
    assert cell.closed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_of_the_cell_ends_the_host(host: CellHost, cell: DefectiveCell) -> None:
    frames = host.address().frames
    with zmq.Context() as context, context.socket(zmq.SUB) as watcher:
        watcher.linger = 0
        watcher.setsockopt(zmq.SUBSCRIBE, b"")
        watcher.connect(frames)
        with pytest.raises(CellError, match="ended by a defect"):
            host.serve()
    assert cell.closed


@pytest.mark.parametrize("size", ["320", "320x", "0x10", "axb"])
def test_a_size_that_is_none_is_refused(workspace: Workspace, size: str) -> None:
    arguments = ["--workspace", str(workspace.root), "--robot", "robot-1", "--size", size]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "WIDTHxHEIGHT" in result.output
