"""Talking to cell hosts, and starting and stopping them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import psutil
import zmq

from data.cells.addresses import (
    HostAddress,
    is_held,
    log_path,
    read_address,
    running_hosts,
)
from data.cells.arrangement import Arrangement
from data.cells.keys import keys_folder, secure_client
from data.cells.messages import (
    FORMAT,
    Arrange,
    AskRecovered,
    AskStatus,
    CellStatus,
    Demonstrate,
    DiscardRecording,
    DropRecovered,
    Idle,
    KeepRecovered,
    NewScene,
    Request,
    StartRecording,
    StopRecording,
    decode_reply,
    encode,
)
from data.episodes.frames import EncodedFrameSet
from data.episodes.packing import unpack
from data.errors import CellError
from data.recording.sealing import DEFAULT_LONGEST_S, RecordingSummary, RecoveredClip
from data.tasks.tasks import Outcome
from data.workspace import Workspace

__all__ = ["CellClient", "running_hosts", "start_host", "stop_host"]

START_S = 30.0
"""How long a host may take from its start to its first answer."""
STOP_S = 10.0
"""How long a host may take to finish; then it is killed, and its recordings are in the journal."""
LONG_COMMAND_S = 60.0
"""How long a command may take that waits for the simulation or for the disk."""
_LOOK_S = 0.5
"""While waiting for an answer, how often to look whether the host still lives."""
_LOG_TAIL = 800

_T = TypeVar("_T")


class CellClient:
    """One client of the host of `robot`; use it in one thread, best in a `with` block.

    Raises:
        CellError: No host of this robot runs.
    """

    def __init__(self, workspace: Workspace, robot: str, *, timeout_s: float = 5.0) -> None:
        self._workspace = workspace
        self._robot = robot
        self._timeout_s = timeout_s
        self._address = self._find_host()
        self._requests: zmq.Socket[bytes] | None = None
        self._frames: zmq.Socket[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; calling it again does nothing."""
        for open_socket in (self._requests, self._frames):
            if open_socket is not None:
                open_socket.close(linger=0)
        self._requests = self._frames = None

    def status(self) -> CellStatus:
        """What the cell does now."""
        return self._ask(AskStatus(), CellStatus)

    def latest(self, *, timeout_s: float = 5.0) -> EncodedFrameSet:
        """The newest frames. The first call makes the host sample for this client.

        Later calls wait for the next publication: 0.2 s while the scene moves, 1 s while it
        rests (then the same frames come again, with the capture times they had).

        Raises:
            CellError: No frames came within `timeout_s`; says why where the host knows.
        """
        if self._frames is None:
            self._frames = self._socket(zmq.SUB)
            self._frames.setsockopt(zmq.CONFLATE, 1)
            self._frames.setsockopt(zmq.SUBSCRIBE, b"")
            self._frames.connect(self._address.frames)
        if not self._wait(self._frames, timeout_s):
            errors = self.status().camera_errors
            raise CellError(
                f"The cell of '{self._robot}' has given no frames for {timeout_s:g} s."
                + "".join(f" {message}" for message in errors.values()),
                where=f"robot '{self._robot}'",
                next_step="Look at its cameras on the Robots page.",
            )
        return unpack(self._frames.recv())

    def demonstrate(self, task: str, outcome: Outcome, near_miss: bool, seed: int) -> None:
        """Simulated cells: let the demonstrator show `outcome` of `task`.

        Raises:
            CellError: A recording runs, or the robot is a real one.
        """
        request = Demonstrate(task=task, outcome=outcome, near_miss=near_miss, seed=seed)
        self._ask(request, type(None), LONG_COMMAND_S)

    def arrange(self, arrangement: Arrangement, seed: int) -> None:
        """Simulated cells: set the scene up like this.

        Raises:
            InvalidInput: No scene can look like this.
            CellError: A recording runs, or the robot is a real one.
        """
        self._ask(Arrange(arrangement=arrangement, seed=seed), type(None), LONG_COMMAND_S)

    def new_scene(self, seed: int) -> None:
        """Simulated cells: shuffle the objects. Raises like `demonstrate`."""
        self._ask(NewScene(seed=seed), type(None), LONG_COMMAND_S)

    def idle(self) -> None:
        """Simulated cells: stop demonstrating. Raises like `demonstrate`."""
        self._ask(Idle(), type(None), LONG_COMMAND_S)

    def start_recording(
        self,
        *,
        task: str,
        outcome: Outcome,
        pair_id: str | None,
        by: str,
        longest_s: float = DEFAULT_LONGEST_S,
    ) -> str:
        """Begin a clip that shows `outcome` of `task`; gives its id.

        It ends by itself after `longest_s` seconds and waits as a recovered clip then.

        Raises:
            UnknownName: There is no such task.
            CameraError: A camera gives no frames.
            CellError: A recording runs already.
            StorageFull: There is no room for it.
        """
        request = StartRecording(
            task=task, outcome=outcome, pair_id=pair_id, by=by, longest_s=longest_s
        )
        return self._ask(request, str, LONG_COMMAND_S)

    def stop_recording(self) -> RecordingSummary:
        """End the clip, store and label it.

        Raises:
            CellError: Nothing is being recorded (any more; says why).
            InvalidInput: The clip was too short to be one, and is gone.
            StorageFull: It could not be stored; it waits as a recovered clip.
        """
        return self._ask(StopRecording(), RecordingSummary, LONG_COMMAND_S)

    def discard_recording(self) -> None:
        """End the clip and throw it away."""
        self._ask(DiscardRecording(), type(None), LONG_COMMAND_S)

    def recovered(self) -> list[RecoveredClip]:
        """Recordings that were cut short and wait to be kept or dropped, oldest first."""
        return self._ask(AskRecovered(), list[RecoveredClip])

    def keep_recovered(self, recording_id: str) -> str:
        """Store and label a recording that was cut short; gives its episode's id."""
        return self._ask(KeepRecovered(recording_id=recording_id), str, LONG_COMMAND_S)

    def drop_recovered(self, recording_id: str) -> None:
        """Throw a recording away that was cut short, and what a crash kept of it as a clip."""
        self._ask(DropRecovered(recording_id=recording_id), type(None), LONG_COMMAND_S)

    def _ask(self, request: Request, expected: type[_T], patience_s: float = 0.0) -> _T:
        if self._requests is None:
            self._requests = self._socket(zmq.REQ)
            self._requests.connect(self._address.commands)
        self._requests.send(encode(request))
        patience_s = max(self._timeout_s, patience_s)
        if not self._wait(self._requests, patience_s):
            self._requests.close(linger=0)  # a late answer must not be taken for the next one
            self._requests = None
            raise CellError(
                f"The cell host of '{self._robot}' did not answer '{request.command}' within "
                f"{patience_s:g} s.",
                where=log_path(self._workspace, self._robot),
                next_step="Try again; if it stays silent, restart it on the Robots page.",
            )
        return decode_reply(self._requests.recv(), expected)

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        zmq_socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        try:
            secure_client(zmq_socket, keys_folder(self._workspace), self._address.host_key)
        except CellError:
            zmq_socket.close()
            raise
        return zmq_socket

    def _wait(self, zmq_socket: zmq.Socket[bytes], patience_s: float) -> bool:
        deadline_s = time.monotonic() + patience_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            if zmq_socket.poll(int(1000 * min(left_s, _LOOK_S)) + 1):
                return True
            now = read_address(self._workspace, self._robot)
            if now != self._address:
                self.close()
                raise _gone(self._workspace, self._robot, restarted=now is not None)
        return False

    def _find_host(self) -> HostAddress:
        address = read_address(self._workspace, self._robot)
        if address is None:
            raise _gone(self._workspace, self._robot)
        if address.format != FORMAT:
            raise CellError(
                f"The cell host of '{self._robot}' speaks format {address.format}, this Goalpost "
                f"speaks {FORMAT}.",
                where=f"process {address.pid} on {address.machine}",
                next_step="Stop it on the Robots page and start it again.",
            )
        return address


