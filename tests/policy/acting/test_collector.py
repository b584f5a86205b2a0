from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.catalog.catalog import Catalog
from data.cells.protocol import ActionA, RobotState, Start
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import SimulatedCell, make_cell
from data.episodes.frames import CAMERAS, FrameSet, Size
from data.episodes.index import list_episodes, load_episode
from data.errors import CellError, InvalidInput, UnknownName
from data.tasks.tasks import SEED_TASKS, Task
from data.workspace import open_workspace
from policy.acting.behaviours import Behaviour, Observation, make_action
from policy.acting.collection_log import CollectionLog
from policy.acting.collector import CollectionConfig, collect_episodes, episode_plan, run_episode
from policy.acting.evaluation import evaluate_behaviour
from policy.acting.scripted import ScriptedPick, ScriptedPlace
from policy.config import load_recipe
from policy.experience.trajectory import trajectory_from_episode

SMOKE = load_recipe("smoke")
SMALL = CollectionConfig(step_size=Size(24, 20), terminal_size=Size(64, 48), flush_episodes=2)


class Noted:
    """Notes what was said; cancels at one call if asked to."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.said: list[tuple[float, str]] = []
        self._cancel_at = cancel_at

    def progress(self, fraction: float, message: str) -> None:
        self.said.append((fraction, message))
        if len(self.said) == self._cancel_at:
            raise CellError("Cancelled.")


class Waiting:
    """Never terminates."""

    name = "waiting"

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Nothing to remember."""

    def act(self, observation: Observation) -> ActionA:
        return make_action()


class BlankCell:
    """A cell of one grey wall, for what has nothing to do with the world."""

    def __init__(self, robot: str = "robot-1", *, fails_at_reset: int | None = None) -> None:
        self._robot = robot
        self._fails_at = fails_at_reset
        self.resets: list[tuple[int, Start, str]] = []

    @property
    def robot(self) -> str:
        return self._robot

    def reset(self, *, seed: int, start: Start, task: str) -> None:
        self.resets.append((seed, start, task))
        if len(self.resets) == self._fails_at:
            raise CellError("The arm does not answer.")

    def read(self, sizes: Mapping[str, Size] | None = None) -> FrameSet:
        images = {
            camera: np.full((size.height, size.width, 3), 90, dtype=np.uint8)
            for camera, size in (sizes or {}).items()
        }
        return FrameSet(images=images, timestamps_ns=dict.fromkeys(images, 1))

    def state(self) -> RobotState:
        return RobotState(0.0, 0.1)

    def step(self, action: ActionA) -> None:
        """Nothing moves."""

    def settle(self) -> None:
        """Nothing falls."""

    def truth(self) -> dict[str, bool]:
        return dict.fromkeys(SEED_TASKS.names, False)

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture(scope="module")
def cell() -> Iterator[SimulatedCell]:
    cell = make_cell(SIMULATED_FLEET[0])
    yield cell
    cell.close()


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(open_workspace(tmp_path / "workspace"))


class _LetsGo:
    """Opens the gripper where it stands, and ends the episode."""

    name = "lets-go"

    def begin(self, task: str, generator: np.random.Generator) -> None:
        self._next = iter((make_action(opens=True), make_action(terminates=True)))

    def act(self, observation: Observation) -> ActionA:
        return next(self._next)


def test_an_episode_is_judged_when_what_was_let_go_of_lies_still(cell: SimulatedCell) -> None:
    for seed in range(4):
        episode = run_episode(cell, _LetsGo(), SEED_TASKS["place-any"], seed=seed, config=SMALL)
        before = {kind: cell.scene.pose_of(kind).position_m for kind in cell.scene.objects}
        cell.settle()
        after = {kind: cell.scene.pose_of(kind).position_m for kind in cell.scene.objects}
        for kind, position in before.items():
            assert after[kind] == pytest.approx(position, abs=0.002)
        assert cell.truth() == episode.info.truth


def test_an_episode_has_small_steps_and_three_large_views_at_the_end(cell: SimulatedCell) -> None:
    episode = run_episode(cell, ScriptedPick(), SEED_TASKS["lift-can"], seed=3, config=SMALL)
    info = episode.info
    assert (info.robot, info.kind, info.behaviour) == ("robot-1", "robot", "scripted-pick")
    assert (info.task, info.start, info.outcome) == ("lift-can", "pick", None)
    assert info.truth is not None
    assert set(info.truth) >= set(SEED_TASKS.names)
    assert info.step_count == len(episode.steps)
    *steps, terminal = episode.steps
    for step in steps:
        images = step.frames.decode().images
        assert {camera: image.shape for camera, image in images.items()} == {
            "over_shoulder": (20, 24, 3)
        }
        assert step.action is not None
        assert step.state is not None
    assert [step.done for step in steps] == [False] * (len(steps) - 1) + [True]
    assert steps[-1].action is not None
    assert steps[-1].action[7] == 1
    assert (terminal.action, terminal.done) == (None, True)
    views = terminal.frames.decode().images
    assert [views[camera].shape for camera in CAMERAS] == [(48, 64, 3)] * 3
    # The fingers went down to the floor and came up closed.
    heights_m = [float(step.state[1]) for step in episode.steps if step.state is not None]
    assert min(heights_m) < 0.06 < heights_m[-1]
    assert len(trajectory_from_episode(episode, SMOKE, None)) == len(steps)


