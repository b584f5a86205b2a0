"""Network cameras at fault: servers of motion JPEG and RTSP are cut off, hang, and come back."""

from __future__ import annotations

import contextlib
import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from data.cameras.cameras import Camera
from data.catalog.catalog import Catalog
from data.cells.client import CellClient, start_host
from data.cells.robots import Robot, register_robot
from data.episodes.frames import CAMERAS, encode_jpeg
from data.episodes.index import load_episode
from data.errors import CameraError
from data.workspace import Workspace

RATE_HZ = 15.0


class MjpegServer:
    """Serves pictures that all differ at `url`, while it is switched on."""

    def __init__(self) -> None:
        self.rate_hz = RATE_HZ
        self.is_corrupt = False
        self._port = 0  # any that is free
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where the stream is, also while the camera is away."""
        return f"http://127.0.0.1:{self._port}/stream.mjpg"

    def start(self) -> None:
        """Switch the camera on, or on again at the same address."""
        self._server = _Server(self, self._port)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self) -> None:
        """Pull the plug: connections end, and nothing answers any more."""
        if self._server is not None:
            self._server.is_on = False
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, camera: MjpegServer, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Stream)
        self.camera = camera
        self.is_on = True


class _Stream(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in itertools.count():
            if not self.server.is_on:
                return
            image = np.full((48, 64, 3), (5 * number % 250, 80, 200), dtype=np.uint8)
            jpeg = encode_jpeg(image)
            if self.server.camera.is_corrupt:
                jpeg = b"\xff\xd8" + bytes(len(jpeg))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:  # whoever watched is gone
                return
            time.sleep(1 / self.server.camera.rate_hz)

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""


NOTICED_S = 2.0
BACK_S = 30.0


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    server = MjpegServer()
    server.start()
    yield server
    server.cut()


@pytest.fixture
def camera(server: MjpegServer, tmp_path: Path) -> Iterator[Camera]:
    camera = Camera("left", server.url, folders=[tmp_path])
    yield camera
    camera.close()


def _problem(camera: Camera) -> tuple[str, float]:
    """What `newest` says once it gives no frames any more, and after how long [s]."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < BACK_S:
        try:
            camera.newest()
        except CameraError as error:
            return error.what, time.monotonic() - began_s
        time.sleep(0.05)
    pytest.fail("no fault was noticed")


def _wait_until_back(camera: Camera) -> None:
    deadline_s = time.monotonic() + BACK_S
    while True:
        try:
            image, _ = camera.newest()
        except CameraError:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        else:
            assert image.shape == (48, 64, 3)
            return


def test_a_stream_gives_frames_at_the_rate_of_the_camera(camera: Camera) -> None:
    _, first_ns = camera.newest()
    times_ns = {first_ns}
    while time.monotonic_ns() - first_ns < 2e9:
        times_ns.add(camera.newest()[1])
        time.sleep(0.01)
    assert len(times_ns) > 10  # 30 were sent; a busy machine may show fewer


def test_a_camera_that_is_cut_off_is_noticed_and_comes_back(
    server: MjpegServer, camera: Camera
) -> None:
    camera.newest()
    server.cut()
    what, after_s = _problem(camera)
    assert "stopped giving frames" in what or "no new frame" in what or "be opened" in what
    assert after_s < NOTICED_S
    server.start()
    _wait_until_back(camera)


def test_a_slow_camera_is_noticed(server: MjpegServer, camera: Camera) -> None:
    camera.newest()
    server.rate_hz = 0.3
    what, after_s = _problem(camera)
    assert "has given no new frame for too long" in what
    assert after_s < NOTICED_S + 0.5  # the last frames of the usual rate are still on their way
    server.rate_hz = 15
    _wait_until_back(camera)


def test_a_corrupt_stream_is_noticed(server: MjpegServer, camera: Camera) -> None:
    camera.newest()
    server.is_corrupt = True
    what, after_s = _problem(camera)
    assert "Camera 'left'" in what
    assert after_s < NOTICED_S
    server.is_corrupt = False
    _wait_until_back(camera)


def test_a_clip_of_network_cameras_is_kept_when_one_is_cut_off(
    workspace: Workspace, server: MjpegServer
) -> None:
    others = MjpegServer()
    others.start()
    cameras = dict.fromkeys(CAMERAS, others.url) | {"right": server.url}
    register_robot(Catalog(workspace), Robot(name="arm-1", kind="hardware", cameras=cameras))
    start_host(workspace, "arm-1")
    with CellClient(workspace, "arm-1") as client:
        clip_id = client.start_recording(
            task="lift-carrot", outcome="success", pair_id="pair-1", by="ann"
        )
        time.sleep(2)
        server.cut()
        cut_s = time.monotonic()
        while client.status().recording is not None:
            assert time.monotonic() < cut_s + BACK_S
            time.sleep(0.1)
        assert time.monotonic() - cut_s < NOTICED_S + 1  # asked ten times a second, and sealed
        assert "Camera 'right'" in str(client.status().problem)
        assert [clip.recording_id for clip in client.recovered()] == [clip_id]
        client.keep_recovered(clip_id)
    others.cut()
    assert load_episode(Catalog(workspace), clip_id).info.step_count > 3


