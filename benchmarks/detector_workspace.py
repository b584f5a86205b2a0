"""A workspace to judge detectors on: every task on every simulated robot, scenes of its own each.

    python -m benchmarks.detector_workspace --workspace FOLDER

Per robot and task: pairs of clips, each pair in a scene of its own with its own light, background
and objects, every second failure a near miss; and terminal frames of robots that tried, stopped at
any moment and then left to settle, as episodes are, so that objects half lifted, dropped, carried
past or put down askew are among them.
What is there already is kept: a killed run goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path

import click
import numpy as np

from data.catalog.catalog import Catalog
from data.cells.protocol import ActionA
from data.cells.robots import SIMULATED_FLEET, Robot
from data.cells.simulated.cell import SimulatedCell, make_cell
from data.cells.simulated.expert import expert_action
from data.episodes.episodes import Episode, EpisodeInfo, Step, new_episode_id
from data.episodes.frames import CAMERAS, FrameSet, Size, encode
from data.episodes.index import list_episodes, save_episodes
from data.labels.labels import Label, append_labels
from data.labels.truth import label_from_truth
from data.tasks.tasks import SEED_TASKS, Outcome
from data.workspace import open_workspace
from policy.acting.behaviours import Noisy, Observation, start_of, with_noise
from policy.acting.scripted import Scripted

SIZE = Size(320, 256)
_APART_S = 0.6
"""Time between the frames of a clip that are kept; at 5 Hz every third."""
_MOST_STEPS = 14
_FLUSH = 48


@click.command()
@click.option("--workspace", type=click.Path(path_type=Path), required=True)
@click.option("--pairs", default=20, show_default=True, help="Pairs of clips, per robot and task.")
@click.option("--frames", default=3, show_default=True, help="Frames of each clip.")
@click.option("--tries", default=240, show_default=True, help="Robot episodes, per robot.")
@click.option("--processes", default=2, show_default=True)
def main(workspace: Path, pairs: int, frames: int, tries: int, processes: int) -> None:
    """Make the workspace, or what it lacks."""
    open_workspace(workspace)
    with ProcessPoolExecutor(processes) as pool:
        for line in pool.map(
            fill, *zip(*((workspace, robot, pairs, frames, tries) for robot in SIMULATED_FLEET),
                       strict=True)
        ):  # fmt: skip
            click.echo(line)


def fill(root: Path, robot: Robot, pairs: int, frames: int, tries: int) -> str:
    """Give one robot its clips and tries; says how many there are."""
    catalog = Catalog(open_workspace(root))
    there = list_episodes(catalog, robots=[robot.name])
    shown = {each.info.pair_id for each in there}
    tried = sum(each.info.kind == "robot" for each in there)
    began_s = time.monotonic()
    cell = make_cell(robot)
    made: list[Episode] = []
    for episode in (
        *_missing_clips(cell, shown, pairs, frames),
        *_missing_tries(cell, tried, tries),
    ):
        made.append(episode)
        if len(made) >= _FLUSH:
            _save(catalog, made)
    _save(catalog, made)
    cell.close()
    total = len(list_episodes(catalog, robots=[robot.name]))
    return f"{robot.name}: {total} episodes, {time.monotonic() - began_s:.0f} s"


def _missing_clips(
    cell: SimulatedCell, shown: set[str | None], pairs: int, frames: int
) -> Iterator[Episode]:
    scene = count()
    for number in range(pairs):
        for task in SEED_TASKS.names:
            pair = f"{cell.robot}-{task}-{number}"
            seed = next(scene)
            if pair in shown:
                continue
            cell.new_scene(seed)
            for outcome in ("success", "failure"):
                near_miss = outcome == "failure" and number % 2 == 1
                cell.demonstrate(task, outcome, near_miss=near_miss, seed=seed)
                yield _clip(cell, task, outcome, pair, frames)


def _clip(cell: SimulatedCell, task: str, outcome: Outcome, pair: str, frames: int) -> Episode:
    seen: list[FrameSet] = []
    for _ in range(frames):
        seen.append(cell.read(dict.fromkeys(CAMERAS, SIZE)))
        cell.advance(_APART_S)
    return _episode(
        seen, cell, kind="clip", behaviour="demonstrator", task=task, outcome=outcome, pair_id=pair
    )


def _missing_tries(cell: SimulatedCell, tried: int, tries: int) -> Iterator[Episode]:
    for number in range(tried, tries):
        generator = np.random.default_rng([number, 17])
        task = SEED_TASKS[SEED_TASKS.names[number % len(SEED_TASKS)]]
        start = start_of(task)
        cell.reset(seed=number, start=start, task=task.name)
        script = Noisy(Scripted())
        script.begin(task.name, generator)
        expert = generator.random() < 0.6
        for _ in range(int(generator.integers(3, _MOST_STEPS))):
            action = _expert(cell, task.name, generator) if expert else script.act(_blind(cell))
            cell.step(action)
            if action[7] > 0.5:
                break
        cell.settle()
        seen = [cell.read(dict.fromkeys(CAMERAS, SIZE))]
        yield _episode(
            seen, cell, kind="robot", behaviour="expert" if expert else script.name,
            task=task.name, start=start.value, truth=cell.truth(),
        )  # fmt: skip


def _expert(cell: SimulatedCell, task: str, generator: np.random.Generator) -> ActionA:
    """The expert's action, a little off, as a learned policy's would be."""
    return with_noise(expert_action(cell, task), 0.05, generator)


def _blind(cell: SimulatedCell) -> Observation:
    """What a script looks at: it sees no image."""
    return Observation(image_HWC=np.zeros((1, 1, 3), np.uint8), state=cell.state())


def _episode(seen: list[FrameSet], cell: SimulatedCell, **about: object) -> Episode:
    now_ns = time.time_ns()
    steps = []
    for index, frames in enumerate(seen):
        gripper = frames.gripper
        steps.append(
            Step(
                frames=encode(frames),
                state=None if gripper is None else gripper.state(),
                gripper_pose=None if gripper is None else gripper.pose(),
                done=index == len(seen) - 1,
            )
        )
    info = EpisodeInfo(
        episode_id=new_episode_id(now_ns), robot=cell.robot, recorded_at_ns=now_ns,
        step_count=len(steps), **about,  # type: ignore[arg-type]
    )  # fmt: skip
    return Episode(info=info, steps=tuple(steps))


def _save(catalog: Catalog, made: list[Episode]) -> None:
    """Store and label what was made: clips by what they show, tries by the simulator's truth."""
    if not made:
        return
    save_episodes(catalog, made)
    now_ns = time.time_ns()
    append_labels(
        catalog,
        [
            Label(
                label_id=f"clip-{each.info.episode_id}", episode_id=each.info.episode_id,
                frame_index=None, task=each.info.task, outcome=each.info.outcome,
                by="demonstrator", source="clip", at_ns=now_ns,
            )
            for each in made
            if each.info.kind == "clip" and each.info.task and each.info.outcome
        ],
    )  # fmt: skip
    tries = {each.info.episode_id for each in made if each.info.kind == "robot"}
    if tries:
        label_from_truth(
            catalog, list_episodes(catalog, episode_ids=tries), SEED_TASKS, at_ns=now_ns
        )
    made.clear()


if __name__ == "__main__":
    main()
