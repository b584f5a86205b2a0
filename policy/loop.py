"""MT-Opt's loop, as in its Fig. 10: collect, judge, replay, label, train, publish.

    robots --episodes--> shards --judge, impersonate--> replay buffers, by task and outcome
      ^                                                      | balance
      |                                                      v
    weights <--publish-- trainer <--batches-- train buffer <--label-- Bellman updater

Collectors are processes of their own (`policy.acting.fleet`); they and this one share files and a
few counts. Collected : labelled : trained are `updates_per_episode`, `uses_per_label` and
`batch_size` of the recipe.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.catalog.catalog import Catalog
from data.cells.calibration import projections_of
from data.cells.protocol import Start
from data.cells.robots import Robot, load_robots
from data.episodes.index import list_episodes
from data.errors import InvalidInput
from data.tasks.store import load_tasks
from data.tasks.tasks import TaskSet
from data.workspace import Workspace
from policy.acting.behaviours import start_of
from policy.acting.collector import collection_of
from policy.acting.fleet import Fleet, Orders
from policy.artefact import CHECKPOINT, WEIGHTS, load_summary, policy_folder, save_summary
from policy.config import PolicyConfig
from policy.experience.balancing import sample_batch
from policy.experience.log_replay import FillReport, LogReplay
from policy.experience.replay import SUCCESS, ReplayBuffers
from policy.experience.trajectory import POLICY_CAMERA
from policy.experience.transitions import Transitions
from policy.learning.checkpoint import (
    load_training,
    replayed_episodes,
    save_training,
    save_weights,
)
from policy.learning.finetuning import network_from
from policy.learning.networks import Network, build_network
from policy.learning.training import Trainer, train
from policy.loop_report import LoopReport, Report
from sd_model.artefact import load_summary as load_detector_summary
from sd_model.device import chosen_device
from sd_model.judging.detector import Detector, detector_folder


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is to be learned, and from what."""

    policy_id: str
    tasks: tuple[str, ...]
    config: PolicyConfig
    detector: str | None
    """Whose rewards teach; None: the simulator's truth, for experiments."""
    from_policy: str | None
    """Go on from its weights."""
    updates: int
    """In all."""
    seed: int
    replayed_robots: tuple[str, ...]
    """Whose episodes teach; what is to be judged on a robot must not have learned from it."""
    robots: tuple[Robot, ...]
    """Who collects meanwhile; none: what the log holds is all there is."""
    episodes: int
    """The robots rest once so many of theirs are in the workspace."""
    processes: int
    """Collectors at most."""
    spec: Mapping[str, Any]
    """As the run was asked for, to be remembered."""


def learn(workspace: Workspace, lesson: Lesson, report: Report) -> None:
    """Learn the policy of `lesson`, or go on where it was interrupted, and write its folder."""
    folder = workspace.policies / lesson.policy_id
    checkpoint = folder / CHECKPOINT
    config, tasks = lesson.config, lesson.tasks
    device = chosen_device()
    catalog = Catalog(workspace)
    _check_method(load_tasks(workspace), lesson)
    report.progress(0.0, "Judging and replaying the robots' episodes")
    detector = None
    if lesson.detector is not None:
        detector = Detector.load(detector_folder(workspace, lesson.detector))
    buffers = ReplayBuffers(tasks, config.replay_capacity)
    replay = LogReplay(
        catalog,
        detector,
        config,
        tasks,
        seed=lesson.seed,
        robots=lesson.replayed_robots,
        projections=_projections(workspace),
    )
    fills = [
        replay.fill(
            buffers,
            lambda done, total: report.progress(
                0.0, f"Judging and replaying the robots' episodes: {done} of {total}"
            ),
            only=replayed_episodes(checkpoint),
        )
    ]

    def sample(count: int, generator: np.random.Generator) -> Transitions:
        return sample_batch(buffers, count, config, generator)

    def fresh_network(updates: int) -> Network:
        return build_network(config, len(tasks), seed=lesson.seed + updates)

    trainer = Trainer(
        _first_network(workspace, lesson),
        tasks,
        sample,
        config,
        seed=lesson.seed,
        device=device,
    )
    if checkpoint.exists():
        load_training(checkpoint, trainer, replay.replayed)
    with _collecting(catalog, folder, lesson) as fleet:
        complete = fleet is None

        def refill() -> None:
            nonlocal complete
            # Asked first: what the robots wrote before they came to rest is read below.
            complete = fleet is None or fleet.rests
            fills.append(replay.fill(buffers))

        def experience_lasts(updates: int) -> bool:
            if fleet is not None:
                fleet.check()
            teaching = sum(fill.teaching for fill in fills)
            return complete or updates <= config.updates_per_episode * teaching

        train(
            trainer,
            lesson.updates,
            LoopReport(report, tasks, buffers, fleet.counts if fleet else None),
            refill=refill,
            save=lambda: save_training(checkpoint, trainer, replay.replayed),
            experience_lasts=experience_lasts,
            publish=lambda: fleet.publish(trainer.average.average) if fleet else None,
            # What came from another policy is not in this experience, and would be lost.
            fresh_network=None if lesson.from_policy else fresh_network,
        )
    without_success = [
        task
        for task, count in zip(tasks, buffers.episode_counts()[:, SUCCESS].tolist(), strict=True)
        if count == 0
    ]
    save_weights(folder, trainer.average.average)
    save_summary(
        folder,
        tasks=tasks,
        config=config,
        created_at_ns=time.time_ns(),
        lineage={
            **_lineage(lesson, trainer, detector, fills),
            "without_success": without_success,
            "taught_by": _taught_by(workspace, lesson, replay),
        },
    )
    checkpoint.unlink(missing_ok=True)


