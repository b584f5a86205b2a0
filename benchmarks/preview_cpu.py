"""What a live preview costs the web server, as a share of one core.

    python -m benchmarks.preview_cpu [--tabs 3] [--seconds 30]

Opens the Record page in several tabs of Chromium while its simulated cell records, so that three
pictures come five times a second to each, and counts the processor time of the web server and, by
itself, of the cell host; not the browser's. Writes `benchmarks/results/preview_cpu.json`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import click
import psutil
from playwright.sync_api import Page

from benchmarks.provenance import provenance
from benchmarks.served_app import chromium, served
from data.cells.client import CellClient, running_hosts
from data.storage import write_atomically
from data.workspace import open_workspace

RESULTS = Path("benchmarks/results/preview_cpu.json")
ROBOT = "robot-1"
TASK = "lift-carrot"
SETTLE_S = 5.0
PATIENCE_MS = 120_000


@click.command()
@click.option("--tabs", default=3, show_default=True)
@click.option("--seconds", default=30.0, show_default=True, help="How long it is watched.")
def main(tabs: int, seconds: float) -> None:
    """Watch a recording in several tabs, and count what that costs."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        with served(workspace.root) as (url, server), chromium() as browser:
            pages = [browser.new_page() for _ in range(tabs)]
            for page in pages:
                page.goto(f"{url}/record")
                page.get_by_text("Live", exact=True).wait_for(timeout=PATIENCE_MS)
            host = psutil.Process(running_hosts(workspace)[ROBOT].pid)
            with CellClient(workspace, ROBOT) as cell:
                cell.demonstrate(TASK, "success", False, 0)
                cell.start_recording(task=TASK, outcome="success", pair_id=None, by="benchmark")
                time.sleep(SETTLE_S)  # every page runs once, since a recording has begun
                shown = _shown(pages)
                began_s, used_s = time.monotonic(), _used_s(server, host)
                time.sleep(seconds)
                elapsed_s, used_later_s = time.monotonic() - began_s, _used_s(server, host)
                shown_later = _shown(pages)
                cell.discard_recording()
    result = {
        "tabs": tabs,
        "seconds": round(elapsed_s, 1),
        "frames_shown_per_second": [
            round((count - before) / (at_s - before_s), 2)
            for (before, before_s), (count, at_s) in zip(shown, shown_later, strict=True)
        ],
        "server_percent_of_a_core": round(100 * (used_later_s[0] - used_s[0]) / elapsed_s, 1),
        "host_percent_of_a_core": round(100 * (used_later_s[1] - used_s[1]) / elapsed_s, 1),
    } | provenance()
    result["load"] = round(os.getloadavg()[0], 1)
    write_atomically(RESULTS, json.dumps(result, indent=1).encode() + b"\n")
    click.echo(json.dumps(result, indent=1))


def _shown(pages: list[Page]) -> list[tuple[float, float]]:
    """How many frame sets each tab has drawn, and when that was [s], by its own clock."""
    return [
        page.get_by_test_id("goalpost-preview").evaluate(
            "(root) => [Number(root.dataset.shown), performance.now() / 1000]"
        )
        for page in pages
    ]


def _used_s(*processes: psutil.Process) -> list[float]:
    return [times.user + times.system for times in (each.cpu_times() for each in processes)]


if __name__ == "__main__":
    main()
