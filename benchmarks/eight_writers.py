"""Eight processes that write one workspace at once: what each waits, and whether anything is lost.

    python -m benchmarks.eight_writers [--minutes 10]

Three label, two store episodes, one compacts, one rebuilds the catalog, one is a run that reports.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import click

from benchmarks.fault_work import save_robot_episodes
from data.catalog.catalog import Catalog, rebuild
from data.checking import check_workspace
from data.episodes.compaction import compact
from data.episodes.index import list_episodes
from data.errors import GoalpostError
from data.labels import log as label_log
from data.labels.labels import Label, append_labels
from data.runs.reporter import RunReporter
from data.runs.runs import create_run
from data.workspace import Workspace, open_workspace

PAUSE_S = 0.2
"""Between two writes of one writer, as between two answers of a quick person."""


def _label(workspace: Workspace) -> list[str]:
    label = Label(
        label_id=secrets.token_hex(8), episode_id=_FIRST, frame_index=0, task="lift-any",
        outcome="success", by="writer", source="person", at_ns=time.time_ns(),
    )  # fmt: skip
    append_labels(Catalog(workspace), [label])
    return [label.label_id]


def _store(workspace: Workspace) -> list[str]:
    save_robot_episodes(workspace, 1, time.time_ns() + secrets.randbelow(10**6))
    return []


def _compact(workspace: Workspace) -> list[str]:
    compact(Catalog(workspace))
    return []


def _rebuild(workspace: Workspace) -> list[str]:
    time.sleep(5.0)
    rebuild(workspace)
    return []


def _run(workspace: Workspace) -> list[str]:
    with RunReporter(create_run(workspace, "collect", {"seed": 0})) as report:
        for step in range(20):
            report.metrics(step, loss=0.0)
            report.progress(step / 20, "Writing")
    return []


_FIRST = ""
_WRITERS: dict[str, tuple[int, Callable[[Workspace], list[str]]]] = {
    "label": (3, _label), "store an episode": (2, _store), "compact": (1, _compact),
    "rebuild": (1, _rebuild), "report of a run": (1, _run),
}  # fmt: skip


def _write(pipe: Connection, root: Path, name: str, first: str, end_s: float) -> None:
    global _FIRST
    _FIRST = first
    workspace = open_workspace(root, create=False)
    waits_s: list[float] = []
    made: list[str] = []
    refused: list[str] = []
    while time.monotonic() < end_s:
        began_s = time.monotonic()
        try:
            made += _WRITERS[name][1](workspace)
        except GoalpostError as error:
            refused.append(str(error))
        waits_s.append(time.monotonic() - began_s)
        time.sleep(PAUSE_S)
    pipe.send((waits_s, made, refused))


@click.command()
@click.option("--minutes", default=10.0, show_default=True)
def main(minutes: float) -> None:
    """Write for so long, and print what each kind of writing took and what was lost."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        save_robot_episodes(workspace, 1, time.time_ns())
        [first] = list_episodes(Catalog(workspace))
        end_s = time.monotonic() + 60 * minutes
        pipes: list[tuple[str, Connection]] = []
        context = multiprocessing.get_context("spawn")
        for name, (count, _) in _WRITERS.items():
            for _ in range(count):
                hears, speaks = context.Pipe(duplex=False)
                arguments = (speaks, workspace.root, name, first.info.episode_id, end_s)
                context.Process(target=_write, args=arguments, daemon=True).start()
                pipes.append((name, hears))
        reports = [(name, *pipe.recv()) for name, pipe in pipes]
        _print(workspace, reports)


def _print(
    workspace: Workspace, reports: list[tuple[str, list[float], list[str], list[str]]]
) -> None:
    for name in _WRITERS:
        waits_s = [wait for known, waits, _, _ in reports if known == name for wait in waits]
        refused = sum(len(each[3]) for each in reports if each[0] == name)
        ms = [1000 * wait for wait in sorted(waits_s)] or [float("nan")]
        click.echo(
            f"{name:18} {len(waits_s):6} times  median {statistics.median(ms):8.0f} ms  "
            f"95th percentile {ms[int(0.95 * (len(ms) - 1))]:8.0f} ms  refused {refused}"
        )
    made = {label_id for _, _, labels, _ in reports for label_id in labels}
    written = [label.label_id for _, label in label_log.read(workspace.labels_path).labels]
    click.echo(f"labels: {len(made)} confirmed, {len(made - set(written))} lost, "
               f"{len(written) - len(set(written))} doubled")  # fmt: skip
    stored = sum(len(each[1]) for each in reports if each[0] == "store an episode") + 1
    refused = [words for each in reports for words in each[3]]
    stored -= sum(len(each[3]) for each in reports if each[0] == "store an episode")
    found = len(list_episodes(Catalog(workspace)))
    click.echo(f"episodes: {stored} stored, {found} found")
    click.echo(f"check: {[str(error) for error in check_workspace(Catalog(workspace))]}")
    for words in refused[:5]:
        click.echo(f"refused: {words}")
    click.echo(f"machine: {os.cpu_count()} cores {platform.machine()}")


if __name__ == "__main__":
    main()
