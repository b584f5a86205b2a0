import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.process import BaseProcess

import psutil
import pytest

from data.cells.addresses import (
    HostAddress,
    address_path,
    hold_robot,
    is_held,
    publish_address,
    read_address,
    running_hosts,
)
from data.cells.client import CellClient, stop_host
from data.errors import CellError
from data.workspace import Workspace


@pytest.fixture
def address() -> HostAddress:
    """The address of a host that is this very process, where it holds the robot."""
    return HostAddress(
        robot="robot-1",
        pid=os.getpid(),
        machine=socket.gethostname(),
        commands="tcp://127.0.0.1:1",
        frames="tcp://127.0.0.1:2",
        host_key="key",
    )


@pytest.fixture
def held(workspace: Workspace) -> Iterator[None]:
    with hold_robot(workspace, "robot-1"):
        yield


@pytest.mark.usefixtures("held")
def test_a_published_address_is_found(workspace: Workspace, address: HostAddress) -> None:
    assert read_address(workspace, "robot-1") is None
    publish_address(workspace, address)
    assert read_address(workspace, "robot-1") == address
    assert running_hosts(workspace) == {"robot-1": address}


def _hold(workspace: Workspace) -> None:
    with hold_robot(workspace, "robot-1"):
        time.sleep(60)


@pytest.fixture
def holder(workspace: Workspace) -> Iterator[BaseProcess]:
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(workspace,))
    process.start()
    deadline_s = time.monotonic() + 20
    while not is_held(workspace, "robot-1"):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    yield process
    process.kill()
    process.join()


def test_the_address_of_a_killed_host_is_removed(
    workspace: Workspace, address: HostAddress, holder: BaseProcess
) -> None:
    assert holder.pid is not None
    publish_address(workspace, replace(address, pid=holder.pid))
    assert set(running_hosts(workspace)) == {"robot-1"}
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert read_address(workspace, "robot-1") is None
    assert running_hosts(workspace) == {}
    assert not address_path(workspace, "robot-1").exists()


@pytest.mark.usefixtures("held")
def test_a_step_of_the_clock_does_not_end_a_host(
    workspace: Workspace, address: HostAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system works out when a process began from the wall clock, so a step moves that too."""
    publish_address(workspace, address)
    began_s = psutil.Process().create_time()
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: began_s - 2.0)
    assert set(running_hosts(workspace)) == {"robot-1"}


def test_a_host_that_died_before_its_machine_was_renamed_is_gone(
    workspace: Workspace, address: HostAddress
) -> None:
    """As after the restart of a container, whose name is another each time."""
    publish_address(workspace, replace(address, machine="what-it-was-called"))
    assert running_hosts(workspace) == {}
    assert not address_path(workspace, "robot-1").exists()


def test_a_host_of_another_machine_runs_while_it_answers(
    workspace: Workspace, address: HostAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = replace(address, machine="robot-pc", commands="tcp://robot-pc:4000")
    publish_address(workspace, elsewhere)
    asked = []

    def answer(where: tuple[str, int], timeout: float) -> socket.socket:
        asked.append(where)
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", answer)
    assert set(running_hosts(workspace)) == {"robot-1"}
    assert asked == [("robot-pc", 4000)]
    with pytest.raises(CellError, match="runs on 'robot-pc'"):
        stop_host(workspace, "robot-1")

    def refuse(where: tuple[str, int], timeout: float) -> socket.socket:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert running_hosts(workspace) == {}


@pytest.mark.usefixtures("held")
def test_a_later_process_with_the_same_number_is_not_stopped(
    workspace: Workspace, address: HostAddress
) -> None:
    publish_address(workspace, address)  # this process is no cell host
    with pytest.raises(CellError, match="out of reach"):
        stop_host(workspace, "robot-1")


def test_a_stale_address_stays_while_a_host_is_starting(
    workspace: Workspace, address: HostAddress
) -> None:
    publish_address(workspace, address)
    with hold_robot(workspace, "robot-1"):
        running_hosts(workspace)
        assert address_path(workspace, "robot-1").exists()


def test_who_only_looks_holds_nothing(workspace: Workspace) -> None:
    assert not is_held(workspace, "robot-1")
    with hold_robot(workspace, "robot-1"):
        assert is_held(workspace, "robot-1")
    assert not is_held(workspace, "robot-1")


def test_a_robot_is_held_once(workspace: Workspace) -> None:
    with (
        hold_robot(workspace, "robot-1"),
        hold_robot(workspace, "robot-2"),
        pytest.raises(CellError, match="has only one"),
        hold_robot(workspace, "robot-1"),
    ):
        pass
    with hold_robot(workspace, "robot-1"):
        pass


@pytest.mark.usefixtures("held")
def test_clients_refuse_a_host_of_another_format(
    workspace: Workspace, address: HostAddress
) -> None:
    publish_address(workspace, replace(address, format=99))
    assert set(running_hosts(workspace)) == {"robot-1"}  # so that it can be stopped
    with pytest.raises(CellError, match="speaks format 99"):
        CellClient(workspace, "robot-1")


def test_a_damaged_address_is_no_address(workspace: Workspace) -> None:
    for content in ('{"robot": "robot-1"}', "[]", "", "\x00", '{"robot": 1, "pid": "x"}'):
        address_path(workspace, "robot-1").write_text(content)
        assert read_address(workspace, "robot-1") is None
