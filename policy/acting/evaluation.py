"""Evaluating: how often a policy truly succeeds, per task and robot, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import time_ns
from typing import Any

from data.cells.protocol import RobotCell
from data.episodes.episodes import Episode
from data.errors import InvalidInput
from data.tasks.tasks import Task
from policy.acting.behaviours import Behaviour
from policy.acting.collector import CollectionConfig, Progress, episode_plan, run_episode
from policy.experience.rewards import Judge, episode_rewards
from sd_model.judging.metrics import wilson


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One episode's end, judged by ground truth and, where one was given, by a detector."""

    robot: str
    task: str
    success: bool
    """The truth."""
    detected: bool | None
    """What the detector said; None without a detector, or for a task it does not judge."""
    steps: int
    """Actions taken."""


@dataclass(frozen=True, kw_only=True)
class SuccessRate:
    """Successes among attempts, and what a detector made of them."""

    attempts: int
    successes: int
    rate: float
    low: float
    """Lower end of the 95% Wilson interval."""
    high: float
    """Upper end of the 95% Wilson interval."""
    mean_steps: float
    judged: int
    """Attempts that a detector judged as well."""
    false_negatives: int
    """True successes that the detector called failures."""
    false_positives: int
    """True failures that the detector called successes."""


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """How one behaviour did."""

    behaviour: str
    detector: str | None
    """The detector that was compared with the truth, if any."""
    by_task: dict[str, SuccessRate]
    by_robot: dict[str, dict[str, SuccessRate]]
    """Per robot, then per task; never pooled over tasks."""
    unknown_tasks: tuple[str, ...]
    """Tasks that were not tried, because the cells do not know when they have succeeded."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def summarise(attempts: Sequence[Attempt]) -> SuccessRate:
    """Count `attempts` (at least one)."""
    successes = sum(attempt.success for attempt in attempts)
    interval = wilson(successes, len(attempts))
    judged = [attempt for attempt in attempts if attempt.detected is not None]
    return SuccessRate(
        attempts=len(attempts),
        successes=successes,
        rate=successes / len(attempts),
        low=interval.low,
        high=interval.high,
        mean_steps=sum(attempt.steps for attempt in attempts) / len(attempts),
        judged=len(judged),
        false_negatives=sum(a.success and not a.detected for a in judged),
        false_positives=sum(not a.success and bool(a.detected) for a in judged),
    )


def evaluate_behaviour(
    behaviour: Behaviour,
    cells: Sequence[RobotCell],
    tasks: Sequence[Task],
    episodes_per_task: int,
    *,
    seed: int,
    report: Progress,
    config: CollectionConfig,
    clock_ns: Callable[[], int] = time_ns,
    detector: Judge | None = None,
) -> EvaluationReport:
    """Let `behaviour` try each task `episodes_per_task` times in each cell, and count the truth.

    Args:
        behaviour: What is judged.
        cells: Simulated cells: they know the truth.
        tasks: What is commanded. Those that a cell does not know the outcome of (a person defined
            them) are left out, and named in the report.
        episodes_per_task: Attempts of each task in each cell.
        seed: Of scenes and draws; the same seed gives every behaviour the same scenes.
        report: Hears of the progress.
        config: Sizes and limits.
        clock_ns: Time since the Unix epoch [ns].
        detector: Judges the same terminal frames, to be compared with the truth.

    Raises:
        InvalidInput: Nothing to try.
    """
    if len(cells) * len(tasks) * episodes_per_task <= 0:
        raise InvalidInput(
            "Evaluating needs at least one robot, one task and one episode.",
            next_step="Choose robots, tasks and a number of episodes.",
        )
    known = set.intersection(*(set(cell.truth() or ()) for cell in cells))
    unknown = tuple(task.name for task in tasks if task.name not in known)
    tasks = [task for task in tasks if task.name in known]
    total = len(cells) * len(tasks) * episodes_per_task
    attempts: list[Attempt] = []
    for position, cell in enumerate(cells if tasks else ()):
        plan = episode_plan(tasks, len(tasks) * episodes_per_task, seed=seed, position=position)
        for task, episode_seed in plan:
            report.progress(
                len(attempts) / total,
                f"{cell.robot}: {task.name}, {len(attempts) + 1} of {total}",
            )
            episode = run_episode(
                cell, behaviour, task, seed=episode_seed, config=config, clock_ns=clock_ns
            )
            attempts.append(_judge(episode, task, detector))
    report.progress(1.0, f"{total} episodes evaluated")
    return EvaluationReport(
        behaviour=behaviour.name,
        detector=None if detector is None else detector.detector_id,
        by_task={
            task.name: summarise([a for a in attempts if a.task == task.name]) for task in tasks
        },
        by_robot={
            cell.robot: {
                task.name: summarise(
                    [a for a in attempts if (a.robot, a.task) == (cell.robot, task.name)]
                )
                for task in tasks
            }
            for cell in cells
        },
        unknown_tasks=unknown,
    )


def _judge(episode: Episode, task: Task, detector: Judge | None) -> Attempt:
    truth = episode.info.truth or {}
    detected = None
    if detector is not None and task.name in detector.tasks:
        # As rewards see it: the stored JPEG, not the raw rendering.
        images = episode.steps[-1].frames.decode().images
        judged = episode_rewards(detector, [images], [episode.info.robot])
        detected = judged[0].outcomes[task.name]
    return Attempt(
        robot=episode.info.robot,
        task=task.name,
        success=truth[task.name],
        detected=detected,
        steps=episode.info.step_count - 1,
    )