def _check_method(known: TaskSet, lesson: Lesson) -> None:
    picks = [task for task in lesson.tasks if start_of(known[task]) is Start.PICK]
    if lesson.config.method == "supervised" and len(picks) < len(lesson.tasks):
        raise InvalidInput(
            "The supervised baseline knows grasps alone; placing begins with an object in hand.",
            where=f"tasks {', '.join(lesson.tasks)}",
            valid=picks,
            next_step="Leave tasks that place out, or set method = 'q_learning'.",
        )


@contextmanager
def _collecting(catalog: Catalog, folder: Path, lesson: Lesson) -> Iterator[Fleet | None]:
    """The fleet at work, if robots are to collect."""
    if not lesson.robots:
        yield None
        return
    torch.set_num_threads(1)
    names = [robot.name for robot in lesson.robots]
    orders = Orders(
        workspace=catalog.workspace,
        robots=lesson.robots,
        tasks=lesson.tasks,
        policy_id=lesson.policy_id,
        policy_tasks=lesson.tasks,
        weights=folder / f"collecting-{WEIGHTS}",
        config=lesson.config,
        collection=collection_of(lesson.config, lesson.robots),
        episodes=lesson.episodes,
        seed=lesson.seed,
    )
    collected = len(list_episodes(catalog, kind="robot", robots=names))
    with Fleet(orders, processes=lesson.processes, collected=collected) as fleet:
        yield fleet
    orders.weights.unlink(missing_ok=True)


def _projections(workspace: Workspace) -> dict[str, Any]:
    found = {name: projections_of(robot) for name, robot in load_robots(workspace).items()}
    return {name: of[POLICY_CAMERA] for name, of in found.items() if POLICY_CAMERA in of}


def _first_network(workspace: Workspace, lesson: Lesson) -> Network:
    if lesson.from_policy:
        summary = load_summary(policy_folder(workspace, lesson.from_policy))
        return network_from(summary, lesson.tasks, lesson.config)
    return build_network(lesson.config, len(lesson.tasks), seed=lesson.seed)


def _taught_by(workspace: Workspace, lesson: Lesson, replay: LogReplay) -> list[str] | None:
    """The robots whose episodes the weights have learned from, those of the policy gone on from
    too; None where that one does not say whose."""
    robots = {trajectory.robot for trajectory in replay.replayed}
    if lesson.from_policy:
        before = load_summary(policy_folder(workspace, lesson.from_policy)).lineage
        if before.get("taught_by") is None:
            return None
        robots |= set(before["taught_by"])
    return sorted(robots)


def _lineage(
    lesson: Lesson, trainer: Trainer, detector: Detector | None, fills: Sequence[FillReport]
) -> dict[str, Any]:
    manifest = None if detector is None else load_detector_summary(detector.folder).manifest_digest
    return {
        "run": lesson.policy_id,
        "spec": dict(lesson.spec),
        "detector": lesson.detector,
        "manifest": manifest,
        "from_policy": lesson.from_policy,
        "strategy": trainer.config.strategy,
        "seed": lesson.seed,
        "updates": trainer.updates,
        "labelled": trainer.labelled,
        "trained": trainer.trained,
        "log_replay": [fill.to_dict() for fill in fills if fill.episodes or fill.left_out],
    }