def start_host(workspace: Workspace, robot: str) -> None:
    """Start the host of `robot` as a process of its own and wait until it answers.

    Does nothing where one runs already. The host outlives this process.

    Raises:
        CellError: It did not start; quotes its log.
    """
    if read_address(workspace, robot) is not None:
        return
    command = [
        sys.executable, "-m", "data.cells.host",
        "--workspace", str(workspace.root), "--robot", robot,
    ]  # fmt: skip
    log_path(workspace, robot).touch(mode=0o600)
    with log_path(workspace, robot).open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
    # Whoever started it must also take note of its end, or it stays a zombie.
    threading.Thread(target=process.wait, name=f"host of {robot}", daemon=True).start()
    deadline_s = time.monotonic() + START_S
    while (address := read_address(workspace, robot)) is None:
        # It also ends where another process was just faster: that host is the one to wait for.
        refused = process.poll() is not None and not is_held(workspace, robot)
        if refused or time.monotonic() > deadline_s:
            process.kill()
            raise CellError(
                f"The cell host of '{robot}' did not start. {_tail(workspace, robot, begin)}",
                where=log_path(workspace, robot),
                next_step="Correct what it says and start it again.",
            )
        time.sleep(0.05)
    if address.pid != process.pid:
        process.terminate()  # or it would take over as soon as the other one is stopped
    with CellClient(workspace, robot, timeout_s=START_S) as client:
        client.status()


def stop_host(workspace: Workspace, robot: str) -> None:
    """End the host of `robot`; a recording under way stays in its journal.

    Does nothing where none runs.
    """
    address = read_address(workspace, robot)
    if address is None:
        return
    process = _process_of(address)
    if process is None:
        raise CellError(
            f"The cell host of '{robot}' runs on '{address.machine}', out of reach from here.",
            next_step="Stop it there.",
        )
    try:
        process.terminate()
        try:
            process.wait(STOP_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
    except psutil.NoSuchProcess:
        pass
    running_hosts(workspace)  # removes what a killed host left


def _process_of(address: HostAddress) -> psutil.Process | None:
    """The host's process, where it is one of this machine's; its number may be another's by now."""
    try:
        process = psutil.Process(address.pid)
        words = process.cmdline()
    except psutil.Error:
        return None
    return process if "data.cells.host" in words and address.robot in words else None


def _gone(workspace: Workspace, robot: str, *, restarted: bool = False) -> CellError:
    return CellError(
        f"The cell host of '{robot}' was started anew and knows nothing of what it was asked."
        if restarted
        else f"The cell host of '{robot}' is not running.",
        where=log_path(workspace, robot),
        valid=sorted(running_hosts(workspace)),
        next_step="Try again."
        if restarted
        else "Start it on the Robots page or with `goalpost up`.",
    )


def _tail(workspace: Workspace, robot: str, begin: int) -> str:
    with log_path(workspace, robot).open("rb") as log:
        log.seek(begin)
        return log.read()[-_LOG_TAIL:].decode(errors="replace").strip()
