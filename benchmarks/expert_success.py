"""How often the ground-truth expert succeeds in the simulated cell: the physics' ceiling.

python benchmarks/expert_success.py --episodes 100
"""

from __future__ import annotations

import math
import platform
import time

import click
import psutil

from data.cells.protocol import Start
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import SimulatedCell, make_cell
from data.cells.simulated.expert import expert_action
from data.tasks.tasks import SEED_TASKS

MAX_STEPS = 20


def run_episode(cell: SimulatedCell, task: str, seed: int) -> tuple[bool, int]:
    """Whether the task succeeded, and after how many steps the expert ended the episode."""
    start = Start.PLACE if SEED_TASKS[task].skill == "place" else Start.PICK
    cell.reset(seed=seed, start=start, task=task)
    for taken in range(MAX_STEPS):
        action = expert_action(cell, task)
        cell.step(action)
        if action[7] > 0.5:
            return cell.truth()[task], taken + 1
    return cell.truth()[task], MAX_STEPS


def wilson_interval(successes: int, attempts: int, z: float = 1.96) -> tuple[float, float]:
    """The 95% Wilson score interval of a rate."""
    share = successes / attempts
    scale = 1 + z * z / attempts
    middle = (share + z * z / (2 * attempts)) / scale
    half = z * math.sqrt(share * (1 - share) / attempts + z * z / (4 * attempts**2)) / scale
    return max(middle - half, 0.0), min(middle + half, 1.0)


@click.command()
@click.option("--episodes", default=100, show_default=True, help="Episodes per task.")
@click.option("--seed", default=1000, show_default=True, help="Seed of the first episode.")
@click.option("--task", "tasks", multiple=True, help="Only these tasks; may be given again.")
def main(episodes: int, seed: int, tasks: tuple[str, ...]) -> None:
    """Print success rates with Wilson intervals, one line a task, robots in turn."""
    click.echo(f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores")
    cells = [make_cell(robot) for robot in SIMULATED_FLEET]
    click.echo(f"{'task':<16}{'success':>10}{'rate':>8}{'95% interval':>18}{'steps':>8}{'s/ep':>8}")
    for task in tasks or SEED_TASKS.names:
        began = time.perf_counter()
        results = [
            run_episode(cells[number % len(cells)], task, seed + number)
            for number in range(episodes)
        ]
        seconds = (time.perf_counter() - began) / episodes
        successes = sum(success for success, _ in results)
        low, high = wilson_interval(successes, episodes)
        steps = sum(count for _, count in results) / episodes
        click.echo(
            f"{task:<16}{f'{successes}/{episodes}':>10}{successes / episodes:>8.1%}"
            f"{f'{low:.1%} to {high:.1%}':>18}{steps:>8.1f}{seconds:>8.2f}"
        )
    for cell in cells:
        cell.close()


if __name__ == "__main__":
    main()
