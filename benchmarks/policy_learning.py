"""What the benchmarks of learned policies share: learn from nothing, then let the truth judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import click

from data.cells.robots import load_robots
from data.cells.simulated.cell import make_cell
from data.runs.runs import Run, find_or_create_run
from data.tasks.store import load_tasks
from data.workspace import Workspace
from policy.acting.behaviours import Behaviour
from policy.acting.collector import CollectionConfig
from policy.acting.evaluation import EvaluationReport, evaluate_behaviour
from policy.run import execute_run

HOLDOUT = "robot-7"
"""Judges, and teaches nothing."""
COLLECTORS = tuple(f"robot-{number}" for number in range(1, 7))
JUDGING_SEED = 20_261
"""Of scenes that no other command uses."""


def learned(workspace: Workspace, spec: Mapping[str, Any]) -> Run:
    """The training with this spec, begun before or now, carried to its end."""
    run = find_or_create_run(workspace, "train-policy", spec)
    if run.status().state != "done":
        execute_run(run)
    if run.status().state != "done":
        raise click.ClickException(
            f"The run ended as '{run.status().state}'; this command goes on."
        )
    return run


def judged(
    workspace: Workspace,
    behaviour: Behaviour,
    tasks: Sequence[str],
    attempts: int,
    config: CollectionConfig,
) -> EvaluationReport:
    """How often `behaviour` truly does each of `tasks` on the holdout robot."""
    known = load_tasks(workspace)
    with closing(make_cell(load_robots(workspace)[HOLDOUT])) as cell:
        return evaluate_behaviour(
            behaviour,
            [cell],
            [known[task] for task in tasks],
            attempts,
            seed=JUDGING_SEED,
            report=_Quiet(),
            config=config,
        )


def hours(run: Run) -> float:
    """From the run's creation to its last word."""
    ended_ns = run.status().updated_at_ns or run.created_at_ns
    return round((ended_ns - run.created_at_ns) / 3.6e12, 2)


class _Quiet:
    """Hears of the progress and says nothing."""

    def progress(self, fraction: float, message: str) -> None:
        """Nothing."""
