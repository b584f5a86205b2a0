"""What the simulated cell costs: scenes, steps, images, each beside something it can be told by.

    OMP_NUM_THREADS=1 python benchmarks/cell_speed.py

Times are medians of CPU time of one thread, so that a busy machine disturbs them less; ratios
compare two things of one run.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable

import click
import numpy as np
import psutil
import pybullet
from PIL import Image

from data.cameras.windows import Window, window_round
from data.cells.calibration import project, projections_of
from data.cells.protocol import MAX_ROTATION_RAD, ActionA, Start
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import SimulatedCell, make_cell
from data.episodes.frames import CAMERAS, Size

TERMINAL = dict.fromkeys(CAMERAS, Size(320, 256))
CUT_SHARE = 0.3
"""96 of 320 pixels."""
STEPS = 10


def milliseconds(work: Callable[[int], object], times: int) -> float:
    """Median CPU time of `work(number)` [ms], the first call not counted."""
    work(0)
    spent = []
    for number in range(1, times + 1):
        began = time.thread_time()
        work(number)
        spent.append(time.thread_time() - began)
    return 1000 * float(np.median(spent))


def scripted(generator: np.random.Generator, number: int) -> ActionA:
    """Down in three steps, close, up: what a scripted pick does, in random directions."""
    action = np.zeros(8, dtype=np.float32)
    action[:2] = generator.normal(0, 0.1, 2)
    action[2] = -1.0 if number < 4 else 0.0 if number == 4 else 1.0
    turn = float(generator.uniform(-MAX_ROTATION_RAD, MAX_ROTATION_RAD)) if number == 0 else 0.0
    action[3:5] = math.sin(turn), math.cos(turn)
    action[6] = float(number == 4)
    return action


def cut_out(cell: SimulatedCell, windows: dict[str, Window], size: Size) -> list[Image.Image]:
    """The windows, cut out of the native images and scaled."""
    cuts = []
    for camera, image in cell.read().images.items():
        height, width = image.shape[:2]
        left, top, across, down = windows[camera]
        box = (left * width, top * height, (left + across) * width, (top + down) * height)
        cuts.append(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box=box))
    return cuts


@click.command()
@click.option("--times", default=60, show_default=True, help="Repetitions of each.")
def main(times: int) -> None:
    """Print one line for each: what, time, beside what, ratio."""
    click.echo(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, CPU time"
    )
    robot = SIMULATED_FLEET[0]

    def line(what: str, spent: float, beside: str, reference: float) -> None:
        click.echo(f"{what:<46}{spent:8.2f} ms   {spent / reference:6.3f} of {beside}")

    def make(number: int) -> None:
        make_cell(robot).close()

    cell = make_cell(robot)

    def reset(number: int, *, keep: bool = False, start: Start = Start.PICK) -> None:
        cell.reset(seed=number, start=start, task="lift-any", keep_scene=keep)

    for seed in range(150):  # by now all objects of the stock are written
        reset(seed)
    new_scene = milliseconds(reset, times)
    line("a new scene", new_scene, "making a cell", milliseconds(make, 5))
    next_try = milliseconds(lambda n: reset(n, keep=True), times)
    line("the next try in the same scene", next_try, "a new scene", new_scene)

    bullet, scene = cell.scene.bullet, cell.scene
    asleep = milliseconds(lambda _: bullet.stepSimulation(), 4 * times)
    for body in scene.objects.values():
        bullet.changeDynamics(body, -1, activationState=pybullet.ACTIVATION_STATE_WAKE_UP)
    awake = milliseconds(lambda _: bullet.stepSimulation(), 4 * times)
    line("a physics step, objects at rest", asleep, "one with them awake", awake)
    generator = np.random.default_rng(0)

    def step(number: int) -> None:
        if number % STEPS == 0:
            reset(number, keep=True)
        cell.step(scripted(generator, number % STEPS))

    line("an action of a scripted pick", milliseconds(step, 4 * times), "a new scene", new_scene)

    native = milliseconds(lambda _: cell.read(), 5)
    tip_13 = np.array([scene.arm.pose()[:3]])
    windows = {
        camera: window_round(project(projection, tip_13)[0], share=CUT_SHARE)
        for camera, projection in projections_of(robot).items()
    }
    for side in (48, 64):
        size = Size(side, side)
        line(
            f"three cuts of {side} px at the fingertips",
            milliseconds(lambda _, size=size: cell.read_cuts(windows, size), times),
            "cutting them out of native images",
            milliseconds(lambda _, size=size: cut_out(cell, windows, size), 5),
        )
    small = milliseconds(lambda _: cell.read({CAMERAS[0]: Size(96, 96)}), times)
    line("one view of 96 px", small, "three native views", native)
    terminal = milliseconds(lambda _: cell.read(TERMINAL), times)
    line("three terminal views of 320 x 256", terminal, "three native views", native)

    def episode(number: int, *, keep: bool) -> None:
        reset(number, keep=keep)
        for step_number in range(STEPS):
            cell.step(scripted(generator, step_number))
        cell.read(TERMINAL)

    fresh = milliseconds(lambda n: episode(n, keep=False), times // 2)
    kept = milliseconds(lambda n: episode(n, keep=True), times // 2)
    line("ten scripted steps and terminal views, kept", kept, "the same in new scenes", fresh)
    click.echo(f"{1000 / fresh:.1f} such episodes a CPU second; {1000 / kept:.1f} in kept scenes")
    cell.close()


if __name__ == "__main__":
    main()
