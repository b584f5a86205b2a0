"""What cell hosts and their clients say to each other.

A request and its reply are one JSON object each, and each kind of request is a type of its own: a
message that does not fit its type is refused at the door. The newest frames travel as one packed
frame set (`data.episodes.packing`), since a socket that keeps only the newest message cannot take
several parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from data import errors
from data.cells.arrangement import Arrangement
from data.errors import CellError, GoalpostError, InvalidInput
from data.recording.sealing import DEFAULT_LONGEST_S, RecoveredClip
from data.tasks.tasks import Outcome

FORMAT = 3
"""Version of what is said here; client and host must agree."""
LARGEST_REQUEST_BYTES = 1 << 16
"""A longer request is cut off before it is read."""

_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, GoalpostError)
}
_T = TypeVar("_T")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
LongestS = Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Request(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="command"):
    """Root of the requests; each is carried out by the method of `CellService` of its tag."""

    @property
    def command(self) -> str:
        """Which method."""
        return str(self.__struct_config__.tag)


class AskStatus(Request, tag="status"):
    """What does the cell do now?"""


class Demonstrate(Request, tag="demonstrate"):
    """Simulated cells: show `outcome` of `task`."""

    task: Name
    outcome: Outcome
    near_miss: bool
    seed: Seed


class Arrange(Request, tag="arrange"):
    """Simulated cells: set the scene up like this."""

    arrangement: Arrangement
    seed: Seed


class NewScene(Request, tag="new_scene"):
    """Simulated cells: shuffle the objects."""

    seed: Seed


class Idle(Request, tag="idle"):
    """Simulated cells: stop demonstrating."""


class StartRecording(Request, tag="start_recording"):
    """Begin a clip of at most `longest_s` [s]."""

    task: Name
    outcome: Outcome
    pair_id: Name | None
    by: Name
    longest_s: LongestS = DEFAULT_LONGEST_S


class StopRecording(Request, tag="stop_recording"):
    """End the clip and seal it."""


class DiscardRecording(Request, tag="discard_recording"):
    """End the clip and throw it away."""


class AskRecovered(Request, tag="recovered"):
    """Which recordings were cut short?"""


class KeepRecovered(Request, tag="keep_recovered"):
    """Seal a recording that was cut short."""

    recording_id: Name


class DropRecovered(Request, tag="drop_recovered"):
    """Throw a recording away that was cut short."""

    recording_id: Name


_REQUESTS = msgspec.json.Decoder(
    AskStatus | Demonstrate | Arrange | NewScene | Idle | StartRecording | StopRecording
    | DiscardRecording | AskRecovered | KeepRecovered | DropRecovered
)  # fmt: skip


class _Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it travels."""

    kind: str
    what: str
    where: str | None
    valid: tuple[str, ...] | None
    next_step: str | None


class _Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    result: Any = None
    error: _Failure | None = None


_REPLIES = msgspec.json.Decoder(_Reply)


@dataclass(frozen=True, kw_only=True)
class RecordingStatus:
    """A recording under way."""

    recording_id: str
    task: str
    outcome: str
    pair_id: str | None
    by: str
    started_at_ns: int
    """[ns since the Unix epoch]"""
    elapsed_s: float
    """How long it has been going on, by the monotonic clock."""
    longest_s: float
    """When it ends by itself."""
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


def encode(request: Request) -> bytes:
    """A request as it travels."""
    return msgspec.json.encode(request)


def decode_request(message: bytes) -> Request:
    """The request in `message`. Raises `InvalidInput` where it is none."""
    try:
        request: Request = _REQUESTS.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"A request to the cell host is not one: {error}.",
            next_step="Use `data.cells.client.CellClient` of the same Goalpost.",
        ) from error
    return request


def encode_result(result: object) -> bytes:
    """A reply that carries what was asked for."""
    return msgspec.json.encode(_Reply(result=msgspec.to_builtins(result)))


def encode_error(error: BaseException) -> bytes:
    """A reply that carries an error, so that `decode_reply` can raise it where it is read."""
    if not isinstance(error, GoalpostError):
        error = CellError(
            f"The cell host failed: {type(error).__name__}: {error}.",
            next_step="Its log file, beside its address in the workspace's cells/, says more.",
        )
    failure = _Failure(
        kind=type(error).__name__,
        what=error.what,
        where=error.where,
        valid=error.valid,
        next_step=error.next_step,
    )
    return msgspec.json.encode(_Reply(error=failure))


def decode_reply(message: bytes, expected: type[_T]) -> _T:
    """The result in `message`, or the host's error, raised.

    Raises:
        CellError: It is no reply, or its result is not what was expected.
    """
    try:
        reply = _REPLIES.decode(message)
        if reply.error is None:
            return msgspec.convert(reply.result, expected)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CellError(
            f"The cell host gave an answer that cannot be read: {error}.",
            next_step="Stop it on the Robots page and start it again.",
        ) from error
    failure = reply.error
    kind = _ERRORS.get(failure.kind, CellError)
    raise kind(failure.what, where=failure.where, valid=failure.valid, next_step=failure.next_step)
