"""Collecting: a behaviour drives cells, and what happens becomes robot episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from time import time_ns
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from data.catalog.catalog import Catalog
from data.cells.calibration import projections_of
from data.cells.protocol import ActionA, RobotCell, RobotState, Start
from data.cells.robots import Robot
from data.episodes.episodes import Episode, EpisodeInfo, Step, new_episode_id
from data.episodes.frames import CAMERAS, EncodedFrameSet, FrameSet, Size, encode
from data.episodes.index import save_episodes
from data.errors import InvalidInput
from data.tasks.store import load_tasks
from data.tasks.tasks import Task
from policy.acting.behaviours import Behaviour, Observation, start_of
from policy.acting.collection_log import CollectionLog
from policy.config import PolicyConfig
from policy.experience.sight import Projection
from policy.experience.trajectory import POLICY_CAMERA

_TERMINATE = 7
_HIGH_M = 0.18
_BEHAVIOUR = 7
"""Stream of the behaviour's draws; a simulated cell draws its scene from others of one seed."""
_COLLECTED = 1
"""Stream of the scenes that are collected."""
STEP_SIZE = Size(320, 256)
TERMINAL_SIZE = Size(320, 256)


class Progress(Protocol):
    """What a collection or evaluation needs to say; `data.runs.runs.RunReporter` hears it."""

    def progress(self, fraction: float, message: str) -> None:
        """Say how far it is, in [0, 1]. May raise `RunCancelled`."""


@dataclass(frozen=True, kw_only=True)
class CollectionConfig:
    """How episodes are collected."""

    step_size: Size = STEP_SIZE
    """Size of the over-shoulder image of each step [px]."""
    terminal_size: Size = TERMINAL_SIZE
    """Size of each of the three views of the terminal frame, which the detector judges [px]."""
    max_steps: int = 20
    """An episode ends after this many actions (QT-Opt, Sec. 5)."""
    scripted_termination: bool = False
    """End a pick once the closed gripper is high, a place once the open one is (QT-Opt,
    Algorithm 2), whatever the behaviour would do."""
    projections: Mapping[str, Projection] = field(default_factory=dict)
    """Of the policy's camera, by robot, where it is known."""
    flush_episodes: int = 20
    """Episodes written together: what a killed collection may lose of each robot."""


def run_episode(
    cell: RobotCell,
    behaviour: Behaviour,
    task: Task,
    *,
    seed: int,
    config: CollectionConfig,
    clock_ns: Callable[[], int] = time_ns,
) -> Episode:
    """One episode of `behaviour` trying `task`, from a fresh scene to the terminal frame.

    Each step sees the policy's camera alone; only the terminal frame is rendered from all three
    views, since it alone is judged (MT-Opt, Sec. V). The episode ends when the behaviour
    terminates or after `config.max_steps` actions, and is judged once nothing falls any more.

    Args:
        cell: Where it happens.
        behaviour: Chooses the actions.
        task: The commanded task.
        seed: Of the scene and of the behaviour's draws.
        config: Sizes and limits.
        clock_ns: Time since the Unix epoch [ns].

    Raises:
        CameraError: A camera failed.
        CellError: The cell refused.
    """
    start = start_of(task)
    cell.reset(seed=seed, start=start, task=task.name)
    behaviour.begin(task.name, np.random.default_rng([seed, _BEHAVIOUR]))
    step_view = {POLICY_CAMERA: config.step_size}
    started_ns = clock_ns()
    steps: list[Step] = []
    done = False
    while not done:
        frames, state = encode(cell.read(step_view)), cell.state()
        # What replay will show, JPEG and all, is what is acted on.
        seen_HWC = frames.decode().images[POLICY_CAMERA]
        action = behaviour.act(
            Observation(
                image_HWC=seen_HWC,
                state=state,
                gripper=frames.gripper,
                projection_34=config.projections.get(cell.robot),
            )
        )
        cell.step(action)
        done = bool(action[_TERMINATE] > 0.5) or len(steps) + 1 == config.max_steps
        if config.scripted_termination:
            done = done or is_over(cell.state(), start)
        steps.append(_step(frames, state, action=action, done=done))
    cell.settle()
    steps.append(_step(encode(terminal_frame(cell, config)), cell.state(), action=None, done=True))
    info = EpisodeInfo(
        episode_id=new_episode_id(started_ns),
        robot=cell.robot,
        kind="robot",
        behaviour=behaviour.name,
        task=task.name,
        outcome=None,
        pair_id=None,
        start=start.value,
        recorded_at_ns=started_ns,
        step_count=len(steps),
        truth=cell.truth(),
    )
    return Episode(info=info, steps=tuple(steps))


def is_over(state: RobotState, start: Start) -> bool:
    """Whether the script ends the episode: the gripper is high, and closed after a pick or open
    after a place."""
    closed = state.gripper_closed > 0.5
    return state.height_m > _HIGH_M and closed == (start is Start.PICK)


def _step(
    frames: EncodedFrameSet, state: RobotState, *, action: ActionA | None, done: bool
) -> Step:
    return Step(
        frames=frames,
        state=state.as_array(),
        gripper_pose=None if frames.gripper is None else frames.gripper.pose(),
        action=action,
        done=done,
    )