def test_what_is_acted_on_is_what_replay_will_show(cell: SimulatedCell) -> None:
    class Looking(Waiting):
        def __init__(self) -> None:
            self.seen: list[np.ndarray] = []

        def act(self, observation: Observation) -> ActionA:
            self.seen.append(observation.image_HWC)
            return make_action(dz_m=-0.05)

    behaviour = Looking()
    config = replace(SMALL, max_steps=3)
    episode = run_episode(cell, behaviour, SEED_TASKS["lift-any"], seed=3, config=config)
    policy = replace(SMOKE, frame_width_px=24, frame_height_px=20, image_px=20)
    trajectory = trajectory_from_episode(episode, policy, None)
    np.testing.assert_array_equal(np.stack(behaviour.seen), trajectory.image_THWC[:-1])


def test_placing_begins_with_an_object_in_hand(cell: SimulatedCell) -> None:
    episode = run_episode(cell, ScriptedPlace(), SEED_TASKS["place-any"], seed=3, config=SMALL)
    assert episode.info.start == "place"
    closed = [float(step.state[0]) for step in episode.steps if step.state is not None]
    assert (closed[0], closed[-1]) == (1.0, 0.0)


def test_the_same_seed_gives_the_same_episode(cell: SimulatedCell) -> None:
    task = SEED_TASKS["lift-any"]
    first, again, other = (
        run_episode(cell, ScriptedPick(), task, seed=seed, config=SMALL) for seed in (5, 5, 6)
    )
    assert first.steps[0].frames.jpegs == again.steps[0].frames.jpegs
    assert first.steps[0].frames.jpegs != other.steps[0].frames.jpegs
    actions = [
        np.stack([step.action for step in episode.steps if step.action is not None])
        for episode in (first, again)
    ]
    assert (actions[0] == actions[1]).all()
    assert first.info.episode_id != again.info.episode_id


def test_an_episode_ends_at_the_step_limit() -> None:
    config = CollectionConfig(step_size=Size(8, 8), terminal_size=Size(8, 8), max_steps=4)
    episode = run_episode(BlankCell(), Waiting(), SEED_TASKS["lift-any"], seed=0, config=config)
    assert len(episode.steps) == 5
    assert [step.done for step in episode.steps] == [False, False, False, True, True]


def test_every_task_gets_its_share_and_robots_differ() -> None:
    tasks = [SEED_TASKS[name] for name in ("lift-any", "lift-can", "place-any")]
    plan = list(episode_plan(tasks, 9, seed=1, position=0))
    assert sorted(task.name for task, _ in plan) == sorted(3 * [task.name for task in tasks])
    assert plan == list(episode_plan(tasks, 9, seed=1, position=0))
    seeds = {seed for p in range(3) for _, seed in episode_plan(tasks, 9, seed=1, position=p)}
    assert len(seeds) == 27


def test_what_is_evaluated_was_not_collected_though_the_seed_is_the_same(catalog: Catalog) -> None:
    collected, evaluated = BlankCell(), BlankCell()
    collect(catalog, [collected], 8)
    evaluate_behaviour(
        Waiting(), [evaluated], [SEED_TASKS["lift-any"], SEED_TASKS["place-any"]], 4,
        seed=0, report=Noted(), config=SMALL,
    )  # fmt: skip
    scenes = [{seed for seed, _, _ in cell.resets} for cell in (collected, evaluated)]
    assert [len(each) for each in scenes] == [8, 8]
    assert scenes[0].isdisjoint(scenes[1])


def test_a_behaviour_does_not_repeat_the_draws_of_the_scene() -> None:
    class Drawing(Waiting):
        def begin(self, task: str, generator: np.random.Generator) -> None:
            self.first = generator.random()

    behaviour = Drawing()
    run_episode(BlankCell(), behaviour, SEED_TASKS["lift-any"], seed=5, config=SMALL)
    of_the_scene = [np.random.default_rng([5, stream]).random() for stream in range(7)]
    assert behaviour.first not in of_the_scene


def collect(
    catalog: Catalog,
    cells: list[BlankCell],
    count: int,
    *,
    report: Noted | None = None,
    clock_ns: Callable[[], int] = time.time_ns,
    behaviour: Behaviour | None = None,
) -> list[str]:
    return collect_episodes(
        catalog,
        cells,
        lambda _: behaviour or ScriptedPick(),
        ["lift-any", "place-any"],
        count,
        seed=0,
        report=report or Noted(),
        config=SMALL,
        log=log_of(catalog),
        clock_ns=clock_ns,
    )


def log_of(catalog: Catalog) -> CollectionLog:
    return CollectionLog(catalog.workspace.runs / "collected.jsonl")


def shards(catalog: Catalog) -> list[Path]:
    return sorted(catalog.workspace.episodes.glob("*/*/*.parquet"))


