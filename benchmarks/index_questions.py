"""Processor time of every question that pages and runs ask, on an index of any size.

    python -m benchmarks.index_questions 1000000

The index is filled by SQL, as a rebuild would have left it: three labels an episode, a tenth of the
robots' episodes without any. No shard is written, so nothing is shown and nothing is rebuilt; what
is counted is the processor's time, which a busy machine changes less than a clock's. Adds
`questions_cpu_s`, and the memory of the process, to `benchmarks/results/scale.json`.
"""

from __future__ import annotations

import itertools
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.scale import store
from benchmarks.workspaces import fill_index
from data.catalog.catalog import Catalog
from data.catalog.counts import census, label_figures, outcome_counts, pair_counts
from data.catalog.label_queue import QueueFilter, queue
from data.catalog.questions import conflicts, newest_clips, recent_answers
from data.labels.labels import Label, append_labels, new_label_id
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace

_REPEATS = 7


@click.command()
@click.argument("episodes", type=int)
def main(episodes: int) -> None:
    """Measure an index of EPISODES episodes."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        filled_s = _cpu_s(lambda: fill_index(workspace, episodes), repeats=1)
        click.echo(f"filled in {filled_s:.1f} s of processor time")
        costs = {name: _cpu_s(ask) for name, ask in _questions(workspace).items()}
        figures = {
            "questions_cpu_s": {name: round(seconds, 4) for name, seconds in costs.items()},
            "questions_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "questions_index_mib": workspace.catalog_path.stat().st_size >> 20,
        }
    click.echo(json.dumps(figures, indent=1))
    store(episodes, "index questions", figures)


def _questions(workspace: Workspace) -> dict[str, Callable[[], object]]:
    catalog = Catalog(workspace)
    own = QueueFilter(tasks=SEED_TASKS.names)
    waiting = itertools.cycle(queue(catalog, own, most=500).first)

    def label() -> None:
        asked = next(waiting)
        told = Label(
            label_id=new_label_id(), episode_id=asked.episode.info.episode_id,
            frame_index=asked.frame_index, task="lift-any", outcome="unsure", by="ann",
            source="person", at_ns=time.time_ns(),
        )  # fmt: skip
        append_labels(catalog, [told])

    def nothing() -> None:
        with catalog.transaction():
            pass

    def label_and_look() -> None:
        label()
        queue(catalog, own, most=24)

    return {
        "open and close": nothing,
        "queue": lambda: queue(catalog, own, most=24),
        "queue, all tasks": lambda: queue(
            catalog, QueueFilter(tasks=SEED_TASKS.names, only_own_task=False), most=24
        ),
        "queue, random share": lambda: queue(
            catalog, QueueFilter(tasks=SEED_TASKS.names, order="random share"), most=24
        ),
        "episodes counted": lambda: census(catalog),
        "outcomes counted": lambda: outcome_counts(catalog),
        "labels counted": lambda: label_figures(catalog, since_ns=0),
        "pairs counted": lambda: pair_counts(catalog),
        "newest clips": lambda: newest_clips(catalog, of_each_task=24),
        "recent answers": lambda: recent_answers(catalog, sources=["person"], most=12),
        "contradictions": lambda: conflicts(catalog, most=3),
        "label": label,
        "label, then the queue": label_and_look,
    }


def _cpu_s(ask: Callable[[], object], repeats: int = _REPEATS) -> float:
    """Processor time of one call [s], the mean of several."""
    if repeats > 1:
        ask()
    began_s = time.process_time()
    for _ in range(repeats):
        ask()
    return (time.process_time() - began_s) / repeats


if __name__ == "__main__":
    main()