def terminal_frame(cell: RobotCell, config: CollectionConfig) -> FrameSet:
    """All three views, at the size the detector judges."""
    return cell.read(dict.fromkeys(CAMERAS, config.terminal_size))


def collection_of(config: PolicyConfig, robots: Iterable[Robot]) -> CollectionConfig:
    """How robots collect for policies of `config`."""
    calibrated = {robot.name: projections_of(robot) for robot in robots}
    return CollectionConfig(
        step_size=config.view_size,
        max_steps=config.max_steps,
        scripted_termination=config.termination == "scripted",
        projections={
            name: projections[POLICY_CAMERA]
            for name, projections in calibrated.items()
            if POLICY_CAMERA in projections
        },
    )


class EpisodeWriter:
    """Gathers one robot's episodes and writes many to a shard.

    On leaving the `with` block what is left is written too, also after an error or a cancel.

    Args:
        announce: Told the ids of episodes just before they are written.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        flush_episodes: int,
        announce: Callable[[Sequence[str]], None],
    ) -> None:
        self._catalog = catalog
        self._flush_episodes = flush_episodes
        self._announce = announce
        self._waiting: list[Episode] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()

    def add(self, episode: Episode) -> None:
        """Take in `episode`; writes when there are enough, or when a new day began (UTC)."""
        if self._waiting and episode.info.day != self._waiting[0].info.day:
            self.flush()
        self._waiting.append(episode)
        if len(self._waiting) >= self._flush_episodes:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting to a shard of its own."""
        if self._waiting:
            self._announce([episode.info.episode_id for episode in self._waiting])
            save_episodes(self._catalog, self._waiting)
            self._waiting.clear()


def collect_episodes(
    catalog: Catalog,
    cells: Sequence[RobotCell],
    behaviour_factory: Callable[[RobotCell], Behaviour],
    tasks: Sequence[str],
    count: int,
    *,
    seed: int,
    report: Progress,
    config: CollectionConfig,
    log: CollectionLog,
    clock_ns: Callable[[], int] = time_ns,
) -> list[str]:
    """Collect `count` episodes in each of `cells` and save them in the workspace.

    Each robot works through `tasks` in turn, in an order of its own, so that every task gets as
    many episodes as every other, give or take one. A process killed in between loses at most the
    unwritten episodes of one robot; with the same arguments and `log` it then goes on.

    Differs: the paper also orders tasks sequentially (a place that begins where a pick ended);
    here every episode begins from a fresh scene.

    Args:
        catalog: Where they are saved.
        cells: One for each robot; names must differ.
        behaviour_factory: Makes the behaviour of a cell.
        tasks: What is commanded.
        count: Episodes in each cell.
        seed: Of scenes, tasks and behaviours.
        report: Hears of the progress; what it raises ends the collection, and nothing is lost.
        config: Sizes and limits.
        log: Says which of the episodes were saved before an interruption.
        clock_ns: Time since the Unix epoch [ns].

    Returns:
        The ids of the episodes saved, before an interruption and now.

    Raises:
        InvalidInput: No task, or no cell.
        UnknownName: A task that the workspace has not.
        CameraError, CellError: A cell failed; what was collected before is saved.
        StorageFull: The disk is full; what was written before is intact.
    """
    known = load_tasks(catalog.workspace)
    commanded = [known[task] for task in tasks]
    if not commanded or not cells:
        raise InvalidInput(
            "Collecting needs at least one robot and one task.",
            next_step="Choose robots and tasks.",
        )
    collected: list[str] = []
    for position, cell in enumerate(cells):
        saved = log.saved(catalog, cell.robot)
        collected.extend(saved)
        behaviour = behaviour_factory(cell)
        with EpisodeWriter(
            catalog,
            flush_episodes=config.flush_episodes,
            announce=partial(log.announce, cell.robot),
        ) as writer:
            plan = episode_plan(commanded, count, seed=seed, position=position, stream=_COLLECTED)
            for index, (task, episode_seed) in islice(enumerate(plan), len(saved), None):
                report.progress(
                    (position + index / count) / len(cells),
                    f"{cell.robot}: {task.name}, episode {index + 1} of {count}",
                )
                episode = run_episode(
                    cell, behaviour, task, seed=episode_seed, clock_ns=clock_ns, config=config
                )
                writer.add(episode)
                collected.append(episode.info.episode_id)
    report.progress(1.0, f"{len(collected)} episodes collected")
    return collected


def episode_plan(
    tasks: Sequence[Task], count: int, *, seed: int, position: int, stream: int = 0
) -> Iterator[tuple[Task, int]]:
    """The task and the seed of each of `count` episodes of the cell at `position`.

    Args:
        tasks: What is commanded, in turn.
        count: Of episodes.
        seed: Of the plan.
        position: Of the cell among those that share the seed.
        stream: Which scenes. Collecting has a stream of its own, so that a policy is not judged on
            the scenes it learned from, even where both were given the same seed.
    """
    generator = np.random.default_rng([seed, position, stream])
    offset = int(generator.integers(len(tasks)))
    for index in range(count):
        yield tasks[(offset + index) % len(tasks)], int(generator.integers(2**31))
