"""A detector's folder: what lies in it, and what can be said of it without loading its network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data.errors import CorruptData, GoalpostError, unknown_name
from data.storage import read_json, write_atomically
from data.tasks.tasks import TaskSet
from data.workspace import Workspace
from sd_model.config import DetectorConfig, config_from, config_values
from sd_model.judging.thresholds import Threshold

FORMAT = 1
"""Version of the folder's files; raised when an older Goalpost could no longer read them."""

WEIGHTS = "weights.safetensors"
FINDER = "finder.safetensors"
ROBOTS = "robots.safetensors"
"""What the network expects of each robot's pictures; see `learning.acquaintance`."""
CONFIG = "config.json"
MANIFEST = "manifest.parquet"
THRESHOLDS = "thresholds.json"
SCORES = "scores.parquet"
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, kw_only=True)
class DetectorSummary:
    """What a list of detectors shows."""

    detector_id: str
    folder: Path
    tasks: TaskSet
    """In the order of its scores."""
    holdout: tuple[str, ...]
    created_at_ns: int
    config: DetectorConfig
    thresholds: Mapping[str, Threshold]
    seed: int
    manifest_digest: str
    temperature: float = 1.0
    """By which its logits were divided so that scores come true; the weights have it in them."""


def save_summary(summary: DetectorSummary) -> None:
    """Write `thresholds.json` and then `config.json`, which makes the folder a detector."""
    thresholds = {task: asdict(chosen) for task, chosen in summary.thresholds.items()}
    _write_json(summary.folder / THRESHOLDS, {"format": FORMAT, "thresholds": thresholds})
    about = {
        "format": FORMAT,
        "detector_id": summary.detector_id,
        "created_at_ns": summary.created_at_ns,
        "holdout": summary.holdout,
        "seed": summary.seed,
        "manifest_digest": summary.manifest_digest,
        "temperature": summary.temperature,
        "tasks": summary.tasks.as_json(),
        "config": config_values(summary.config),
    }
    _write_json(summary.folder / CONFIG, about)


def load_summary(folder: Path) -> DetectorSummary:
    """Read the summary of the detector in `folder`.

    Raises:
        CorruptData: A file is missing or damaged, or a newer Goalpost wrote it.
        ConfigurationError: Its configuration has settings this Goalpost does not know.
    """
    about = _read_json(folder / CONFIG)
    chosen = _read_json(folder / THRESHOLDS)
    try:
        tasks = TaskSet.from_json(about["tasks"])
        return DetectorSummary(
            detector_id=about["detector_id"],
            folder=folder,
            tasks=tasks,
            holdout=tuple(about["holdout"]),
            created_at_ns=about["created_at_ns"],
            config=config_from(about["config"], where=str(folder / CONFIG)),
            thresholds={name: Threshold(**chosen["thresholds"][name]) for name in tasks.names},
            seed=about["seed"],
            manifest_digest=about["manifest_digest"],
            temperature=about.get("temperature", 1.0),
        )
    except (KeyError, TypeError) as error:
        raise _corrupt(folder, f"lacks or misnames {error}") from error


def list_detectors(workspace: Workspace) -> list[DetectorSummary]:
    """Every finished detector, newest first; `damaged_detectors` names those it leaves out."""
    found, _ = _load_all(workspace)
    return sorted(found, key=lambda each: each.created_at_ns, reverse=True)


def damaged_detectors(workspace: Workspace) -> list[GoalpostError]:
    """What is wrong with each finished detector that cannot be used, in the order of names."""
    _, errors = _load_all(workspace)
    return errors


def _load_all(workspace: Workspace) -> tuple[list[DetectorSummary], list[GoalpostError]]:
    found: list[DetectorSummary] = []
    errors: list[GoalpostError] = []
    for path in sorted(workspace.detectors.glob(f"*/{CONFIG}")):
        try:
            found.append(load_summary(path.parent))
        except GoalpostError as error:
            errors.append(error)
    return found, errors


def detector_folder(workspace: Workspace, detector_id: str) -> Path:
    """The folder of a finished detector. Raises `UnknownName` with the nearest known one."""
    folder = workspace.detectors / detector_id
    if not (folder / CONFIG).is_file():
        raise unknown_name(
            "detector",
            detector_id,
            sorted(path.parent.name for path in workspace.detectors.glob(f"*/{CONFIG}")),
            where=workspace.detectors,
            next_step="Train one on the Detector page or with `goalpost sd train`.",
        )
    return folder


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
        version = content["format"]
    except FileNotFoundError as error:
        raise _corrupt(path.parent, f"has no {path.name}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _corrupt(path.parent, f"has a damaged {path.name}") from error
    if not isinstance(version, int) or version > FORMAT:
        raise CorruptData(
            f"The detector has format {version}; this Goalpost reads up to format {FORMAT}.",
            where=path,
            next_step="Update Goalpost, or choose another detector.",
        )
    return dict(content)


def _corrupt(folder: Path, what: str) -> CorruptData:
    return CorruptData(
        f"The detector '{folder.name}' {what}.",
        where=folder,
        next_step="Restore its folder from a backup, or train again.",
    )
