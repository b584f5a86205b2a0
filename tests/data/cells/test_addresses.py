import os
import socket
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from data.cells.addresses import (
    HostAddress,
    address_path,
    hold_robot,
    publish_address,
    read_address,
    running_hosts,
)
from data.cells.client import CellClient
from data.errors import CellError
from data.workspace import Workspace


@pytest.fixture
def address() -> HostAddress:
    """The address of a host that is this very process."""
    return HostAddress(
        robot="robot-1",
        pid=os.getpid(),
        process_started=psutil.Process().create_time(),
        machine=socket.gethostname(),
        commands="tcp://127.0.0.1:1",
        frames="tcp://127.0.0.1:2",
    )


def test_a_published_address_is_found(workspace: Workspace, address: HostAddress) -> None:
    assert read_address(workspace, "robot-1") is None
    publish_address(workspace, address)
    assert read_address(workspace, "robot-1") == address
    assert running_hosts(workspace) == {"robot-1": address}


def test_the_address_of_a_dead_host_is_removed(workspace: Workspace, address: HostAddress) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    publish_address(workspace, replace(address, pid=ended.pid))
    assert read_address(workspace, "robot-1") is None
    assert running_hosts(workspace) == {}
    assert not address_path(workspace, "robot-1").exists()


def test_a_later_process_with_the_same_pid_is_not_the_host(
    workspace: Workspace, address: HostAddress
) -> None:
    publish_address(workspace, replace(address, process_started=address.process_started - 60))
    assert read_address(workspace, "robot-1") is None


def test_a_stale_address_stays_while_a_host_is_starting(
    workspace: Workspace, address: HostAddress
) -> None:
    publish_address(workspace, replace(address, process_started=1.0))
    with hold_robot(workspace, "robot-1"):
        assert running_hosts(workspace) == {}
        assert address_path(workspace, "robot-1").exists()


def test_a_host_on_another_machine_is_taken_to_run(
    workspace: Workspace, address: HostAddress
) -> None:
    publish_address(workspace, replace(address, machine="robot-pc", pid=1, process_started=0.0))
    assert set(running_hosts(workspace)) == {"robot-1"}


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


def test_clients_refuse_a_host_of_another_format(
    workspace: Workspace, address: HostAddress
) -> None:
    publish_address(workspace, replace(address, format=99))
    assert set(running_hosts(workspace)) == {"robot-1"}  # so that it can be stopped
    with pytest.raises(CellError, match="speaks format 99"):
        CellClient(workspace, "robot-1")


def test_a_damaged_address_is_no_address(workspace: Workspace, address: HostAddress) -> None:
    address_path(workspace, "robot-1").write_text('{"robot": "robot-1"}')
    assert read_address(workspace, "robot-1") is None
