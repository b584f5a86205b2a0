"""kill -9 at random moments of everything that works, and what was lost by it.

    python -m benchmarks.fault_campaign [--kills 1000] [--seed 0] [--folder build/fault-campaign]
                                        [--beside build/another-campaign]

Each kill hits one process (a cell host, a writer of labels, the web server under a browser, a
compaction, a rebuild, a run) at a moment drawn at random while it works. Then it is started again,
the workspace is checked as `goalpost data check` does, and every label and clip that was confirmed
is looked for. May be ended at any time; started again, it goes on. Several may run beside each
other, each with a folder and a seed of its own; the result is of all together.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks.fault_activities import WEIGHTS, Activities
from benchmarks.fault_target import Ledger, Target
from benchmarks.provenance import provenance
from data.errors import GoalpostError
from data.storage import write_atomically

RESULTS = Path("benchmarks/results/faults.json")


def try_once(
    target: Target, activities: Activities, names: list[str], seed: int, commit: str
) -> None:
    """Draw one of the activities, kill it, and look at what is left."""
    ledger = target.ledger
    ledger.tries += 1
    draw = random.Random(f"{seed}/{ledger.tries}")
    [activity] = draw.choices(names, [WEIGHTS[name] for name in names])
    try:
        killed = activities.interrupt(activity, draw)
    except GoalpostError as error:
        target.complain(f"{activity}: {error}")
        killed = True
    if killed:
        ledger.kills += 1
        ledger.by_activity[activity] = ledger.by_activity.get(activity, 0) + 1
        ledger.by_commit[commit] = ledger.by_commit.get(commit, 0) + 1
    target.check()


def write_results(ledger: Ledger, path: Path) -> None:
    """The figures as they stand."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    values = asdict(ledger) | provenance() | {"load": load}
    write_atomically(path, json.dumps(values, indent=1).encode() + b"\n")


@click.command()
@click.option("--kills", default=1000, show_default=True, help="End after so many.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--folder", default=Path("build/fault-campaign"), type=click.Path(path_type=Path),
    help="What it works on; started again with the same folder, it goes on.",
)  # fmt: skip
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path))
@click.option("--without", multiple=True, type=click.Choice(list(WEIGHTS)), help="Leave out.")
@click.option(
    "--beside", multiple=True, type=click.Path(path_type=Path),
    help="Folder of another campaign, whose counts are added.",
)  # fmt: skip
def main(
    kills: int,
    seed: int,
    folder: Path,
    results: Path,
    without: tuple[str, ...],
    beside: tuple[Path, ...],
) -> None:
    """Kill, start again, check, and count what was lost."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no cell host outlives the campaign
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that spin starve the rest
    os.environ["GOALPOST_VIDEO_FOLDERS"] = str(folder.resolve())
    folder.mkdir(parents=True, exist_ok=True)
    commit = provenance()["commit"]
    target = Target(folder.resolve())
    activities = Activities(target)
    names = [name for name in WEIGHTS if name not in without]
    try:
        while (counted := target.together(beside)).kills < kills:
            try_once(target, activities, names, seed, commit)
            write_results(target.together(beside), results)
        write_results(counted, results)
    finally:
        activities.close()
    for name, value in asdict(counted).items():
        click.echo(f"{name:16} {value}")


if __name__ == "__main__":
    main()
