"""The policy's kinds of run, from spec to result, in the process that carries them out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from data.catalog.catalog import Catalog
from data.cells.protocol import RobotCell
from data.cells.robots import Robot, load_robots
from data.cells.simulated.opening import check_simulator, open_cell
from data.errors import InvalidInput, unknown_name
from data.runs.reporter import RunReporter
from data.runs.runs import Run
from data.tasks.store import load_tasks
from data.tasks.tasks import Task
from data.workspace import Workspace
from policy.acting.behaviours import ActingAs, Behaviour, Noisy, start_of
from policy.acting.collection_log import CollectionLog
from policy.acting.collector import collect_episodes, collection_of
from policy.acting.evaluation import evaluate_behaviour
from policy.acting.policy import Policy, PolicyBehaviour
from policy.acting.scripted import Scripted, ScriptedPick, ScriptedPlace
from policy.artefact import (
    CONFIG,
    policy_folder,
    save_evaluation,
)
from policy.config import PolicyConfig, load_recipe
from policy.event_log import EventLog
from policy.loop import Lesson, learn
from sd_model.judging.detector import Detector, detector_folder

SCRIPTS: dict[str, Callable[[], Behaviour]] = {
    "scripted-pick": ScriptedPick,
    "scripted-place": ScriptedPlace,
    "noisy": lambda: Noisy(Scripted()),
}
"""Behaviours that need no training, by name."""

Spec = Mapping[str, Any]

_COLLECT = (
    "robots", "behaviour", "policy", "acting_as", "tasks", "episodes_per_robot", "recipe", "seed",
)  # fmt: skip
_TRAIN = (
    "recipe", "overrides", "detector", "tasks", "strategy", "success_share", "failure_share",
    "updates", "from_policy", "evaluation_episodes", "robots", "collect_robots", "episodes",
    "processes", "holdout", "compare_script", "seed",
)  # fmt: skip
_EVALUATE = (
    "policy", "tasks", "robots", "episodes_per_task", "detector", "compare_script", "seed",
)  # fmt: skip


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

    def __init__(self, report: RunReporter | Part, start: float, end: float) -> None:
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
    known = load_tasks(workspace)
    policy = None
    config = load_recipe(spec.get("recipe", "cpu"))
    if spec.get("policy"):
        policy = Policy.load(policy_folder(workspace, spec["policy"]))
        config = policy.config
    elif spec.get("behaviour", "") not in SCRIPTS:
        raise unknown_name("behaviour", spec.get("behaviour", ""), SCRIPTS, where=run.folder)

    acting_as = spec.get("acting_as")
    if acting_as:
        _check_acting_as(known[acting_as], policy, [known[task] for task in spec["tasks"]], run)

    def behaviour_of(_: RobotCell) -> Behaviour:
        if policy is None:
            return SCRIPTS[spec["behaviour"]]()
        acting = PolicyBehaviour(policy, epsilon=config.epsilon)
        return ActingAs(acting, known[acting_as].name) if acting_as else acting

    with _cells(workspace, spec["robots"]) as cells:
        episodes = collect_episodes(
            catalog,
            cells,
            behaviour_of,
            spec["tasks"],
            int(spec["episodes_per_robot"]),
            seed=int(spec.get("seed", 0)),
            report=report,
            config=collection_of(config, load_robots(workspace).values()),
            log=CollectionLog(run.folder / "collected.jsonl"),
        )
    report.result(episodes=len(episodes))


def _check_acting_as(
    task: Task, policy: Policy | None, commanded: Sequence[Task], run: Run
) -> None:
    if policy is None:
        raise InvalidInput(
            "A script acts alike for every task.",
            where=run.folder,
            next_step="Name a policy too, or leave 'acting_as' out.",
        )
    if task.name not in policy.tasks:
        raise unknown_name(
            "task",
            task.name,
            policy.tasks,
            where=f"policy {policy.policy_id}",
            next_step="Let it act as for a task it was trained on.",
        )
    for other in commanded:
        if start_of(other) is not start_of(task):
            raise InvalidInput(
                f"An episode of '{other.name}' begins otherwise than one of '{task.name}': placing "
                "begins with an object in hand.",
                where=run.folder,
                next_step="Act as for a task that begins alike.",
            )


def _train_policy(run: Run, workspace: Workspace, report: RunReporter) -> None:
    spec = run.spec
    folder = workspace.policies / run.run_id
    evaluated = int(spec.get("evaluation_episodes", 0)) > 0
    _check_who_judges(run, workspace, evaluated=evaluated)
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


def _check_who_judges(run: Run, workspace: Workspace, *, evaluated: bool) -> None:
    """Refuse at once what would fail only after the training, or hold nobody out."""
    known = load_robots(workspace)
    for name in run.spec.get("holdout", ()):
        if name not in known:
            raise unknown_name("robot", name, known, where=run.folder / "spec.json")
    if evaluated and not _simulated(workspace, run.spec.get("robots", ())):
        raise InvalidInput(
            "The policy is to be evaluated, and no robot is named for that.",
            where=run.folder / "spec.json",
            next_step="Name simulated robots, or set 'evaluation_episodes' to 0.",
        )


def _learn(run: Run, workspace: Workspace, report: RunReporter, trained_at: float) -> None:
    """Train the policy of `run` and write its folder."""
    spec = run.spec
    collecting = spec.get("collect_robots", ())
    # Where robots collect for this policy, those that are to judge it teach it nothing.
    holdout = set(spec.get("robots", ())) - set(collecting) if collecting else set()
    holdout |= set(spec.get("holdout", ()))
    robots = load_robots(workspace)
    learn(
        workspace,
        Lesson(
            policy_id=run.run_id,
            tasks=load_tasks(workspace).only(spec["tasks"]).names,
            config=_training_config(spec),
            detector=spec.get("detector"),
            from_policy=spec.get("from_policy"),
            updates=int(spec["updates"]),
            seed=int(spec.get("seed", 0)),
            replayed_robots=tuple(name for name in robots if name not in holdout),
            robots=tuple(_simulated(workspace, collecting)),
            episodes=int(spec.get("episodes", 0)),
            processes=int(spec.get("processes", 0)) or max(1, (os.cpu_count() or 2) - 1),
            spec=spec,
        ),
        EventLog(Part(report, 0.0, trained_at), run.folder / "tensorboard"),
    )


def _evaluate_policy(run: Run, workspace: Workspace, report: RunReporter) -> None:
    spec = run.spec
    _evaluate(
        workspace, spec["policy"], spec, int(spec["episodes_per_task"]), Part(report, 0.0, 1.0)
    )
    report.result(policy=spec["policy"])


def _evaluate(
    workspace: Workspace, policy_id: str, spec: Spec, episodes_per_task: int, report: Part
) -> None:
    """Try the policy in simulated cells and write `evaluation.json` into its folder.

    With `compare_script` the script that bootstrapped it tries the same scenes.
    """
    folder = policy_folder(workspace, policy_id)
    policy = Policy.load(folder)
    tasks = load_tasks(workspace)
    detector = None
    if spec.get("detector"):
        detector = Detector.load(detector_folder(workspace, spec["detector"]))
    behaviours: list[Behaviour] = [PolicyBehaviour(policy)]
    if spec.get("compare_script"):
        behaviours.append(Scripted())
    share = 1 / len(behaviours)
    with _cells(workspace, spec.get("robots", ())) as cells:
        evaluations = [
            evaluate_behaviour(
                behaviour,
                cells,
                [tasks[name] for name in spec["tasks"]],
                episodes_per_task,
                seed=int(spec.get("seed", 0)),
                report=Part(report, index * share, (index + 1) * share),
                config=collection_of(policy.config, load_robots(workspace).values()),
                detector=detector,
            ).to_dict()
            for index, behaviour in enumerate(behaviours)
        ]
    evaluation, *of_script = evaluations
    save_evaluation(folder, evaluation | ({"script": of_script[0]} if of_script else {}))


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


@contextmanager
def _cells(workspace: Workspace, robots: Sequence[str]) -> Iterator[list[RobotCell]]:
    """The simulated cells of `robots`, held in this process for speed."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(open_cell(robot)))
            for robot in _simulated(workspace, robots)
        ]


def _simulated(workspace: Workspace, names: Sequence[str]) -> list[Robot]:
    known = load_robots(workspace)
    for name in names:
        if name not in known:
            raise unknown_name("robot", name, known, where=workspace.robots_path)
        if known[name].kind != "simulated":
            raise InvalidInput(
                f"The robot '{name}' is hardware; its arm takes no actions from here yet.",
                valid=[robot.name for robot in known.values() if robot.kind == "simulated"],
                next_step="Choose simulated robots.",
            )
        check_simulator()
    return [known[name] for name in names]


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
