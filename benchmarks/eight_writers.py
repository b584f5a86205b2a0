"""Eight processes that write one workspace at once: what each waits, and whether anything is lost.

    python -m benchmarks.eight_writers [--minutes 10]

Three label, two store episodes, one compacts, one rebuilds the catalog, one is a run that reports.
Writes `benchmarks/results/eight_writers.json`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.fault_work import save_robot_episodes
from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog, rebuild
from data.checking import check_workspace
from data.episodes.compaction import compact
from data.episodes.index import list_episodes
from data.errors import GoalpostError
from data.labels import log as label_log
from data.labels.labels import Label, append_labels
from data.runs.reporter import RunReporter
from data.runs.runs import create_run
from data.storage import write_atomically
from data.workspace import Workspace, open_workspace

RESULTS = Path("benchmarks/results/eight_writers.json")
Report = tuple[str, list[float], list[str], list[str]]
"""Of one writer: its kind, its waits [s], the labels it was told are saved, what was refused."""
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
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path))
def main(minutes: float, results: Path) -> None:
    """Write for so long, and count what each kind of writing took and what was lost."""
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
        result = {"minutes": minutes} | _counted(workspace, reports) | provenance()
    result["load"] = round(os.getloadavg()[1], 1)
    write_atomically(results, json.dumps(result, indent=1).encode() + b"\n")
    click.echo(json.dumps(result, indent=1))


def _counted(workspace: Workspace, reports: list[Report]) -> dict[str, Any]:
    """What each kind of writing took, and what was lost."""
    kinds = {}
    for name in _WRITERS:
        ms = [1000 * wait for known, waits, _, _ in reports if known == name for wait in waits]
        kinds[name] = {
            "times": len(ms),
            "median_ms": round(float(np.median(ms)), 1),
            "p95_ms": round(float(np.percentile(ms, 95)), 1),
            "max_ms": round(max(ms), 1),
            "refused": sum(len(refused) for known, _, _, refused in reports if known == name),
        }
    made = {label_id for _, _, labels, _ in reports for label_id in labels}
    written = [label.label_id for _, label in label_log.read(workspace.labels_path).labels]
    episodes = kinds["store an episode"]
    return {
        "writers": kinds,
        "labels_confirmed": len(made),
        "labels_lost": len(made - set(written)),
        "labels_doubled": len(written) - len(set(written)),
        "episodes_stored": episodes["times"] - episodes["refused"] + 1,
        "episodes_found": len(list_episodes(Catalog(workspace))),
        "check": [str(error) for error in check_workspace(Catalog(workspace))],
        "refused": [words for _, _, _, refused in reports for words in refused][:5],
    }


if __name__ == "__main__":
    main()
