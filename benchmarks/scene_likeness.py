"""How far two arrangements of one scene, and two scenes, differ in the simulated fleet.

python benchmarks/scene_likeness.py
"""

from __future__ import annotations

from collections import defaultdict

import click
import numpy as np

from data.cameras.likeness import NEW_SCENE, scene_change
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import SimulatedCell, make_cell
from data.episodes.frames import CAMERAS, ImageHWC, Size

_SIZE = Size(320, 256)


def show(cell: SimulatedCell, task: str, outcome: str, seed: int) -> dict[str, ImageHWC]:
    """The pictures one second into a demonstration."""
    near_miss = outcome == "failure"
    cell.demonstrate(task, outcome, near_miss=near_miss, seed=seed)  # type: ignore[arg-type]
    cell.advance(1.0)
    return dict(cell.read(dict.fromkeys(CAMERAS, _SIZE)).images)


@click.command()
@click.option("--scenes", default=8, show_default=True, help="Scenes of each robot.")
def main(scenes: int) -> None:
    """Print the change of the median block [%] within and between scenes."""
    changes: dict[str, list[float]] = defaultdict(list)
    for robot in SIMULATED_FLEET:
        cell = make_cell(robot)
        generator = np.random.default_rng(robot.variation)
        before: dict[str, ImageHWC] | None = None
        for number in range(scenes):
            task = ("lift-carrot", "place-bottom")[number % 2]
            cell.new_scene(int(generator.integers(2**31)))
            success, failure = (
                show(cell, task, outcome, int(generator.integers(2**31)))
                for outcome in ("success", "failure")
            )
            changes["same scene"].append(scene_change(success, failure))
            if before is not None:
                changes["new scene"].append(scene_change(before, success))
            before = failure
        cell.close()
    for name, values in changes.items():
        percent = 100 * np.asarray(values)
        click.echo(
            f"{name}: {len(values)} pairs of pictures, median {np.median(percent):.2f}%, "
            f"from {percent.min():.2f}% to {percent.max():.2f}%, "
            f"{(percent >= 100 * NEW_SCENE).mean():.0%} count as new"
        )


if __name__ == "__main__":
    main()
