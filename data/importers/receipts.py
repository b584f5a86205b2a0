"""Receipts: what each import brought, written down before it is taken in, so that it can be undone.

One file a source, `imports/<digest>.received.jsonl`: a first line that names the source, then a
line for every batch. An import that goes on where another one stopped adds to the same file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import CorruptData
from data.storage import append, write_atomically
from data.workspace import Workspace

_ENDING = ".received.jsonl"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What was taken in at a time. After a crash some of the last batch may not have come."""

    episodes: Sequence[str] = ()
    """Identifiers of new episodes."""
    labels: Sequence[str] = ()
    """Identifiers of new labels."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What one source brought. Make one with `receipt_for`."""

    digest: str
    """Tells sources apart."""
    source: str
    """What was read, in words with its path."""
    first_ns: int
    """When it was first imported [ns since the Unix epoch]."""
    path: Path

    def add(self, batch: Batch) -> None:
        """Write down what is about to be taken in. Raises `StorageFull`."""
        if batch.episodes or batch.labels:
            _append(self.path, {"episodes": list(batch.episodes), "labels": list(batch.labels)})

    def batches(self) -> Iterator[Batch]:
        """All that was written down, one batch in memory at a time."""
        for values in _lines(self.path):
            if "source" not in values:
                yield Batch(episodes=values["episodes"], labels=values["labels"])

    def counts(self) -> tuple[int, int]:
        """How many episodes and labels it speaks of."""
        episodes = labels = 0
        for batch in self.batches():
            episodes += len(batch.episodes)
            labels += len(batch.labels)
        return episodes, labels


def receipt_for(
    workspace: Workspace, digest: str, source: str, *, now_ns: int | None = None
) -> Receipt:
    """The source's receipt; a new one where there is none. Raises `StorageFull`, `CorruptData`."""
    path = workspace.root / "imports" / f"{digest}{_ENDING}"
    if not path.exists():
        first_ns = time.time_ns() if now_ns is None else now_ns
        # Whole or not at all: a receipt that does not name its source could not be gone on with.
        write_atomically(path, _line({"source": source, "first_ns": first_ns}))
    return _read(path)


def list_receipts(workspace: Workspace) -> list[Receipt]:
    """The receipts of every source whose import was not undone, the newest first.

    Raises:
        CorruptData: One cannot be read.
    """
    found = [_read(path) for path in (workspace.root / "imports").glob(f"*{_ENDING}")]
    return sorted(found, key=lambda each: (-each.first_ns, each.digest))


def _read(path: Path) -> Receipt:
    for values in _lines(path):
        if "source" in values:
            return Receipt(
                digest=path.name.removesuffix(_ENDING),
                source=values["source"],
                first_ns=values["first_ns"],
                path=path,
            )
    raise CorruptData(
        "What an import brought cannot be read: the file does not name its source.",
        where=path,
        next_step="Delete the file; that import can then not be undone as a whole.",
    )


def _append(path: Path, values: dict[str, Any]) -> None:
    """Add a line; a line that a crash has cut off is closed first."""
    append(path, b"\n" + _line(values))


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            try:
                values = json.loads(line)
            except ValueError:  # empty, or cut off by a crash before anything of it was taken in
                continue
            if isinstance(values, dict):
                yield values
