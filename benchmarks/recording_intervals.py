"""How evenly a cell host records: intervals between frames, from the real capture times.

    python -m benchmarks.recording_intervals --seconds 30 [--busy 2] [--robot robot-1]

Records one clip on a simulated cell in a workspace of its own, with a watcher connected as an open
page is, and with as many busy processes beside it as asked for.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import psutil

from data.cells.client import CellClient, running_hosts, start_host, stop_host
from data.episodes.frames import CAMERAS
from data.recording.sealing import PERIOD_S
from data.workspace import Workspace, open_workspace

TASK = "lift-carrot"


@click.command()
@click.option("--seconds", default=30.0, show_default=True, help="Length of the clip.")
@click.option("--busy", default=0, show_default=True, help="Busy processes beside it.")
@click.option("--robot", default="robot-1", show_default=True)
def main(seconds: float, busy: int, robot: str) -> None:
    """Record a clip and print how evenly its frames came."""
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        start_host(workspace, robot)
        try:
            _record(workspace, robot, seconds, busy)
        finally:
            stop_host(workspace, robot)
            for process in load:
                process.kill()
                process.wait()


def _record(workspace: Workspace, robot: str, seconds: float, busy: int) -> None:
    host = psutil.Process(running_hosts(workspace)[robot].pid)
    stopping = threading.Event()
    watcher = threading.Thread(target=_watch, args=(workspace, robot, stopping))
    watcher.start()
    with CellClient(workspace, robot) as client:
        client.demonstrate(TASK, "success", False, 0)
        client.start_recording(task=TASK, outcome="success", pair_id=None, by="benchmark")
        host.cpu_percent()
        time.sleep(seconds)
        cpu_percent = host.cpu_percent()
        summary = client.stop_recording()
        stopping.set()
        watcher.join()
    click.echo(f"machine           {os.cpu_count()} cores {platform.machine()}, {busy} kept busy")
    click.echo(f"load              {os.getloadavg()[0]:.1f} in the last minute")
    click.echo(f"cameras           {len(CAMERAS)}, frames {summary.frame_count}")
    click.echo(f"dropped           {summary.dropped_frames}")
    click.echo(f"median interval   {summary.median_interval_ms:.2f} ms (due {1000 * PERIOD_S:g})")
    click.echo(f"p99 interval      {summary.p99_interval_ms:.2f} ms")
    click.echo(f"p99 deviation     {summary.p99_deviation_ms:.2f} ms")
    click.echo(f"largest skew      {max(summary.skew_ms.values()):.2f} ms")
    click.echo(f"host's CPU        {cpu_percent:.0f}% of a core")


def _watch(workspace: Workspace, robot: str, stopping: threading.Event) -> None:
    with CellClient(workspace, robot) as client:
        while not stopping.is_set():
            client.latest()


if __name__ == "__main__":
    main()
