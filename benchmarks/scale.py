"""How the app answers on workspaces of growing size, in Chromium and below it.

    python -m benchmarks.scale 10000 100000 1000000 [--folder FOLDER] [--part pages]

Makes each workspace (or takes the one that `--folder` holds), rebuilds its index, asks the
questions of the Label page, walks through the pages, labels by keyboard, lets eight processes label
at once, and compacts. Every part can be measured by itself; each is written to
`benchmarks/results/scale.json` as soon as it is measured, with the commit it was measured on.

A page counts from the click on its name in the menu until Streamlit says that it is complete. The
round trip of a label is from the key until the label is in the log on the disk.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import psutil
from playwright.sync_api import Page

from app.pages import PAGES, PageSpec
from benchmarks.provenance import provenance
from benchmarks.served_app import chromium, served
from benchmarks.workspaces import is_made, make_workspace, write_small_shards
from data.catalog.catalog import Catalog
from data.catalog.counts import census, outcome_counts
from data.catalog.label_queue import QueueFilter, queue
from data.episodes.index import list_episodes
from data.episodes.shards import FrameRef, read_frames
from data.labels.labels import Label, append_labels, new_label_id
from data.storage import write_atomically
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace

RESULTS = Path("benchmarks/results/scale.json")
WRITERS = 8
WRITER_PAUSE_S = 1.0
"""Between two labels of one writer, as of a quick person."""
SMALL_SHARDS = 500
"""Shards of one episode each, as recording leaves them, for the compaction."""
_PATIENCE_MS = 300_000

Figures = dict[str, Any]


@click.command()
@click.argument("sizes", nargs=-1, type=int, required=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the workspaces here.")
@click.option("--shards", type=int, help="Write only so many of the newest shards of a workspace.")
@click.option("--part", "parts", multiple=True, help="Only this part; may be given again.")
@click.option("--visits", default=15, show_default=True, help="Visits of each page.")
@click.option("--labels", default=40, show_default=True, help="Keys pressed, and labels a writer.")
def main(
    sizes: tuple[int, ...],
    folder: Path | None,
    shards: int | None,
    parts: tuple[str, ...],
    visits: int,
    labels: int,
) -> None:
    """Measure workspaces of SIZES episodes; without most of its shards, one is not rebuilt."""
    measures: dict[str, Callable[[Workspace], Figures]] = {
        "rebuild": _rebuild,
        "questions": _questions,
        "pages": lambda workspace: _in_chromium(workspace, visits, labels),
        "writers": lambda workspace: _writers(workspace, labels),
        "compaction": _compaction,
    }
    if unknown := set(parts) - set(measures):
        raise click.BadParameter(f"No part {', '.join(unknown)}; there is {', '.join(measures)}.")
    with tempfile.TemporaryDirectory() as temporary:
        for size in sizes:
            workspace = open_workspace(Path(folder or temporary) / f"scale-{size}")
            if not is_made(workspace):
                make_workspace(workspace.root, size, shards=shards)
            for name in parts or measures:
                if name == "rebuild" and shards is not None:
                    continue
                figures = measures[name](workspace)
                figures["index_mib"] = round(workspace.catalog_path.stat().st_size / 2**20)
                store(size, name, figures)
                click.echo(json.dumps({size: figures}, indent=1))


def _rebuild(workspace: Workspace) -> Figures:
    """A new index by the command a person would give, which checks every file in the end."""
    return {"rebuild_s": _goalpost_s(workspace, "rebuild")}


def _questions(workspace: Workspace) -> Figures:
    """What single questions cost, each in a transaction of its own."""
    catalog = Catalog(workspace)
    wanted = QueueFilter(tasks=SEED_TASKS.names)
    newest = list_episodes(catalog, limit=200)
    positions = iter(
        [FrameRef(each.shard, each.info.episode_id, each.info.step_count - 1) for each in newest]
    )
    return {
        "queue_s": _timed(lambda: queue(catalog, wanted, most=24)),
        "census_s": _timed(lambda: census(catalog)),
        "outcome_counts_s": _timed(lambda: outcome_counts(catalog)),
        "one_frame_s": _timed(lambda: read_frames(workspace, [next(positions)])),
    }


def _in_chromium(workspace: Workspace, visits: int, labels: int) -> Figures:
    with served(workspace.root) as (url, server), chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.get_by_role("heading", level=1).first.wait_for(timeout=_PATIENCE_MS)
        first = {spec.name: _visit(page, spec) for spec in PAGES}  # imports, the cell's host
        times = {spec.name: list[float]() for spec in PAGES}
        cpu_times = {spec.name: list[float]() for spec in PAGES}
        for _ in range(visits):
            for spec in PAGES:
                began_s = _cpu_s(server)
                times[spec.name].append(_visit(page, spec))
                cpu_times[spec.name].append(_cpu_s(server) - began_s)
        walked_mib = round(server.memory_info().rss / 2**20)
        _visit(page, next(spec for spec in PAGES if spec.name == "label"))
        pictures, saved = _label_by_keys(page, workspace, labels)
        return {
            "page_first_s": {name: round(seconds, 3) for name, seconds in first.items()},
            "page_p50_s": {name: _quantile(all_s, 0.5) for name, all_s in times.items()},
            "page_p95_s": {name: _quantile(all_s, 0.95) for name, all_s in times.items()},
            "page_cpu_p50_s": {name: _quantile(all_s, 0.5) for name, all_s in cpu_times.items()},
            "key_to_picture_median_s": _quantile(pictures, 0.5),
            "key_to_picture_p95_s": _quantile(pictures, 0.95),
            "label_round_trip_median_s": _quantile(saved, 0.5),
            "label_round_trip_p95_s": _quantile(saved, 0.95),
            "app_rss_mib": max(walked_mib, round(server.memory_info().rss / 2**20)),
        }


def _cpu_s(server: psutil.Process) -> float:
    """Processor time that the web server has used, which a busy machine changes little."""
    times = server.cpu_times()
    return times.user + times.system


def _visit(page: Page, spec: PageSpec) -> float:
    link = page.get_by_test_id("stSidebar").get_by_role("link", name=spec.title, exact=True)
    title = "Goalpost" if spec.name == "home" else spec.title
    link.wait_for(timeout=_PATIENCE_MS)
    began_s = time.monotonic()
    link.click(timeout=_PATIENCE_MS)
    page.get_by_role("heading", level=1, name=title, exact=True).wait_for(timeout=_PATIENCE_MS)
    page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=_PATIENCE_MS)
    return time.monotonic() - began_s


_ANSWER = """async (root) => {
  const before = root.dataset.item;
  const began = performance.now();
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "0", bubbles: true }));
  while (!root.dataset.item || root.dataset.item === before)
    await new Promise(requestAnimationFrame);
  await Promise.all([...root.querySelectorAll("figure img:not(.unseen)")].map((image) =>
    image.decode()));
  return (performance.now() - began) / 1000;
}"""


def _label_by_keys(page: Page, workspace: Workspace, count: int) -> tuple[list[float], list[float]]:
    """Seconds from the key to the next picture, and to the label on the disk."""
    widget = page.get_by_test_id("goalpost-labelling")
    widget.locator("h3").wait_for(timeout=_PATIENCE_MS)
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
    newest = list_episodes(Catalog(workspace), limit=WRITERS * count, kind="robot")
    frames = [(each.info.episode_id, each.info.step_count - 1) for each in newest]
    with ProcessPoolExecutor(WRITERS) as pool:
        work = [(workspace, number, frames[number::WRITERS]) for number in range(WRITERS)]
        times = [each for some in pool.map(_write_labels, work) for each in some]
    return {
        "eight_writers_median_s": _quantile(times, 0.5),
        "eight_writers_p95_s": _quantile(times, 0.95),
    }


def _write_labels(work: tuple[Workspace, int, list[tuple[str, int]]]) -> list[float]:
    workspace, number, frames = work
    catalog = Catalog(workspace)
    times = []
    time.sleep(WRITER_PAUSE_S * number / WRITERS)  # eight people do not press at one beat
    for episode_id, frame in frames:
        label = Label(
            label_id=new_label_id(), episode_id=episode_id, frame_index=frame, task="place-any",
            outcome="unsure", by="writer", source="person", at_ns=time.time_ns(),
        )  # fmt: skip
        began_s = time.monotonic()
        append_labels(catalog, [label])
        times.append(time.monotonic() - began_s)
        time.sleep(WRITER_PAUSE_S)
    return times


def _compaction(workspace: Workspace) -> Figures:
    """Merge shards of one episode each, which are added for it."""
    episodes = sum(row.count for row in census(Catalog(workspace)).rows)
    write_small_shards(workspace, range(episodes, episodes + SMALL_SHARDS))
    return {"small_shards": SMALL_SHARDS, "compaction_s": _goalpost_s(workspace, "compact")}


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


def _goalpost_s(workspace: Workspace, command: str) -> float:
    """Seconds that `goalpost data COMMAND` takes."""
    goalpost = Path(sys.executable).with_name("goalpost")
    began_s = time.monotonic()
    subprocess.run([goalpost, "data", "--workspace", workspace.root, command], check=True)
    return round(time.monotonic() - began_s, 1)


def store(size: int, part: str, figures: Figures) -> None:
    """Put the figures of one part of one size among those that were measured before."""
    origin = provenance() | {"load": f"{os.getloadavg()[1]:.1f}"}
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"sizes": {}}
    of_size = known["sizes"].setdefault(str(size), {})
    measured = of_size.pop("measured", {}) | {part: origin}
    of_size |= figures | {"measured": measured}
    write_atomically(RESULTS, json.dumps(known | origin, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
