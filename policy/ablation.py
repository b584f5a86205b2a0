"""Ablations: the same episodes and the same budget, one thing changed.

What the episodes are is frozen: arms collect nothing, and a study whose workspace has gained or
lost an episode since its first arm is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes
from data.errors import InvalidInput, RunError, unknown_name
from data.runs.runs import find_or_create_run
from data.storage import read_json, write_atomically
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace
from policy.artefact import load_summary, policy_folder
from policy.run import execute_run


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to learn."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the recipe, that differ from it."""
    apart: bool = False
    """A policy for each task instead of one for all."""


def _strategy(strategy: str, balancing: str, p_failure: float = 1.0) -> dict[str, Any]:
    return {"strategy": strategy, "balancing": balancing, "p_failure": p_failure}


STUDIES: dict[str, dict[str, Arm]] = {
    "strategies": {
        "QT-Opt": Arm(settings=_strategy("orig", "rand"), apart=True),
        "orig, rand": Arm(settings=_strategy("orig", "rand")),
        "orig, rebal": Arm(settings=_strategy("orig", "rebal")),
        "all, rand": Arm(settings=_strategy("all", "rand")),
        "all, rebal": Arm(settings=_strategy("all", "rebal")),
        "skill(1, 0.15), rebal": Arm(settings=_strategy("skill", "rebal", 0.15)),
        "skill(1, 1), rand": Arm(settings=_strategy("skill", "rand")),
        "skill(1, 1), rebal": Arm(settings=_strategy("skill", "rebal")),
    },
    "learning": {
        "recipe": Arm(),
        "targets bootstrapped only": Arm(settings={"returns": "bootstrapped"}),
        "own returns alone": Arm(settings={"bootstrap_share": 0.0}),
        "no lagged copy in targets": Arm(settings={"lag_updates": 0}),
        "colours as they are": Arm(
            settings={"colour_mix": 0.0, "brightness": 0.0, "contrast": 0.0}
        ),
        "gripper commands as they come": Arm(settings={"command_share_of_batch": 0.0}),
        "a step costs 0.05": Arm(settings={"step_penalty": -0.05}),
        "a head for each task": Arm(settings={"heads": "each"}),
        "outcomes as they come": Arm(settings={"balancing": "rand"}),
    },
    "grasping": {
        "QT-Opt": Arm(),
        "supervised": Arm(settings={"method": "supervised"}),
    },
}
"""`strategies`: the columns of MT-Opt's Table 4. `learning`: what the `cpu` recipe rests on.
`grasping`: QT-Opt's Table 1, on frozen episodes; for tasks that pick."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What all arms have in common."""

    tasks: tuple[str, ...]
    holdout: tuple[str, ...]
    """Robots that judge the policies and teach them nothing."""
    detector: str | None
    """Whose rewards teach; None: the simulator's truth."""
    recipe: str
    updates: int
    """For each arm; an arm with a policy for each task shares them out among its policies."""
    attempts: int
    """Of each task on each robot."""
    seed: int
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the recipe that all arms replace."""


def ablate(
    catalog: Catalog,
    study: Study,
    arms: Mapping[str, Arm],
    results: Path,
    *,
    say: Callable[[str], None],
) -> dict[str, dict[str, float]]:
    """Train and judge every arm, and write what came out after each; interrupted, it goes on.

    Args:
        catalog: Holds the robots' episodes.
        study: The common part.
        arms: By name; those whose results are there already are not repeated.
        results: A JSON file: the study, the episodes' number and digest, and for each arm the
            true successes and attempts of each task.
        say: Hears which arm is at work.

    Returns:
        The success rate of each arm (outer) and task (inner).

    Raises:
        UnknownName: A task that the simulator, which judges, does not know.
        InvalidInput: The episodes, or the study, are not those of the results that are there.
        RunError: An arm's run did not end well.
    """
    for task in study.tasks:
        if task not in SEED_TASKS:
            raise unknown_name(
                "task",
                task,
                SEED_TASKS.names,
                next_step="Arms are judged by the simulator, which knows only these.",
            )
    frozen = _frozen(catalog, study)
    done = _results_so_far(results, frozen)
    for name, arm in arms.items():
        if name not in done:
            say(f"{name} ({len(done) + 1} of {len(arms)})")
            done[name] = _carry_out(catalog.workspace, study, arm)
            content = {**frozen, "arms": done}
            write_atomically(results, (json.dumps(content, indent=2) + "\n").encode())
    return {
        name: {task: found["successes"] / found["attempts"] for task, found in row.items()}
        for name, row in done.items()
    }


def table(rates: Mapping[str, Mapping[str, float]]) -> str:
    """Arms as columns, tasks as rows, and below them the paper's summaries (MT-Opt, Table 4)."""
    names = list(rates)
    tasks = list(next(iter(rates.values()), {}))
    rate_TN = np.array([[rates[name][task] for name in names] for task in tasks])
    rows = list(zip(tasks, rate_TN, strict=True))
    for name, share in (("min", 0), ("25th percentile", 25), ("median", 50),
                        ("75th percentile", 75), ("max", 100)):  # fmt: skip
        rows.append((name, np.percentile(rate_TN, share, axis=0)))
    rows.append(("mean", rate_TN.mean(0)))
    widths = [max(len(name), 4) for name in names]
    lines = ["  ".join([" " * 16, *(name.rjust(w) for name, w in zip(names, widths, strict=True))])]
    for head, row_N in rows:
        cells = (f"{rate:.2f}".rjust(w) for rate, w in zip(row_N, widths, strict=True))
        lines.append("  ".join([head.ljust(16), *cells]))
    return "\n".join(lines)


