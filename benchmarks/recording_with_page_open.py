"""How evenly the Record page records while it is open in a browser, from the real capture times.

    python -m benchmarks.recording_with_page_open [--seconds 30]

Serves the app with a workspace of its own, presses Record and Stop in Chromium, and reads the
timestamps of the clip that was stored.
"""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.served_app import chromium, served
from data.catalog.catalog import Catalog
from data.episodes.frames import CAMERAS
from data.episodes.index import list_episodes, load_episode
from data.recording.sealing import PERIOD_S
from data.workspace import Workspace, open_workspace


@click.command()
@click.option("--seconds", default=30.0, show_default=True, help="Length of the clip.")
def main(seconds: float) -> None:
    """Record one clip through the page and print how evenly its frames came."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        with served(workspace.root) as (url, _):
            _record(f"{url}/record", seconds)
        _print_timing(workspace)


def _record(url: str, seconds: float) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.goto(url)
        page.get_by_role("button", name="Start without countdown").click(timeout=60_000)
        stop = page.get_by_role("button", name="Stop and keep")
        stop.wait_for(timeout=60_000)
        page.wait_for_timeout(1000 * seconds)
        stop.click()
        page.get_by_text("Saved success").wait_for(timeout=60_000)


def _print_timing(workspace: Workspace) -> None:
    catalog = Catalog(workspace)
    [clip] = list_episodes(catalog, kind="clip")
    steps = load_episode(catalog, clip.info.episode_id).steps
    click.echo(f"machine  {os.cpu_count()} cores {platform.machine()}")
    click.echo(f"load     {os.getloadavg()[0]:.1f} in the last minute")
    click.echo(f"frames   {len(steps)} of {len(CAMERAS)} cameras")
    click.echo(f"due      every {1000 * PERIOD_S:g} ms")
    for camera in CAMERAS:
        times_ns = np.array([step.frames.timestamps_ns[camera] for step in steps])
        interval_ms = np.diff(times_ns) / 1e6
        late_ms = np.abs(interval_ms - 1000 * PERIOD_S)
        click.echo(
            f"{camera:13}  median {np.median(interval_ms):.2f} ms, "
            f"p99 {np.percentile(interval_ms, 99):.1f} ms, "
            f"p99 deviation {np.percentile(late_ms, 99):.1f} ms, "
            f"largest interval {interval_ms.max():.1f} ms"
        )


if __name__ == "__main__":
    main()
