"""Where the running cell hosts are: one small file a robot in the workspace's `cells/`.

A host holds its robot's lock for as long as it lives, and the operating system lets go of it
however the host ends. So the lock says which hosts run on this machine, whatever happens to clocks,
process numbers and the machine's name.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from data.cells.messages import FORMAT
from data.errors import CellError
from data.storage import write_atomically
from data.workspace import Workspace

_log = logging.getLogger(__name__)

_REACH_S = 0.5
"""How long a host on another machine may take to accept a connection."""


@dataclass(frozen=True, kw_only=True)
class HostAddress:
    """How to reach one cell host."""

    robot: str
    pid: int
    machine: str
    """Name of the machine it was started on, to tell people."""
    commands: str
    """Endpoint for requests."""
    frames: str
    """Endpoint that publishes the newest frames."""
    host_key: str
    """Public CURVE key (Z85)."""
    format: int = FORMAT
    """Version of the messages."""


def address_path(workspace: Workspace, robot: str) -> Path:
    """Where the host of `robot` leaves its address."""
    return workspace.cells / f"{robot}.json"


def log_path(workspace: Workspace, robot: str) -> Path:
    """Where the host of `robot` writes its log."""
    return workspace.cells / f"{robot}.log"


def lock_path(workspace: Workspace, robot: str) -> Path:
    """What the host of `robot` holds while it lives."""
    return workspace.cells / f"{robot}.lock"


def read_address(workspace: Workspace, robot: str) -> HostAddress | None:
    """The address of the running host of `robot`; None where none runs."""
    # Asked first: a host that starts later has removed by then what the one before left behind.
    here = is_held(workspace, robot)
    try:
        content = address_path(workspace, robot).read_bytes()
        address = msgspec.json.decode(content, type=HostAddress)
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return address if here or _answers_elsewhere(address.commands) else None


def is_held(workspace: Workspace, robot: str) -> bool:
    """Whether a host of `robot` runs on this machine or is just starting."""
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.open(lock_path(workspace, robot), os.O_RDONLY)
        except FileNotFoundError:
            return False
        stack.callback(os.close, descriptor)
        try:
            # Shared, so that those who only look do not take each other for a host.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _answers_elsewhere(endpoint: str) -> bool:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    if host.startswith("127.") or not port.isdecimal():
        return False  # the loopback is this machine, where nobody holds the lock
    try:
        with socket.create_connection((host, int(port)), timeout=_REACH_S):
            return True
    except (OSError, OverflowError):
        return False


def running_hosts(workspace: Workspace) -> dict[str, HostAddress]:
    """Every running host by its robot. Addresses that dead hosts left behind are removed."""
    running = {}
    for path in sorted(workspace.cells.glob("*.json")):
        address = read_address(workspace, path.stem)
        if address is not None:
            running[path.stem] = address
        else:
            _remove_stale(workspace, path.stem)
    return running


def _remove_stale(workspace: Workspace, robot: str) -> None:
    try:
        with hold_robot(workspace, robot):  # a host that is just starting holds it
            address_path(workspace, robot).unlink(missing_ok=True)
            _log.info("removed the address of a dead cell host: %s", robot)
    except CellError:
        return


@contextmanager
def hold_robot(workspace: Workspace, robot: str, *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the robot for one host. Raises `CellError` where another process holds it."""
    lock = FileLock(lock_path(workspace, robot), timeout=patience_s)
    try:
        lock.acquire()
    except Timeout as error:
        raise CellError(
            f"A cell host of '{robot}' is running already; a robot has only one.",
            where=lock.lock_file,
            next_step="Use the running one, or stop it on the Robots page first.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def publish_address(workspace: Workspace, address: HostAddress) -> None:
    """Make a host known to its clients."""
    content = msgspec.json.format(msgspec.json.encode(address), indent=1) + b"\n"
    write_atomically(address_path(workspace, address.robot), content)
