"""How often the two scripts truly succeed, and how fast episodes are collected on one core.

    python benchmarks/scripted_success.py --episodes 100

MT-Opt (Sec. 7.2) reports about 10% for its picking script and 47% for its placing script.
"""

from __future__ import annotations

import platform
import time

import click

from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.tasks.tasks import SEED_TASKS
from policy.acting.behaviours import Behaviour, Noisy
from policy.acting.collector import CollectionConfig
from policy.acting.evaluation import evaluate_behaviour
from policy.acting.scripted import ScriptedPick, ScriptedPlace

SCRIPTS: tuple[tuple[str, Behaviour, str], ...] = (
    ("scripted-pick", ScriptedPick(), "lift-any"),
    ("scripted-place", ScriptedPlace(), "place-any"),
    ("noisy scripted-pick", Noisy(ScriptedPick()), "lift-any"),
    ("noisy scripted-place", Noisy(ScriptedPlace()), "place-any"),
)


class Quiet:
    """Hears of the progress and says nothing, so that printing is not measured."""

    def progress(self, fraction: float, message: str) -> None:
        """Nothing."""


@click.command()
@click.option("--episodes", default=100, show_default=True, help="Episodes of each script.")
@click.option("--robot", default="robot-1", show_default=True, help="One of the simulated fleet.")
@click.option("--seed", default=0, show_default=True)
def main(episodes: int, robot: str, seed: int) -> None:
    """Print one line for each script."""
    click.echo(f"{platform.processor() or platform.machine()}, one core, {episodes} episodes each")
    variation = next(known for known in SIMULATED_FLEET if known.name == robot)
    cell = make_cell(variation)
    for name, behaviour, task in SCRIPTS:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        report = evaluate_behaviour(
            behaviour,
            [cell],
            [SEED_TASKS[task]],
            episodes,
            seed=seed,
            report=Quiet(),
            config=CollectionConfig(),
        )
        elapsed_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        rate = report.by_task[task]
        click.echo(
            f"{name:20s} {task:9s} {rate.successes:3d} of {rate.attempts} "
            f"({rate.rate:.0%}, 95% interval {rate.low:.0%} to {rate.high:.0%}), "
            f"{rate.mean_steps:.1f} steps, {episodes / elapsed_s:.1f} episodes/s, "
            f"{episodes / cpu_s:.1f} a CPU second"
        )
    cell.close()


if __name__ == "__main__":
    main()
