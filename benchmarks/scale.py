"""How the app answers on workspaces of growing size, in Chromium and below it.

Run: .venv/bin/python benchmarks/scale.py 10000 100000 1000000
Makes each workspace (or takes the one that `--folder` holds from an earlier run), rebuilds its
index, walks through the pages, labels by keyboard, and lets eight processes label at once. Prints a
table and writes `benchmarks/results/scale.json`.

A page counts from the click on its name in the menu until Streamlit says that it is complete. The
round trip of a label is from the key until the label is in the log on the disk.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psutil
from playwright.sync_api import Page, sync_playwright
from workspaces import make_workspace

from data.catalog.catalog import Catalog
from data.catalog.counts import census, outcome_counts
from data.catalog.label_queue import QueueFilter, queue
from data.episodes.index import list_episodes
from data.episodes.shards import FrameRef, read_frames
from data.labels.labels import Label, append_labels, new_label_id
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace

RESULTS = Path(__file__).parent / "results" / "scale.json"
PAGES = ("Home", "Tasks", "Record", "Label", "Detector", "Review", "Policy", "Robots")
WRITERS = 8
_CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"]
_PATIENCE_MS = 600_000

Figures = dict[str, Any]


@click.command()
@click.argument("sizes", nargs=-1, type=int, required=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the workspaces here.")
@click.option("--shards", type=int, help="Write only so many of the newest shards of a workspace.")
@click.option("--visits", default=15, show_default=True, help="Visits of each page.")
@click.option("--labels", default=40, show_default=True, help="Keys pressed, and labels a writer.")
def main(
    sizes: tuple[int, ...], folder: Path | None, shards: int | None, visits: int, labels: int
) -> None:
    """Measure workspaces of SIZES episodes."""
    with tempfile.TemporaryDirectory() as temporary:
        for size in sizes:
            figures = measure(
                Path(folder or temporary) / f"scale-{size}", size, shards, visits, labels
            )
            store(size, figures, f"benchmarks/scale.py {size}")
            click.echo(json.dumps({size: figures}, indent=1))


def measure(folder: Path, episodes: int, shards: int | None, visits: int, labels: int) -> Figures:
    """Every figure of one size; without most of its shards, the rebuild is not among them."""
    if folder.exists():
        workspace, made_s = open_workspace(folder, create=False), None
    else:
        began_s = time.monotonic()
        workspace = make_workspace(folder, episodes, shards=shards)
        made_s = round(time.monotonic() - began_s, 1)
    figures: Figures = {"made_s": made_s, "shards_written": shards}
    figures["rebuild_s"] = _rebuild(workspace) if shards is None else None
    figures |= _below(workspace)
    figures |= _in_chromium(workspace, visits, labels)
    figures |= _writers(workspace, labels)
    figures["index_mib"] = round(workspace.catalog_path.stat().st_size / 2**20)
    return figures


def _rebuild(workspace: Workspace) -> float:
    began_s = time.monotonic()
    _goalpost("data", "--workspace", str(workspace.root), "rebuild")
    return round(time.monotonic() - began_s, 1)


def _below(workspace: Workspace) -> Figures:
    """What single questions cost, each in a transaction of its own."""
    catalog = Catalog(workspace)
    wanted = QueueFilter(tasks=SEED_TASKS.names)
    newest = list_episodes(catalog, limit=200)
    frames = [
        FrameRef(each.shard, each.info.episode_id, each.info.step_count - 1) for each in newest
    ]
    positions = iter(frames)
    return {
        "queue_s": _timed(lambda: queue(catalog, wanted, most=24)),
        "census_s": _timed(lambda: census(catalog)),
        "outcome_counts_s": _timed(lambda: outcome_counts(catalog)),
        "one_frame_s": _timed(lambda: read_frames(workspace, [next(positions)])),
    }


def _in_chromium(workspace: Workspace, visits: int, labels: int) -> Figures:
    with _served(workspace) as (url, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=_CHROMIUM,
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.get_by_role("heading", level=1).first.wait_for(timeout=_PATIENCE_MS)
        for name in PAGES:  # imports, compiled components, the cell host of Record
            _visit(page, name)
        times: dict[str, list[float]] = {name: [] for name in PAGES}
        for _ in range(visits):
            for name in PAGES:
                times[name].append(_visit(page, name))
        _visit(page, "Label")
        pictures, saved = _label_by_keys(page, workspace, labels)
        figures = {
            "page_p50_s": {name.lower(): _quantile(all_s, 0.5) for name, all_s in times.items()},
            "page_p95_s": {name.lower(): _quantile(all_s, 0.95) for name, all_s in times.items()},
            "key_to_picture_median_s": _quantile(pictures, 0.5),
            "key_to_picture_p95_s": _quantile(pictures, 0.95),
            "label_round_trip_median_s": _quantile(saved, 0.5),
            "label_round_trip_p95_s": _quantile(saved, 0.95),
            "app_rss_mib": round(server.memory_info().rss / 2**20),
        }
        browser.close()
    return figures


def _visit(page: Page, name: str) -> float:
    link = page.get_by_test_id("stSidebarNavLink").filter(has_text=name).first
    began_s = time.monotonic()
    link.click()
    page.get_by_role("heading", level=1, name="Goalpost" if name == "Home" else name).wait_for(
        timeout=_PATIENCE_MS
    )
    page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=_PATIENCE_MS)
    return time.monotonic() - began_s


_ANSWER = """async (root) => {
  const before = root.dataset.item;
  const began = performance.now();
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "0", bubbles: true }));
  while (root.dataset.item === before) await new Promise(requestAnimationFrame);
  await Promise.all([...root.querySelectorAll("figure img")].map((image) => image.decode()));
  return (performance.now() - began) / 1000;
}"""


def _label_by_keys(page: Page, workspace: Workspace, count: int) -> tuple[list[float], list[float]]:
    """Seconds from the key to the next picture, and to the label on the disk."""
    widget = page.get_by_test_id("goalpost-labelling")
    widget.wait_for(timeout=60_000)
    page.wait_for_timeout(3000)
    pictures, saved = [], []
    for _ in range(count):
        size = workspace.labels_path.stat().st_size
        began_s = time.monotonic()
        pictures.append(widget.evaluate(_ANSWER))
        while workspace.labels_path.stat().st_size == size:
            time.sleep(0.002)
            if time.monotonic() - began_s > 60:
                sys.exit("A label did not reach the log within a minute.")
        saved.append(time.monotonic() - began_s)
        page.wait_for_timeout(700)  # as fast as a person who looks at every picture
    return pictures, saved


def _writers(workspace: Workspace, count: int) -> Figures:
    """Eight processes that label at once, each as a person would: one label, then a look."""
    newest = list_episodes(Catalog(workspace), limit=400)
    frames = [(each.info.episode_id, each.info.step_count - 1)
              for each in newest if each.info.kind == "robot"]  # fmt: skip
    with ProcessPoolExecutor(WRITERS) as pool:
        work = [(workspace, frames[number::WRITERS][:count]) for number in range(WRITERS)]
        times = [each for some in pool.map(_write_labels, work) for each in some]
    return {
        "eight_writers_median_s": _quantile(times, 0.5),
        "eight_writers_p95_s": _quantile(times, 0.95),
    }


def _write_labels(work: tuple[Workspace, list[tuple[str, int]]]) -> list[float]:
    workspace, frames = work
    catalog = Catalog(workspace)
    times = []
    for episode_id, frame in frames:
        label = Label(
            label_id=new_label_id(), episode_id=episode_id, frame_index=frame, task="place-any",
            outcome="unsure", by="writer", source="person", at_ns=time.time_ns(),
        )  # fmt: skip
        began_s = time.monotonic()
        append_labels(catalog, [label])
        times.append(time.monotonic() - began_s)
        time.sleep(1.0)
    return times


def _timed(ask: Callable[[], object], repeats: int = 15) -> dict[str, float]:
    times = []
    for _ in range(repeats):
        began_s = time.monotonic()
        ask()
        times.append(time.monotonic() - began_s)
    return {"p50": _quantile(times, 0.5), "p95": _quantile(times, 0.95)}


def _quantile(values: list[float], share: float) -> float:
    if share == 0.5:
        return round(statistics.median(values), 4)
    return round(statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1], 4)


@contextmanager
def _served(workspace: Workspace) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ("up", "--workspace", str(workspace.root), "--port", str(port))
    server = subprocess.Popen(
        [Path(sys.executable).with_name("goalpost"), *command], stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        [streamlit] = psutil.Process(server.pid).children()
        yield f"http://127.0.0.1:{port}", streamlit
    finally:
        server.send_signal(2)
        server.wait(60)


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.5)
        else:
            return
    sys.exit("The app did not start.")


def _goalpost(*arguments: str) -> None:
    subprocess.run([Path(sys.executable).with_name("goalpost"), *arguments], check=True)


def store(size: int, figures: Figures, command: str) -> None:
    """Put the figures of one size, made by `command`, among those that were measured before."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"sizes": {}}
    known["sizes"][str(size)] = figures | {"commit": commit}
    known |= {
        "command": command,
        "commit": commit,
        "machine": f"{os.cpu_count()} cores {platform.machine()}, {_load_words()}",
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")


def _load_words() -> str:
    return f"load average {os.getloadavg()[1]:.1f} while measuring"


if __name__ == "__main__":
    main()
