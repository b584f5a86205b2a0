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
from data.catalog.answers import refresh_answers
from data.catalog.catalog import Catalog
from data.catalog.counts import census, label_figures, outcome_counts, pair_counts
from data.catalog.label_queue import QueueFilter, queue
from data.catalog.questions import conflicts, newest_clips, recent_answers
from data.labels.labels import Label, append_labels, new_label_id
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace

_REPEATS = 7
_EPISODES = """
    INSERT INTO episodes (episode_id, shard, robot, kind, behaviour, task, outcome, pair_id, start,
                          recorded_at_ns, step_count, truth)
    SELECT printf('%010d-scale', i), 'episodes/robot-' || (i // 500 % 7 + 1) || '/' || (i // 500),
        'robot-' || (i // 500 % 7 + 1), if(i % 20 < 2, 'clip', 'robot'),
        if(i % 20 < 2, 'person', 'scripted-pick'), $tasks[i // 20 % len($tasks) + 1],
        if(i % 20 < 2, if(i % 20 = 0, 'success', 'failure'), NULL),
        if(i % 20 < 2, 'pair-' || (i // 20), NULL), 'pick',
        1780000000000000000 + i * 6000000000, 10,
        if(i % 20 < 2, NULL, $truth)
    FROM range($episodes) t(i)
"""
_LABELS = """
    INSERT INTO labels (label_id, line, episode_id, frame_index, task, outcome, "by", source, at_ns)
    SELECT 'label-' || i || '-' || n, 3 * i + n, printf('%010d-scale', i), if(i % 20 < 2, NULL, 9),
        if(n = 1, 'place-any', $tasks[i // 20 % len($tasks) + 1]),
        if(n <> 1 AND i % 2 = 0, 'success', 'failure'), 'ann',
        if(i % 50 = 7 AND n = 2, 'review', 'person'), 1780000000000000000 + i * 6000000000 + n
    FROM range($episodes) t(i), range(3) u(n) WHERE i % 10 <> 3 ORDER BY i, n
"""


@click.command()
@click.argument("episodes", type=int)
def main(episodes: int) -> None:
    """Measure an index of EPISODES episodes."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        filled_s = _cpu_s(lambda: _fill(workspace, episodes), repeats=1)
        click.echo(f"filled in {filled_s:.1f} s of processor time")
        costs = {name: _cpu_s(ask) for name, ask in _questions(workspace).items()}
        figures = {
            "questions_cpu_s": {name: round(seconds, 4) for name, seconds in costs.items()},
            "questions_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "questions_index_mib": workspace.catalog_path.stat().st_size >> 20,
        }
    click.echo(json.dumps(figures, indent=1))
    store(episodes, "index questions", figures)


def _fill(workspace: Workspace, episodes: int) -> None:
    tasks = list(SEED_TASKS.of_skill("lift")[1:])
    truth = json.dumps(dict.fromkeys(SEED_TASKS.names, False))
    catalog = Catalog(workspace)
    for sql in (_EPISODES, _LABELS):
        for name, value in (("tasks", tasks), ("truth", truth), ("episodes", episodes)):
            sql = sql.replace(f"${name}", f"'{value}'" if name == "truth" else str(value))
        with catalog.transaction() as transaction:
            transaction.execute(sql)
    with catalog.transaction() as transaction:
        transaction.execute("UPDATE catalog_state SET labels_lines = ?", (3 * episodes,))
        refresh_answers(transaction, workspace)


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