def _frozen(catalog: Catalog, study: Study) -> dict[str, Any]:
    ids = sorted(
        each.info.episode_id
        for each in list_episodes(catalog, kind="robot")
        if each.info.robot not in study.holdout
    )
    return {
        "study": {
            "tasks": list(study.tasks), "holdout": list(study.holdout),
            "detector": study.detector, "recipe": study.recipe, "updates": study.updates,
            "attempts": study.attempts, "seed": study.seed, "overrides": dict(study.overrides),
        },
        "episodes": len(ids),
        "digest": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
    }  # fmt: skip


def _results_so_far(results: Path, frozen: Mapping[str, Any]) -> dict[str, Any]:
    if not results.exists():
        return {}
    found = read_json(results)
    for part, current in frozen.items():
        if found.get(part) != current:
            raise InvalidInput(
                f"The results so far are of another study: their {part} was "
                f"{found.get(part)!r} and is {current!r}.",
                where=results,
                next_step="Name a new file for the results, or bring back what changed.",
            )
    arms: dict[str, Any] = found["arms"]
    return arms


def _carry_out(workspace: Workspace, study: Study, arm: Arm) -> dict[str, dict[str, int]]:
    """The true successes and attempts of each task."""
    groups: Sequence[tuple[str, ...]] = (
        [(task,) for task in study.tasks] if arm.apart else [study.tasks]
    )
    found = {}
    for tasks in groups:
        spec = {
            "recipe": study.recipe,
            "overrides": {**study.overrides, **arm.settings},
            "detector": study.detector,
            "tasks": list(tasks),
            "updates": study.updates // len(groups),
            "holdout": list(study.holdout),
            "robots": list(study.holdout),
            "evaluation_episodes": study.attempts,
            "seed": study.seed,
        }
        policy = _trained(workspace, spec)
        evaluation = load_summary(policy_folder(workspace, policy)).evaluation or {"by_task": {}}
        for task, rate in evaluation["by_task"].items():
            found[task] = {"successes": rate["successes"], "attempts": rate["attempts"]}
    return found


def _trained(workspace: Workspace, spec: Mapping[str, Any]) -> str:
    """The policy of the run with this spec, begun before or now."""
    run = find_or_create_run(workspace, "train-policy", spec)
    if run.status().state != "done":
        execute_run(run)
    status = run.status()
    if status.state != "done":
        raise RunError(
            f"The run ended as '{status.state}': {status.error or status.message}",
            where=run.folder,
            next_step="Give the command again: it goes on with this run.",
        )
    return str(status.result["policy"])
