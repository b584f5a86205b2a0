"""What cell hosts and their clients say to each other.

A command and its reply are one JSON object each; the newest frames travel as one packed frame set
(`data.packing`), since a socket that keeps only the newest message cannot take several parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from data import errors
from data.errors import CellError, GoalpostError
from data.recording import RecoveredClip

FORMAT = 1
"""Version of what is said here; client and host must agree."""

_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, GoalpostError)
}


@dataclass(frozen=True, kw_only=True)
class RecordingStatus:
    """A recording under way."""

    recording_id: str
    task: str
    outcome: str
    pair_id: str | None
    by: str
    started_at_ns: int
    frame_count: int
    dropped_frames: int


@dataclass(frozen=True, kw_only=True)
class CellStatus:
    """What a cell does now."""

    robot: str
    kind: str
    """`simulated` or `hardware`."""
    recording: RecordingStatus | None
    recovered: tuple[RecoveredClip, ...]
    """Recordings that were cut short and wait to be kept or dropped."""
    camera_errors: Mapping[str, str]
    """Per camera without frames, what to tell the person."""
    problem: str | None
    """Why the last recording stopped by itself."""
    scene: str
    """What a simulated cell is showing, in words; empty for hardware."""


def encode_command(command: str, arguments: Mapping[str, Any]) -> bytes:
    """A request to a host."""
    return json.dumps({"command": command, "arguments": arguments}).encode()


def decode_command(message: bytes) -> tuple[str, dict[str, Any]]:
    """The command and its arguments. Raises `CellError` where `message` is not a request."""
    try:
        request = json.loads(message)
        return str(request["command"]), dict(request["arguments"])
    except (ValueError, KeyError, TypeError) as error:
        raise CellError(
            "A request to the cell host cannot be read.",
            next_step="Use `data.cells.client.CellClient` of the same Goalpost.",
        ) from error


def encode_result(result: object) -> bytes:
    """A reply that carries plain values."""
    return json.dumps({"result": result}).encode()


def encode_error(error: BaseException) -> bytes:
    """A reply that carries an error, so that `decode_reply` can raise it where it is read."""
    if not isinstance(error, GoalpostError):
        error = CellError(
            f"The cell host failed: {type(error).__name__}: {error}.",
            next_step="Its log file, beside its address in the workspace's cells/, says more.",
        )
    parts = {
        "kind": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "valid": error.valid,
        "next_step": error.next_step,
    }
    return json.dumps({"error": parts}).encode()


def decode_reply(message: bytes) -> Any:
    """The result in `message`, or the host's error, raised."""
    reply = json.loads(message)
    if "error" not in reply:
        return reply["result"]
    parts = reply["error"]
    kind = _ERRORS.get(parts.pop("kind"), CellError)
    raise kind(parts.pop("what"), **parts)


def status_as_json(status: CellStatus) -> dict[str, Any]:
    """Plain values, the inverse of `status_from_json`."""
    return asdict(status)


def status_from_json(values: Mapping[str, Any]) -> CellStatus:
    """The status again."""
    known = {field.name: values[field.name] for field in fields(CellStatus)}
    if known["recording"] is not None:
        known["recording"] = RecordingStatus(**known["recording"])
    known["recovered"] = tuple(RecoveredClip(**clip) for clip in known["recovered"])
    return CellStatus(**known)
