"""Background jobs: what each kind of run needs, the command that does it, and its launch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from app import access
from app.doors import transfer_run
from app.doors.exports import Export
from app.doors.imports import Import, check_import
from data.cells.robots import load_robots
from data.cells.simulated.opening import check_simulator
from data.errors import InvalidInput, unknown_name
from data.importers.receipts import list_receipts
from data.runs.runs import FINISHED, Run, create_run, launch, list_runs
from data.tasks.store import load_tasks
from data.workspace import Workspace
from policy.artefact import load_summary as load_policy_summary
from policy.artefact import policy_folder
from policy.config import Strategy
from policy.config import load_recipe as load_policy_recipe
from sd_model.artefact import detector_folder
from sd_model.artefact import load_summary as load_detector_summary
from sd_model.config import load_recipe as load_detector_recipe

Spec = Mapping[str, Any]

_COMMANDS = {
    "train-detector": ("sd_model.cli",),
    "score-episodes": ("sd_model.cli",),
    "collect": ("policy.cli",),
    "train-policy": ("policy.cli",),
    "evaluate-policy": ("policy.cli",),
    "import": ("app.cli", "data"),
    "export": ("app.cli", "data"),
    "undo-import": ("app.cli", "data"),
}


_WITHOUT_CHANCE = ("score-episodes", *transfer_run.KINDS)
"""Kinds of run that draw nothing, and so have no seed."""


def command_of(kind: str, folder: Path) -> list[str]:
    """The command that carries out the run in `folder`.

    Raises:
        UnknownName: There is no such kind of run.
    """
    if kind not in _COMMANDS:
        raise unknown_name("kind of run", kind, _COMMANDS)
    return [sys.executable, "-m", *_COMMANDS[kind], "execute", str(folder)]


def start(workspace: Workspace, kind: str, spec: Spec) -> Run:
    """Check `spec`, create the run and let it stand in line in a process of its own.

    Raises:
        NotAllowed: Whoever sees the page may not start runs.
        GoalpostError: The spec cannot be carried out; no run was created.
        StorageFull: The disk is full.
    """
    access.require("label" if kind == "score-episodes" else "manage")  # Label asks in that order
    if kind not in _CHECKS:
        raise unknown_name("kind of run", kind, _CHECKS)
    try:
        _CHECKS[kind](workspace, spec)
        if kind not in _WITHOUT_CHANCE:
            _check_number("seed", spec["seed"], 0, 2**32 - 1)
    except KeyError as error:
        raise InvalidInput(
            f"The setting {error} of the run is missing.",
            where=f"a run of kind '{kind}'",
            next_step="Fill it in.",
        ) from error
    run = create_run(workspace, kind, spec)
    command = command_of(kind, run.folder)
    launch(run, [sys.executable, "-m", "data.runs.queue", str(run.folder), *command])
    return run


def start_again(workspace: Workspace, run: Run) -> Run:
    """Start a run with the settings of another. Raises like `start`.

    One that collects goes on to new scenes: what the other has saved stays, and the same scenes
    would come twice, in training and in validation.
    """
    spec = dict(run.spec)
    if run.kind == "collect":
        spec["seed"] = next_seed(workspace, run.kind)
    return start(workspace, run.kind, spec)


def active_runs(workspace: Workspace) -> list[Run]:
    """Runs that are waiting or working, newest first."""
    return [run for run in list_runs(workspace) if run.status().state not in FINISHED]


def runs_to_show(workspace: Workspace, *kinds: str) -> list[Run]:
    """Runs of the `kinds` that are at work, or else the newest, so that its end is seen."""
    runs = [run for run in list_runs(workspace) if run.kind in kinds]
    return [run for run in runs if run.status().state not in FINISHED] or runs[:1]


def next_seed(workspace: Workspace, kind: str) -> int:
    """A seed that no earlier run of this `kind` had, so that new episodes show new scenes."""
    seeds = [run.spec.get("seed", 0) for run in list_runs(workspace) if run.kind == kind]
    return max(seeds, default=-1) + 1


def _check_train_detector(workspace: Workspace, spec: Spec) -> None:
    if spec["tasks"] is not None:
        _check_tasks(workspace, spec["tasks"])
    _check_robots(workspace, spec["holdout"], "hold out")
    if spec.get("from_detector"):
        detector_folder(workspace, spec["from_detector"])
    else:
        load_detector_recipe(spec["recipe"], spec["overrides"])


def _check_score_episodes(workspace: Workspace, spec: Spec) -> None:
    load_detector_summary(detector_folder(workspace, spec["detector"]))
    _check_number("number of episodes", spec["most"], 1, 1_000_000)


def _check_collect(workspace: Workspace, spec: Spec) -> None:
    _check_tasks(workspace, spec["tasks"])
    _check_simulated(workspace, spec["robots"])
    _check_number("episodes for each robot", spec["episodes_per_robot"], 1, 100_000)
    if spec["policy"] is not None:
        load_policy_summary(policy_folder(workspace, spec["policy"]))


def _check_train_policy(workspace: Workspace, spec: Spec) -> None:
    _check_tasks(workspace, spec["tasks"])
    _check_judged(workspace, spec["detector"], spec["tasks"])
    if spec["from_policy"] is not None:
        load_policy_summary(policy_folder(workspace, spec["from_policy"]))
    if spec["strategy"] not in get_args(Strategy):
        raise unknown_name("strategy", spec["strategy"], get_args(Strategy))
    _check_number("share of successes kept", spec["success_share"], 0, 1)
    _check_number("share of failures kept", spec["failure_share"], 0, 1)
    _check_number("updates", spec["updates"], 1, 10_000_000)
    _check_number("evaluation episodes", spec["evaluation_episodes"], 0, 100_000)
    if spec["evaluation_episodes"]:
        _check_simulated(workspace, spec["robots"])
    if spec.get("collect_robots"):
        _check_simulated(workspace, spec["collect_robots"])
        _check_number("episodes", spec["episodes"], 1, 10_000_000)
    load_policy_recipe(spec["recipe"], spec["overrides"])


def _check_evaluate_policy(workspace: Workspace, spec: Spec) -> None:
    load_policy_summary(policy_folder(workspace, spec["policy"]))
    _check_tasks(workspace, spec["tasks"])
    _check_simulated(workspace, spec["robots"])
    _check_number("episodes for each task", spec["episodes_per_task"], 1, 100_000)


def _check_import(workspace: Workspace, spec: Spec) -> None:
    check_import(workspace, transfer_run.read_spec(Import, spec))


def _check_export(workspace: Workspace, spec: Spec) -> None:
    wanted = transfer_run.read_spec(Export, spec)
    if not Path(wanted.path).is_absolute():
        raise InvalidInput(
            "It is not said where the export shall lie.",
            next_step="Type a whole path of a new folder or file on this computer.",
        )


def _check_undo_import(workspace: Workspace, spec: Spec) -> None:
    wanted = transfer_run.read_spec(transfer_run.Undo, spec)
    known = [receipt.digest for receipt in list_receipts(workspace)]
    if wanted.digest not in known:
        raise unknown_name("import", wanted.digest, known)


_CHECKS: dict[str, Callable[[Workspace, Spec], None]] = {
    "train-detector": _check_train_detector,
    "score-episodes": _check_score_episodes,
    "collect": _check_collect,
    "train-policy": _check_train_policy,
    "evaluate-policy": _check_evaluate_policy,
    "import": _check_import,
    "export": _check_export,
    "undo-import": _check_undo_import,
}


def _check_tasks(workspace: Workspace, names: Collection[str]) -> None:
    if not names:
        raise InvalidInput("No task is chosen.", next_step="Choose at least one task.")
    tasks = load_tasks(workspace)
    for name in names:
        tasks[name]


def _check_robots(workspace: Workspace, names: Collection[str], verb: str) -> None:
    known = load_robots(workspace)
    if not names:
        raise InvalidInput(f"No robot is chosen to {verb}.", next_step="Choose at least one robot.")
    for name in names:
        if name not in known:
            raise unknown_name("robot", name, known)


def _check_simulated(workspace: Workspace, names: Collection[str]) -> None:
    """Hardware cells have cameras but no arm that Goalpost may move."""
    _check_robots(workspace, names, "act")
    known = load_robots(workspace)
    for name in names:
        if known[name].kind != "simulated":
            raise InvalidInput(
                f"Goalpost cannot move the arm of '{name}': it only knows its cameras.",
                valid=[robot.name for robot in known.values() if robot.kind == "simulated"],
                next_step="Choose simulated robots.",
            )
    check_simulator()


def _check_judged(workspace: Workspace, detector: str, tasks: Collection[str]) -> None:
    known = load_tasks(workspace)
    judged = load_detector_summary(detector_folder(workspace, detector)).tasks.names
    judged = tuple(known.current_name(name) for name in judged)
    for task in tasks:
        if known.current_name(task) not in judged:
            raise InvalidInput(
                f"The detector '{detector}' does not judge '{task}', so nothing would reward it.",
                valid=judged,
                next_step="Leave the task out, or train a detector that judges it.",
            )


def _check_number(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidInput(
            f"The {what} cannot be {value}.",
            valid=[f"{low} to {high}"],
            next_step="Choose a number within these limits.",
        )