_RTSP_SERVER = """
import asyncio, sys
from aio_rtsp_toolkit.server import RtspServer
asyncio.run(RtspServer(sys.argv[1], "127.0.0.1", int(sys.argv[2])).serve_forever())
"""


class RtspServer:
    """A process that serves a video over RTSP."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        _write_h264(folder / "cell.mp4", seconds=60)
        self.start()

    @property
    def url(self) -> str:
        """Where the stream is, also while the camera is away."""
        return f"rtsp://127.0.0.1:{self.port}/cell.mp4"

    def start(self) -> None:
        """Switch the camera on, or on again at the same address."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RTSP_SERVER, str(self._folder), str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def cut(self) -> None:
        """Pull the plug."""
        self.process.kill()
        self.process.wait()


def _write_h264(path: Path, *, seconds: int) -> None:
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=15, options={"g": "5", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(15 * seconds):
            image = np.full((48, 64, 3), (3 * number % 250, 80, 200), dtype=np.uint8)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        video.mux(stream.encode())


@pytest.fixture
def rtsp(tmp_path: Path) -> Iterator[RtspServer]:
    server = RtspServer(tmp_path)
    yield server
    server.cut()


def test_an_rtsp_camera_that_hangs_or_is_cut_off_is_noticed_and_comes_back(
    rtsp: RtspServer, tmp_path: Path
) -> None:
    camera = Camera("left", rtsp.url, folders=[tmp_path])
    try:
        _wait_until_back(camera)
        rtsp.process.send_signal(signal.SIGSTOP)
        what, after_s = _problem(camera)
        assert "has given no new frame for too long" in what
        assert after_s < NOTICED_S + 0.5  # what was sent before is shown first
        rtsp.process.send_signal(signal.SIGCONT)
        _wait_until_back(camera)
        rtsp.cut()
        what, after_s = _problem(camera)
        assert "Camera 'left'" in what
        assert after_s < NOTICED_S
        rtsp.start()
        _wait_until_back(camera)
    finally:
        camera.close()


class Network:
    """Stands between a camera and whoever watches it, and treats its pictures badly."""

    def __init__(self, port: int) -> None:
        self._camera = ("127.0.0.1", port)
        self.seconds_a_packet = 0.0
        self.is_corrupt = False
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._let_in, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._door.shutdown(socket.SHUT_RDWR)  # whoever waits for the next to come is told
        self._door.close()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):  # the door is closed
            while True:
                watcher, _ = self._door.accept()
                try:
                    camera = socket.create_connection(self._camera)
                except OSError:  # it is switched off
                    watcher.close()
                    continue
                threading.Thread(target=self._ask, args=(watcher, camera), daemon=True).start()
                threading.Thread(target=self._show, args=(camera, watcher), daemon=True).start()

    def _ask(self, watcher: socket.socket, camera: socket.socket) -> None:
        with contextlib.suppress(OSError), watcher, camera:
            while asked := watcher.recv(4096):
                camera.sendall(asked)

    def _show(self, camera: socket.socket, watcher: socket.socket) -> None:
        """Answers as they are; packets between them (RFC 2326, Sec. 10.12) as the network does."""
        with contextlib.suppress(OSError), camera, watcher, camera.makefile("rb") as stream:
            while first := stream.read(1):
                if first != b"$":
                    watcher.sendall(first + stream.readline())
                    continue
                head = stream.read(3)
                packet = stream.read(int.from_bytes(head[1:], "big"))
                if head[0] == 0:  # pictures
                    time.sleep(self.seconds_a_packet)
                    if self.is_corrupt:
                        packet = packet[:12] + bytes(len(packet) - 12)
                watcher.sendall(first + head + packet)


@pytest.fixture
def network(rtsp: RtspServer) -> Iterator[Network]:
    network = Network(rtsp.port)
    yield network
    network.close()


def test_an_rtsp_camera_that_is_slow_or_spoilt_is_noticed_and_comes_back(
    rtsp: RtspServer, network: Network, tmp_path: Path
) -> None:
    camera = Camera("left", rtsp.url.replace(str(rtsp.port), str(network.port)), folders=[tmp_path])
    try:
        _wait_until_back(camera)
        network.is_corrupt = True
        what, after_s = _problem(camera)
        assert "Camera 'left'" in what
        assert after_s < NOTICED_S
        network.is_corrupt = False
        _wait_until_back(camera)
        network.seconds_a_packet = 3
        what, after_s = _problem(camera)
        assert "has given no new frame for too long" in what
        assert after_s < NOTICED_S
        network.seconds_a_packet = 0
        _wait_until_back(camera)
    finally:
        camera.close()
