"""Which detectors are approved for use outside: said by a person who read the report."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from data.errors import CorruptData
from data.storage import read_json, write_atomically
from data.workspace import Workspace
from sd_model.artefact import detector_folder

APPROVAL = "approval.json"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Who let a detector out, and when."""

    detector_id: str
    by: str
    at_ns: int
    """[ns since the Unix epoch]"""


def approve(workspace: Workspace, detector_id: str, *, by: str, at_ns: int) -> Approval:
    """Let a detector be served; the one approved last is. Raises `UnknownName`, `StorageFull`."""
    folder = detector_folder(workspace, detector_id)
    approval = Approval(detector_id=detector_id, by=by, at_ns=at_ns)
    write_atomically(folder / APPROVAL, json.dumps(asdict(approval)).encode() + b"\n")
    return approval


def withdraw(workspace: Workspace, detector_id: str) -> None:
    """Take the approval back; there being none is fine. Raises `UnknownName`."""
    (detector_folder(workspace, detector_id) / APPROVAL).unlink(missing_ok=True)


def approvals(workspace: Workspace) -> list[Approval]:
    """Every approval, the latest first. Raises `CorruptData`."""
    found = [_read(path) for path in workspace.detectors.glob(f"*/{APPROVAL}")]
    return sorted(found, key=lambda each: each.at_ns, reverse=True)


def _read(path: Path) -> Approval:
    try:
        return Approval(**read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise CorruptData(
            f"The approval of a detector cannot be read ({error}).",
            where=path,
            next_step=f"Approve it again: goalpost sd approve {path.parent.name}",
        ) from error
