"""The log of labels: one JSON object a line, only ever appended to, and the truth about labels.

Whoever appends or reads to the end holds the catalog's lock, so nobody meets a line in the making.
A process killed in mid-append leaves a torn last line; it is closed off by the next append, and
lines that are no label are passed over, so that nothing after them is lost.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec

from data import storage
from data.errors import GoalpostError, InvalidInput

LabelOutcome = Literal["success", "failure", "unsure"]
"""`unsure` stands like any other answer, and trains nothing."""
LabelSource = Literal["person", "clip", "simulator", "review", "import"]
_OUTCOMES = get_args(LabelOutcome)
_SOURCES = get_args(LabelSource)

Name = Annotated[str, msgspec.Meta(min_length=1)]
_INT64 = (1 << 63) - 1


@dataclass(frozen=True, kw_only=True)
class Label:
    """One event: who said which outcome of which task about which frames, when, from where."""

    label_id: Name
    """Unique; appending a label of a known id changes nothing."""
    episode_id: Name
    frame_index: Annotated[int, msgspec.Meta(ge=0, le=_INT64)] | None
    """The frame it speaks of; None: every frame of a clip."""
    task: Name
    outcome: LabelOutcome
    by: str
    """Name of the person or program."""
    source: LabelSource
    """Where it was said: labelling, recording a clip, simulator, review of errors, import."""
    at_ns: Annotated[int, msgspec.Meta(ge=0, le=_INT64)]
    """When it was said [ns since the Unix epoch]."""
    retracts: str | None = None
    """For an undo, the label_id that no longer counts; the undo itself says no outcome."""
    split: str | None = None
    """Set by imports that bring their own division."""

    def __post_init__(self) -> None:
        if self.outcome not in _OUTCOMES:
            raise InvalidInput(
                f"A label cannot say '{self.outcome}'.",
                where=f"label {self.label_id}",
                valid=_OUTCOMES,
            )
        if self.source not in _SOURCES:
            raise InvalidInput(
                f"A label cannot come from '{self.source}'.",
                where=f"label {self.label_id}",
                valid=_SOURCES,
            )


_LABELS = msgspec.json.Decoder(Label)


class LogPart(NamedTuple):
    """A stretch of the log."""

    labels: tuple[tuple[int, Label], ...]
    """Labels with the number of their line in the whole log."""
    end_bytes: int
    """Where the next unread line begins."""
    end_lines: int
    """Complete lines up to there."""
    unreadable: tuple[int, ...]
    """Numbers of lines that are no label."""


def append(path: Path, labels: Sequence[Label]) -> None:
    """Add labels to the log and wait until they are on the disk.

    Raises:
        StorageFull: The disk is full; the log is as it was before.
    """
    content = b"".join(msgspec.json.encode(label) + b"\n" for label in labels)
    if _lacks_newline(path):
        content = b"\n" + content
    storage.append(path, content)


def read(
    path: Path, *, start_bytes: int = 0, start_lines: int = 0, most_bytes: int = -1
) -> LogPart:
    """Read the complete lines from `start_bytes` on; `start_lines` of them came before.

    Args:
        most_bytes: Where to stop, so that a long log is read in parts; -1 reads to its end.
    """
    try:
        with path.open("rb") as file:
            file.seek(start_bytes)
            content = file.read(most_bytes)
    except FileNotFoundError:
        content = b""
    content = content[: content.rfind(b"\n") + 1]
    labels: list[tuple[int, Label]] = []
    unreadable: list[int] = []
    lines = content.split(b"\n")[:-1]
    for number, line in enumerate(lines, start_lines):
        try:
            labels.append((number, _LABELS.decode(line)))
        except (ValueError, RecursionError, GoalpostError):
            unreadable.append(number)
    return LogPart(
        tuple(labels), start_bytes + len(content), start_lines + len(lines), tuple(unreadable)
    )


def _lacks_newline(path: Path) -> bool:
    """Whether a torn line stands at the end."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
