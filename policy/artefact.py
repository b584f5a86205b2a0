"""A policy's folder: what lies in it, and what can be said of it without loading its network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.catalog.answers import readable_tasks
from data.errors import CorruptData, GoalpostError, unknown_name
from data.storage import read_json, write_atomically
from data.workspace import Workspace
from policy.config import PolicyConfig

FORMAT = 1
"""Version of the folder's files; raised when an older Goalpost could no longer read them."""

SINCE: Mapping[str, Any] = {
    "bootstrap_share": 1.0, "colour_mix": 0.0, "heads": "one", "method": "q_learning",
    "restart_updates": 0, "turn_rad": 0.0,
}  # fmt: skip
"""Settings that older folders and checkpoints lack, and what was done before there were any."""

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
LINEAGE = "lineage.json"
EVALUATION = "evaluation.json"
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, kw_only=True)
class PolicySummary:
    """What a list of policies shows."""

    policy_id: str
    folder: Path
    tasks: tuple[str, ...]
    """In the order of the network's one-hot codes, as they are called now."""
    config: PolicyConfig
    created_at_ns: int
    lineage: Mapping[str, Any]
    """What it was made from: detector and its manifest, strategy, episodes, seed, from_policy."""
    evaluation: Mapping[str, Any] | None
    """How it did when it was last evaluated (`EvaluationReport.to_dict`), and, if it was compared
    with it, how the script did (`script`, the same again); None before that."""


def save_summary(
    folder: Path,
    *,
    tasks: tuple[str, ...],
    config: PolicyConfig,
    created_at_ns: int,
    lineage: Mapping[str, Any],
) -> None:
    """Write `lineage.json` and then `config.json`, which makes the folder a policy."""
    _write_json(folder / LINEAGE, lineage)
    about = {
        "format": FORMAT,
        "policy_id": folder.name,
        "created_at_ns": created_at_ns,
        "tasks": list(tasks),
        "config": config.to_dict(),
    }
    _write_json(folder / CONFIG, about)


def save_evaluation(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """Write how the policy in `folder` did, over an older evaluation."""
    _write_json(folder / EVALUATION, evaluation)


def load_summary(folder: Path) -> PolicySummary:
    """Read the summary of the policy in `folder`.

    Raises:
        CorruptData: A file is missing or damaged, or a newer Goalpost wrote it.
        GoalpostError: Its configuration has settings this Goalpost does not know.
    """
    about = _read_json(folder / CONFIG)
    if about.get("format") != FORMAT:
        raise CorruptData(
            f"This policy has format {about.get('format')}; this Goalpost reads format {FORMAT}.",
            where=folder / CONFIG,
            next_step="Update Goalpost, or choose another policy.",
        )
    lineage = _read_json(folder / LINEAGE)
    known = readable_tasks(Workspace(folder.resolve().parent.parent))
    evaluated = (folder / EVALUATION).exists()
    try:
        return PolicySummary(
            policy_id=about["policy_id"],
            folder=folder,
            tasks=tuple(known.current_name(task) for task in about["tasks"]),
            config=PolicyConfig.from_dict({**SINCE, **about["config"]}, where=str(folder / CONFIG)),
            created_at_ns=about["created_at_ns"],
            lineage=lineage,
            evaluation=_read_json(folder / EVALUATION) if evaluated else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptData(
            f"The description of the policy lacks or misnames {error}.",
            where=folder / CONFIG,
            next_step="Restore the file from a backup, or train again.",
        ) from error


def policy_folder(workspace: Workspace, policy_id: str) -> Path:
    """The folder of a policy by its id. Raises `UnknownName` where there is none."""
    folders = _folders(workspace)
    if policy_id not in folders:
        raise unknown_name(
            "policy",
            policy_id,
            folders,
            where=workspace.policies,
            next_step="Name a trained policy, or train one.",
        )
    return folders[policy_id]


def list_policies(workspace: Workspace) -> list[PolicySummary]:
    """Every finished policy, newest first; `damaged_policies` names those it leaves out."""
    found, _ = _load_all(workspace)
    return sorted(found, key=lambda policy: policy.created_at_ns, reverse=True)


def damaged_policies(workspace: Workspace) -> list[GoalpostError]:
    """What is wrong with each finished policy that cannot be used, in the order of names."""
    _, errors = _load_all(workspace)
    return errors


def _load_all(workspace: Workspace) -> tuple[list[PolicySummary], list[GoalpostError]]:
    found: list[PolicySummary] = []
    errors: list[GoalpostError] = []
    for _, folder in sorted(_folders(workspace).items()):
        try:
            found.append(load_summary(folder))
        except GoalpostError as error:
            errors.append(error)
    return found, errors


def _folders(workspace: Workspace) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in workspace.policies.glob(f"*/{CONFIG}")}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = read_json(path)
        if isinstance(values, dict):
            return values
        problem = "it does not hold a JSON object"
    except (OSError, ValueError) as error:
        problem = str(error)
    raise CorruptData(
        f"The file cannot be read: {problem}.",
        where=path,
        next_step="Restore the file from a backup, or train again.",
    )


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(values, indent=2).encode() + b"\n")


def values_path(workspace: Workspace, policy_id: str, episode_id: str) -> Path:
    """Where the values that a policy gave an episode's frames are remembered; may be deleted."""
    return workspace.cache / "values" / policy_id / f"{episode_id}.json"
