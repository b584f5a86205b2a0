"""Where the running cell hosts are: one small file a robot in the workspace's `cells/`."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from data.cells.messages import FORMAT
from data.errors import CellError
from data.storage import write_atomically
from data.workspace import Workspace

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HostAddress:
    """How to reach one cell host."""

    robot: str
    pid: int
    process_started: float
    """Start of the process [s since the Unix epoch]: tells a later process with the same pid."""
    machine: str
    """Name of the machine it runs on."""
    commands: str
    """Endpoint for requests."""
    frames: str
    """Endpoint that publishes the newest frames."""
    host_key: str | None = None
    """Public CURVE key (Z85) where the connection is encrypted."""
    format: int = FORMAT
    """Version of the messages."""

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return self.machine == socket.gethostname()

    def is_alive(self) -> bool:
        """Whether its process runs; hosts on other machines are taken to run."""
        if not self.is_local:
            return True
        try:
            process = psutil.Process(self.pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and abs(process.create_time() - self.process_started) < 1.0
            )
        except psutil.NoSuchProcess:
            return False


def address_path(workspace: Workspace, robot: str) -> Path:
    """Where the host of `robot` leaves its address."""
    return workspace.cells / f"{robot}.json"


def log_path(workspace: Workspace, robot: str) -> Path:
    """Where the host of `robot` writes its log."""
    return workspace.cells / f"{robot}.log"


def read_address(workspace: Workspace, robot: str) -> HostAddress | None:
    """The address of the running host of `robot`; None where none runs."""
    try:
        values = json.loads(address_path(workspace, robot).read_bytes())
        # Another version may say more; who and where the process is stays the same.
        address = HostAddress(**{each.name: values[each.name] for each in fields(HostAddress)})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return address if address.is_alive() else None


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
    lock = FileLock(workspace.cells / f"{robot}.lock", timeout=patience_s)
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


def is_held(workspace: Workspace, robot: str) -> bool:
    """Whether a host of `robot` runs on this machine or is just starting."""
    try:
        with hold_robot(workspace, robot):
            return False
    except CellError:
        return True


def publish_address(workspace: Workspace, address: HostAddress) -> None:
    """Make a host known to its clients."""
    content = json.dumps(asdict(address), indent=1).encode() + b"\n"
    write_atomically(address_path(workspace, address.robot), content)
