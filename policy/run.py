"""The policy's kinds of run, from spec to result, in the process that carries them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import numpy as np
import torch

from data.catalog import Catalog
from data.cells.protocol import RobotCell
from data.cells.simulated.cell import make_cell
from data.errors import InvalidInput, unknown_name
from data.frames import Size
from data.robots import load_robots
from data.run_reporter import RunReporter
from data.runs import Run
from data.task_store import load_tasks
from data.workspace import Workspace
from policy.acting.behaviours import Behaviour, Noisy
from policy.acting.collection_log import CollectionLog
from policy.acting.collector import STEP_SIZE, CollectionConfig, collect_episodes
from policy.acting.evaluation import evaluate_behaviour
from policy.acting.policy import Policy, PolicyBehaviour
from policy.acting.scripted import Scripted, ScriptedPick, ScriptedPlace
from policy.artefact import (
    CHECKPOINT,
    CONFIG,
    load_summary,
    policy_folder,
    save_evaluation,
    save_summary,
)
from policy.config import PolicyConfig, load_recipe
from policy.experience.balancing import sample_batch
from policy.experience.log_replay import FillReport, LogReplay
from policy.experience.replay import SUCCESS, ReplayBuffers
from policy.experience.transitions import Transitions
from policy.learning.checkpoint import load_training, save_training, save_weights
from policy.learning.finetuning import network_from
from policy.learning.q_network import QNetwork, build_network
from policy.learning.training import Trainer, train
from sd_model.artefact import load_summary as load_detector_summary
from sd_model.judging.detector import Detector, detector_folder

SCRIPTS: dict[str, Callable[[], Behaviour]] = {
    "scripted-pick": ScriptedPick,
    "scripted-place": ScriptedPlace,
    "noisy": lambda: Noisy(Scripted()),
}
"""Behaviours that need no training, by name."""

Spec = Mapping[str, Any]

_COLLECT = ("robots", "behaviour", "policy", "tasks", "episodes_per_robot", "recipe", "seed")
_TRAIN = (
    "recipe", "overrides", "detector", "tasks", "strategy", "success_share", "failure_share",
    "updates", "from_policy", "evaluation_episodes", "robots", "seed",
)  # fmt: skip
_EVALUATE = ("policy", "tasks", "robots", "episodes_per_task", "detector", "seed")


def execute_run(run: Run) -> None:
    """Carry out `run`, or go on with it where it was interrupted; its status says how it ended.

    Raises:
        GoalpostError: Whatever stopped it.
    """
    with RunReporter(run) as report:
        kinds = {
            "collect": (_collect, _COLLECT, ("robots", "tasks", "episodes_per_robot")),
            "train-policy": (_train_policy, _TRAIN, ("detector", "tasks", "updates")),
            "evaluate-policy": (
                _evaluate_policy,
                _EVALUATE,
                ("policy", "tasks", "robots", "episodes_per_task"),
            ),
        }
        if run.kind not in kinds:
            raise unknown_name("kind of run", run.kind, kinds, where=run.folder)
        carry_out, settings, needed = kinds[run.kind]
        _check_settings(run, settings, needed)
        carry_out(run, run.workspace, report)


class Part:
    """A part of a run as a run of its own: its progress is a stretch of the whole."""

    def __init__(self, report: RunReporter, start: float, end: float) -> None:
        self._report = report
        self._start = start
        self._end = end

    def progress(self, fraction: float, message: str) -> None:
        """Say how far this part is. Raises `RunCancelled` when a cancel was asked."""
        self._report.progress(self._start + fraction * (self._end - self._start), message)

    def metrics(self, step: int, **values: float) -> None:
        """Pass on."""
        self._report.metrics(step, **values)


def _collect(run: Run, workspace: Workspace, report: RunReporter) -> None:
    spec = run.spec
    catalog = Catalog(workspace)
    policy = None
    config = load_recipe(spec.get("recipe", "cpu"))
    if spec.get("policy"):
        policy = Policy.load(policy_folder(workspace, spec["policy"]))
        config = policy.config
    elif spec.get("behaviour", "") not in SCRIPTS:
        raise unknown_name("behaviour", spec.get("behaviour", ""), SCRIPTS, where=run.folder)

    def behaviour_of(_: RobotCell) -> Behaviour:
        if policy is not None:
            return PolicyBehaviour(policy, epsilon=config.epsilon)
        return SCRIPTS[spec["behaviour"]]()

    with _cells(workspace, spec["robots"]) as cells:
        episodes = collect_episodes(
            catalog,
            cells,
            behaviour_of,
            spec["tasks"],
            int(spec["episodes_per_robot"]),
            seed=int(spec.get("seed", 0)),
            report=report,
            config=_collection(config),
            log=CollectionLog(run.folder / "collected.jsonl"),
        )
    report.result(episodes=len(episodes))


def _train_policy(run: Run, workspace: Workspace, report: RunReporter) -> None:
    spec = run.spec
    folder = workspace.policies / run.run_id
    evaluated = int(spec.get("evaluation_episodes", 0)) > 0
    trained_at = 0.7 if evaluated else 1.0
    if not (folder / CONFIG).exists():
        _learn(run, workspace, report, trained_at)
    if evaluated:
        _evaluate(
            workspace,
            run.run_id,
            spec,
            int(spec["evaluation_episodes"]),
            Part(report, trained_at, 1.0),
        )
    report.result(policy=folder.name)


def _learn(run: Run, workspace: Workspace, report: RunReporter, trained_at: float) -> None:
    """Train the policy of `run` and write its folder."""
    spec = run.spec
    folder = workspace.policies / run.run_id
    seed = int(spec.get("seed", 0))
    config = _training_config(spec)
    tasks = load_tasks(workspace).only(spec["tasks"]).names
    report.progress(0.0, "Loading the detector")
    detector = Detector.load(detector_folder(workspace, spec["detector"]))
    buffers = ReplayBuffers(tasks, config.replay_capacity)
    replay = LogReplay(Catalog(workspace), detector, config, tasks, seed=seed)
    report.progress(0.01, "Judging and replaying the robots' episodes")
    fills = [replay.fill(buffers)]

    def sample(count: int, generator: np.random.Generator) -> Transitions:
        return sample_batch(buffers, count, config, generator)

    trainer = Trainer(
        _initial_network(workspace, spec, tasks, config, seed),
        tasks,
        sample,
        config,
        seed=seed,
        device=torch.device("cpu"),
    )
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        load_training(checkpoint, trainer)
    train(
        trainer,
        int(spec["updates"]),
        Part(report, 0.05, trained_at),
        refill=lambda: fills.append(replay.fill(buffers)),
        save=lambda: save_training(checkpoint, trainer),
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
        lineage={**_lineage(run, trainer, detector, fills), "without_success": without_success},
    )
    report.result(without_success=without_success)
    checkpoint.unlink(missing_ok=True)


def _evaluate_policy(run: Run, workspace: Workspace, report: RunReporter) -> None:
    spec = run.spec
    _evaluate(
        workspace, spec["policy"], spec, int(spec["episodes_per_task"]), Part(report, 0.0, 1.0)
    )
    report.result(policy=spec["policy"])


def _evaluate(
    workspace: Workspace, policy_id: str, spec: Spec, episodes_per_task: int, report: Part
) -> None:
    """Try the policy in simulated cells and write `evaluation.json` into its folder."""
    folder = policy_folder(workspace, policy_id)
    policy = Policy.load(folder)
    tasks = load_tasks(workspace)
    detector = None
    if spec.get("detector"):
        detector = Detector.load(detector_folder(workspace, spec["detector"]))
    with _cells(workspace, spec.get("robots", ())) as cells:
        evaluation = evaluate_behaviour(
            PolicyBehaviour(policy),
            cells,
            [tasks[name] for name in spec["tasks"]],
            episodes_per_task,
            seed=int(spec.get("seed", 0)),
            report=report,
            config=_collection(policy.config),
            detector=detector,
        )
    save_evaluation(folder, evaluation.to_dict())


def _training_config(spec: Spec) -> PolicyConfig:
    overrides = dict(spec.get("overrides") or {})
    for setting, key in (
        ("strategy", "strategy"),
        ("p_success", "success_share"),
        ("p_failure", "failure_share"),
    ):
        if key in spec:
            overrides[setting] = spec[key]
    return load_recipe(spec.get("recipe", "cpu"), overrides)


def _initial_network(
    workspace: Workspace, spec: Spec, tasks: Sequence[str], config: PolicyConfig, seed: int
) -> QNetwork:
    if spec.get("from_policy"):
        summary = load_summary(policy_folder(workspace, spec["from_policy"]))
        return network_from(summary, tasks, config)
    return build_network(config, len(tasks), seed=seed)


def _lineage(
    run: Run, trainer: Trainer, detector: Detector, fills: Sequence[FillReport]
) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "spec": dict(run.spec),
        "detector": detector.detector_id,
        "manifest": load_detector_summary(detector.folder).manifest_digest,
        "from_policy": run.spec.get("from_policy"),
        "strategy": trainer.config.strategy,
        "seed": int(run.spec.get("seed", 0)),
        "updates": trainer.updates,
        "labelled": trainer.labelled,
        "trained": trainer.trained,
        "log_replay": [fill.to_dict() for fill in fills if fill.episodes or fill.left_out],
    }


def _collection(config: PolicyConfig) -> CollectionConfig:
    """Images of the usual size, so that other policies can learn from them too, or larger."""
    size = Size(*map(max, STEP_SIZE, config.frame_size))
    return CollectionConfig(step_size=size, max_steps=config.max_steps)


@contextmanager
def _cells(workspace: Workspace, robots: Sequence[str]) -> Iterator[list[RobotCell]]:
    """The simulated cells of `robots`, held in this process for speed."""
    known = load_robots(workspace)
    with ExitStack() as stack:
        cells: list[RobotCell] = []
        for name in robots:
            if name not in known:
                raise unknown_name("robot", name, known, where=workspace.robots_path)
            if known[name].kind != "simulated":
                raise InvalidInput(
                    f"The robot '{name}' is hardware; its arm takes no actions from here yet.",
                    valid=[robot.name for robot in known.values() if robot.kind == "simulated"],
                    next_step="Choose simulated robots.",
                )
            cells.append(stack.enter_context(closing(make_cell(known[name]))))
        yield cells


def _check_settings(run: Run, known: Sequence[str], needed: Sequence[str]) -> None:
    where = run.folder / "spec.json"
    for name in run.spec:
        if name not in known:
            raise unknown_name("setting", name, known, where=where)
    missing = [name for name in needed if name not in run.spec]
    if missing:
        raise InvalidInput(
            f"The {run.kind} run lacks the setting '{missing[0]}'.",
            where=where,
            valid=known,
            next_step=f"Create a run whose spec has: {', '.join(needed)}.",
        )