def test_episodes_are_saved_many_to_a_shard(catalog: Catalog) -> None:
    cells = [BlankCell("robot-1"), BlankCell("robot-2")]
    report = Noted()
    collected = collect(catalog, cells, 5, report=report)
    saved = list_episodes(catalog, kind="robot")
    assert [episode.info.episode_id for episode in saved] == collected
    assert [episode.info.robot for episode in saved] == ["robot-1"] * 5 + ["robot-2"] * 5
    assert len(shards(catalog)) == 6  # 2 + 2 + 1 for each robot
    fractions = [fraction for fraction, _ in report.said]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert report.said[0][1].startswith("robot-1: ")
    starts = {task: start for cell in cells for _, start, task in cell.resets}
    assert starts == {"lift-any": Start.PICK, "place-any": Start.PLACE}
    assert load_episode(catalog, collected[7]).info.robot == "robot-2"


def test_a_cancelled_collection_keeps_what_it_has(catalog: Catalog) -> None:
    with pytest.raises(CellError, match="Cancelled"):
        collect(catalog, [BlankCell()], 9, report=Noted(cancel_at=4))
    assert len(list_episodes(catalog)) == 3


def test_a_failing_cell_costs_only_the_episode_under_way(catalog: Catalog) -> None:
    with pytest.raises(CellError, match="does not answer"):
        collect(catalog, [BlankCell(fails_at_reset=4)], 9)
    assert len(list_episodes(catalog)) == 3


def test_an_interrupted_collection_goes_on_where_it_stopped(catalog: Catalog) -> None:
    unbroken = [seed for p in (0, 1) for _, seed in plan_of(9, position=p)]
    first = [BlankCell("robot-1"), BlankCell("robot-2", fails_at_reset=5)]
    with pytest.raises(CellError):
        collect(catalog, first, 9)
    log_of(catalog).announce("robot-2", ["announced-but-never-written"])
    with log_of(catalog).path.open("ab") as file:
        file.write(b'["robot-2", ["to')
    second = [BlankCell("robot-1"), BlankCell("robot-2")]
    collected = collect(catalog, second, 9)
    assert collected == [each.info.episode_id for each in list_episodes(catalog)]
    assert len(collected) == 18
    seeds = [seed for cells in (first, second) for cell in cells for seed, _, _ in cell.resets]
    assert sorted(set(seeds)) == sorted(unbroken)
    assert len(seeds) == 18 + 1  # only the episode that the cell broke off was tried twice


def plan_of(count: int, *, position: int) -> list[tuple[Task, int]]:
    tasks = [SEED_TASKS[name] for name in ("lift-any", "place-any")]
    return list(episode_plan(tasks, count, seed=0, position=position, stream=1))


def test_a_shard_never_spans_midnight(catalog: Catalog) -> None:
    midnight_ns = 1_700_006_400 * 10**9  # 2023-11-15 00:00 UTC
    times_ns = iter([midnight_ns - 10**9, midnight_ns + 10**9])
    collect(catalog, [BlankCell()], 2, clock_ns=lambda: next(times_ns))
    assert [path.parent.name for path in shards(catalog)] == ["2023-11-14", "2023-11-15"]


def test_collecting_needs_robots_and_known_tasks(catalog: Catalog) -> None:
    with pytest.raises(InvalidInput, match="at least one robot"):
        collect(catalog, [], 3)
    with pytest.raises(UnknownName, match="Did you mean 'lift-any'"):
        collect_episodes(
            catalog, [BlankCell()], lambda _: Waiting(), ["lift-anny"], 1,
            seed=0, report=Noted(), config=SMALL, log=log_of(catalog),
        )  # fmt: skip


def test_a_killed_collection_loses_at_most_what_was_not_written(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    program = f"""
        from pathlib import Path
        from data.catalog.catalog import Catalog
        from data.cells.simulated.cell import make_cell
        from data.episodes.frames import Size
        from data.cells.robots import SIMULATED_FLEET
        from data.workspace import open_workspace
        from policy.acting.collection_log import CollectionLog
        from policy.acting.collector import CollectionConfig, collect_episodes
        from policy.acting.scripted import ScriptedPick

        class Told:
            def progress(self, fraction, message):
                print(message, flush=True)

        collect_episodes(
            Catalog(open_workspace(Path({str(root)!r}))),
            [make_cell(SIMULATED_FLEET[0])],
            lambda _: ScriptedPick(), ["lift-any"], 1000, seed=0, report=Told(),
            log=CollectionLog(Path({str(root / "log")!r})),
            config=CollectionConfig(
                step_size=Size(16, 16), terminal_size=Size(16, 16), flush_episodes=2
            ),
        )
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process, process.stdout:
        for line in process.stdout:
            if "episode 6 of" in line:  # five are complete, four of them written
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    catalog = Catalog(open_workspace(root))
    saved = list_episodes(catalog)
    assert len(saved) >= 4
    for episode in saved:
        assert len(load_episode(catalog, episode.info.episode_id).steps) == episode.info.step_count
