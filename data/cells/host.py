"""A cell host: the process that owns one robot's cell.

    python -m data.cells.host --workspace FOLDER --robot robot-1

It samples the cell, records, keeps recordings safe and publishes the newest frames, so that a busy
or killed web server never disturbs a recording. The main thread moves the messages, the recorder's
threads the frames, and a few workers whatever waits for the disk.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import click
import zmq

from data.cameras.sources import video_folders
from data.cells.addresses import HostAddress, address_path, hold_robot, publish_address
from data.cells.hardware import HardwareCell
from data.cells.keys import guard, keys_folder, make_keys, secure_host
from data.cells.messages import (
    LARGEST_REQUEST_BYTES,
    decode_request,
    encode_error,
    encode_result,
)
from data.cells.protocol import Cell
from data.cells.robots import Robot, load_robots
from data.cells.service import CellService
from data.cells.simulated.opening import open_cell
from data.clock import SteadyClock
from data.episodes.frames import CAMERAS, EncodedFrameSet, Size
from data.episodes.packing import pack
from data.errors import CellError, GoalpostError, unknown_name
from data.recording.recorder import Recorder
from data.runs.priority import HOST_NICENESS, set_priority
from data.workspace import Workspace, open_workspace

LOOPBACK = "tcp://127.0.0.1"
HEARTBEAT_S = 1.0
"""How often the same frames are published again while nothing changes, to show that all is well."""
SIMULATED_SIZE = Size(320, 256)
"""Drawn in about 80 ms for three cameras, which leaves room at 5 Hz on two busy cores."""
_LOOKED_AT_S = 1.0
"""Who only looks whether a host runs may hold its lock for a moment."""

LONGEST_STOP_S = 30.0
"""How long ending may take; then the process ends at once, and what it held is free."""
LONGEST_JOB_S = 120.0
"""A cell that is at one piece of work for so long is stuck, and its host ends."""

_log = logging.getLogger(__name__)


class CellHost:
    """Serves `cell` to its clients until told to stop.

    Args:
        workspace: Where recordings go and the address is left.
        robot: Whose cell it is.
        cell: Closed when serving ends.
        size: Size of the images of every camera; None: native.
        stamps: The clock by which the cell stamps its frames.
        bind: Endpoint without port; a free port is chosen for each socket.
    """

    def __init__(
        self,
        workspace: Workspace,
        robot: Robot,
        cell: Cell,
        *,
        size: Size | None,
        stamps: SteadyClock,
        bind: str = LOOPBACK,
    ) -> None:
        self._workspace = workspace
        self._robot = robot
        self._cell = cell
        self._recorder = Recorder(
            cell,
            sizes=None if size is None else dict.fromkeys(CAMERAS, size),
            publish=self._publish,
            stamps=stamps,
        )
        self._service = CellService(workspace, robot, cell, self._recorder, time.time_ns)
        self._replies: queue.SimpleQueue[tuple[list[bytes], bytes]] = queue.SimpleQueue()
        self._newest: bytes | None = None
        self._published_s = 0.0
        self._watched = False
        self._stopping = False
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._context = zmq.Context()
        self._requests = self._context.socket(zmq.ROUTER)
        self._frames = self._context.socket(zmq.XPUB)
        self._frames.setsockopt(zmq.XPUB_VERBOSE, 1)  # a second watcher too wants a frame at once
        self._frames.setsockopt(zmq.SNDHWM, 2)
        keys = keys_folder(workspace)
        make_keys(keys)
        self._unguard = guard(self._context, keys)
        for zmq_socket in (self._requests, self._frames):
            zmq_socket.setsockopt(zmq.LINGER, 200)
            zmq_socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_REQUEST_BYTES)
            self._host_key = secure_host(zmq_socket, keys)
            zmq_socket.bind_to_random_port(bind)

    def address(self) -> HostAddress:
        """Where clients find this host."""
        return HostAddress(
            robot=self._robot.name,
            pid=os.getpid(),
            machine=socket.gethostname(),
            commands=_reachable(self._requests.getsockopt_string(zmq.LAST_ENDPOINT)),
            frames=_reachable(self._frames.getsockopt_string(zmq.LAST_ENDPOINT)),
            host_key=self._host_key,
        )

    def stop(self) -> None:
        """Let `serve` return soon; may be called from a signal handler."""
        self._stopping = True
        self._wake()

    def serve(self) -> None:
        """Answer and publish until `stop`; call it in the main thread.

        A recording under way stays in its journal.

        Raises:
            CellError: The cell is stuck.
        """
        # A signal may reach another thread; only this makes the poll below notice it.
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._recorder.start()
        try:
            self._move_messages()
        finally:
            with _ending_in_time():
                signal.set_wakeup_fd(-1)
                self._recorder.close()
                self._service.close()
                self._send_replies()
                self._cell.close()
                self._unguard()
                self._context.destroy()
                self._woken.close()
                self._waker.close()

    def _move_messages(self) -> None:
        poller = zmq.Poller()
        for source in (self._requests, self._frames, self._woken):
            poller.register(source, zmq.POLLIN)
        while not self._stopping:
            ready = dict(poller.poll(int(1000 * HEARTBEAT_S)))
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
            if self._requests in ready:
                self._take_request()
            if self._frames in ready:
                self._watched = self._frames.recv()[:1] == b"\x01"
                self._recorder.watch(self._watched)
            self._send_replies()
            self._send_frames()
            if self._recorder.stuck_s > LONGEST_JOB_S:
                raise CellError(
                    f"The cell has been stuck for {LONGEST_JOB_S:g} s, so its host ends.",
                    where=f"robot '{self._robot.name}'",
                    next_step="Start the host again; recordings are in the journal.",
                )

    def _take_request(self) -> None:
        *route, message = self._requests.recv_multipart()
        try:
            request = decode_request(message)
            fields = {name: getattr(request, name) for name in request.__struct_fields__}
            result = getattr(self._service, request.command)(**fields)
        except GoalpostError as error:
            self._replies.put((route, encode_error(error)))
            return
        except Exception as error:  # noqa: BLE001 (the last line of defence)
            _log.exception("a request failed")
            self._replies.put((route, encode_error(error)))
            return
        if isinstance(result, Future):
            result.add_done_callback(lambda future: self._reply_later(route, future))
        else:
            self._replies.put((route, encode_result(result)))

    def _reply_later(self, route: list[bytes], future: Future[object]) -> None:
        error = future.exception()
        if error is not None and not isinstance(error, GoalpostError):
            _log.error("a command failed", exc_info=error)
        reply = encode_result(future.result()) if error is None else encode_error(error)
        self._replies.put((route, reply))
        self._wake()

    def _send_replies(self) -> None:
        while not self._replies.empty():
            route, reply = self._replies.get()
            self._requests.send_multipart([*route, reply])

    def _publish(self, frames: EncodedFrameSet) -> None:
        self._newest = pack(frames)
        self._published_s = 0.0
        self._wake()

    def _send_frames(self) -> None:
        now_s = time.monotonic()
        if self._recorder.camera_error is not None:
            return  # silence tells the clients to ask for the reason
        if self._watched and self._newest and now_s - self._published_s >= HEARTBEAT_S:
            self._published_s = now_s
            self._frames.send(self._newest)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # many wake-ups wait: one is enough
            self._waker.send(b"\0")


def _reachable(endpoint: str) -> str:
    return endpoint.replace("//0.0.0.0:", f"//{socket.gethostname()}:")


@contextlib.contextmanager
def _ending_in_time() -> Iterator[None]:
    """The last line of defence: whatever hangs, the process ends and the robot is free."""
    timer = threading.Timer(LONGEST_STOP_S, _end_now)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end_now() -> None:
    _log.critical("ending took over %g s: something hangs and is left behind", LONGEST_STOP_S)
    os._exit(1)


def make_cell(workspace: Workspace, robot: Robot, clock: SteadyClock) -> Cell:
    """The cell of `robot`, of its kind; `clock` stamps its frames.

    Raises:
        CellError: The robot is somewhere else; only its episodes are here. Or it is simulated, and
            PyBullet is not installed.
    """
    if not robot.has_cell:
        raise CellError(
            f"The robot '{robot.name}' has no cell here: its episodes were imported.",
            next_step="Say on the Robots page where its cameras are, or choose another robot.",
        )
    if robot.kind == "simulated":
        return open_cell(robot, clock=clock)
    return HardwareCell(robot, clock, video_folders(workspace))


def run_host(
    workspace: Workspace,
    robot_name: str,
    *,
    size: Size | None = None,
    bind: str = LOOPBACK,
) -> None:
    """Serve the cell of `robot_name` until SIGTERM or SIGINT; call it in the main thread.

    Raises:
        UnknownName: The workspace has no such robot.
        CellError: A host of this robot runs already, or the cell is stuck.
    """
    robots = load_robots(workspace)
    if robot_name not in robots:
        raise unknown_name("robot", robot_name, robots, where=workspace.robots_path)
    robot = robots[robot_name]
    with hold_robot(workspace, robot_name, patience_s=_LOOKED_AT_S):
        address_path(workspace, robot_name).unlink(missing_ok=True)
        stamps = SteadyClock()
        host = CellHost(
            workspace,
            robot,
            make_cell(workspace, robot, stamps),
            size=size or _usual_size(robot),
            stamps=stamps,
            bind=bind,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: host.stop())
        publish_address(workspace, host.address())
        try:
            host.serve()
        finally:
            address_path(workspace, robot_name).unlink(missing_ok=True)


def _usual_size(robot: Robot) -> Size | None:
    return SIMULATED_SIZE if robot.kind == "simulated" else None


def _parse_size(context: click.Context, parameter: click.Parameter, value: str) -> Size | None:
    if not value:
        return None
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise click.BadParameter("give it as WIDTHxHEIGHT, for example 320x256")
    return Size(int(width), int(height))


@click.command()
@click.option("--workspace", required=True, type=click.Path(path_type=Path), help="Its folder.")
@click.option("--robot", required=True, help="Whose cell to own, for example robot-1.")
@click.option("--size", default="", callback=_parse_size, help="Images as WIDTHxHEIGHT [pixels].")
@click.option("--bind", default=LOOPBACK, show_default=True, help="Endpoint without port.")
def main(workspace: Path, robot: str, size: Size | None, bind: str) -> None:
    """Own one robot's cell and serve it until terminated."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    set_priority(os.getpid(), HOST_NICENESS)
    try:
        run_host(open_workspace(workspace, create=False), robot, size=size, bind=bind)
    except GoalpostError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
