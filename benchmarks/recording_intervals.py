"""How evenly a cell host records: intervals between frames, from the real capture times.

    python -m benchmarks.recording_intervals [--source file] [--beside training] [--seconds 60]

Records a clip from each kind of source in a workspace of its own, with a watcher connected as an
open page is: a simulated cell, a video file and a network camera (RTSP, H.264), the last two
640x480 at 30 Hz. Beside it trains a detector with the priority of runs (recipe cpu, a thread a
core), or as many processes as there are cores are kept busy, or nothing. Writes
`benchmarks/results/recording_intervals.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import av
import click
import numpy as np
import psutil

from app.jobs import command_of
from benchmarks import fault_work as work
from benchmarks.provenance import provenance
from data.cameras.sources import FOLDERS_VARIABLE
from data.catalog.catalog import Catalog
from data.cells.client import CellClient, running_hosts, start_host, stop_host
from data.cells.robots import Robot, register_robot
from data.episodes.frames import CAMERAS
from data.errors import CellError
from data.recording.sealing import PERIOD_S
from data.runs.runs import create_run, launch
from data.storage import write_atomically
from data.workspace import Workspace, open_workspace

RESULTS = Path("benchmarks/results/recording_intervals.json")
TASK = "lift-carrot"
CAMERA_HZ = 30
CLIP_MARGIN_S = 30
PATIENCE_S = 300.0
SOURCES = ("simulated", "file", "network")
BESIDE = ("training", "busy", "nothing")

_RTSP_SERVER = """
import asyncio, sys
from aio_rtsp_toolkit.server import RtspServer
asyncio.run(RtspServer(sys.argv[1], "127.0.0.1", int(sys.argv[2])).serve_forever())
"""


@click.command()
@click.option("--source", "sources", multiple=True, default=SOURCES, type=click.Choice(SOURCES))
@click.option("--beside", default="training", show_default=True, type=click.Choice(BESIDE))
@click.option("--seconds", default=60.0, show_default=True, help="Length of each clip.")
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path))
def main(sources: tuple[str, ...], beside: str, seconds: float, results: Path) -> None:
    """Record a clip of each source, and say how evenly its frames came."""
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workspace = open_workspace(Path(folder) / "workspace")
        videos = Path(folder) / "videos"
        videos.mkdir()
        os.environ[FOLDERS_VARIABLE] = str(videos)
        robots = [_robot(workspace, each, videos, seconds, stack) for each in sources]
        stack.enter_context({"training": _training, "busy": _busy, "nothing": _alone}[beside](
            workspace
        ))  # fmt: skip
        for source, robot in zip(sources, robots, strict=True):
            rows[source] = _record(workspace, robot, seconds)
            click.echo(f"{source}: {json.dumps(rows[source])}")
    result = {"beside": beside, "due_ms": 1000 * PERIOD_S, "sources": rows} | provenance()
    write_atomically(results, json.dumps(result, indent=1).encode() + b"\n")


def _robot(
    workspace: Workspace, source: str, videos: Path, seconds: float, stack: ExitStack
) -> str:
    """A robot whose cameras are of this kind."""
    if source == "simulated":
        return "robot-1"
    video = videos / "cell.mp4"
    if not video.exists():
        _write_video(video, seconds + CLIP_MARGIN_S)
    address = str(video) if source == "file" else stack.enter_context(_rtsp_server(video))
    cameras = dict.fromkeys(CAMERAS, address)
    register_robot(Catalog(workspace), Robot(name=source, kind="hardware", cameras=cameras))
    return source


def _write_video(path: Path, seconds: float) -> None:
    noise = np.random.default_rng(0).integers(0, 60, (480, 640, 3), dtype=np.uint8)
    with av.open(str(path), "w") as video:
        stream = video.add_stream(
            "libx264", rate=CAMERA_HZ, options={"g": "15", "tune": "zerolatency"}
        )
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(int(CAMERA_HZ * seconds)):
            image = noise + np.uint8(number % 190)
            video.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        video.mux(stream.encode())


@contextmanager
def _rtsp_server(video: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", _RTSP_SERVER, str(video.parent), str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"rtsp://127.0.0.1:{port}/{video.name}"
    finally:
        server.kill()
        server.wait()


@contextmanager
def _training(workspace: Workspace) -> Iterator[None]:
    """A detector that has begun to learn, and does so until the end."""
    for robot in ("robot-2", "robot-3"):
        work.save_pairs(workspace, robot, 5, time.time_ns())
    run = create_run(workspace, "train-detector", {
        "recipe": "cpu", "overrides": {"steps": 1_000_000}, "holdout": ["robot-3"],
        "tasks": ["lift-any"], "seed": 0,
    })  # fmt: skip
    launch(run, command_of(run.kind, run.folder))
    deadline_s = time.monotonic() + PATIENCE_S
    while not run.metrics() or run.status().state != "running":
        if time.monotonic() > deadline_s:
            sys.exit(f"The training did not begin: {run.status()} {run.log_path.read_text()}")
        time.sleep(0.5)
    try:
        yield
        if run.status().state != "running":
            sys.exit(f"The training ended before the recordings: {run.status()}")
    finally:
        run.cancel()
        while run.status().state == "running":
            time.sleep(0.5)


@contextmanager
def _busy(workspace: Workspace) -> Iterator[None]:
    loads = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for process in loads:
            process.kill()
            process.wait()


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    yield


def _record(workspace: Workspace, robot: str, seconds: float) -> dict[str, Any]:
    start_host(workspace, robot)
    host = psutil.Process(running_hosts(workspace)[robot].pid)
    stopping = threading.Event()
    watcher = threading.Thread(target=_watch, args=(workspace, robot, stopping))
    watcher.start()
    try:
        with CellClient(workspace, robot) as client:
            if client.status().kind == "simulated":
                client.demonstrate(TASK, "success", False, 0)
            client.start_recording(task=TASK, outcome="success", pair_id=None, by="benchmark")
            host.cpu_percent()
            time.sleep(seconds)
            cpu_percent = host.cpu_percent()
            summary = client.stop_recording()
    finally:
        stopping.set()
        watcher.join()
        stop_host(workspace, robot)
    return {
        "frames": summary.frame_count,
        "dropped_frames": summary.dropped_frames,
        "median_interval_ms": round(summary.median_interval_ms, 1),
        "p99_interval_ms": round(summary.p99_interval_ms, 1),
        "p99_deviation_ms": round(summary.p99_deviation_ms, 1),
        "largest_skew_ms": round(max(summary.skew_ms.values()), 1),
        "host_percent_of_a_core": round(cpu_percent, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def _watch(workspace: Workspace, robot: str, stopping: threading.Event) -> None:
    with CellClient(workspace, robot) as client:
        while not stopping.is_set():
            with contextlib.suppress(CellError):  # a network camera takes a while to open
                client.latest()


if __name__ == "__main__":
    main()
