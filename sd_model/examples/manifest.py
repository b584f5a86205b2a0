"""The manifest: the frozen table of examples that a detector was trained and judged on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import CorruptData, InvalidInput
from data.storage import write_atomically
from data.tasks.tasks import TaskSet
from sd_model.examples.labelled import Example

FORMAT = 2
"""Version of the table; raised when an older Goalpost could no longer read it."""

_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("episode_id", pa.string()),
        ("frame_index", pa.int32()),
        ("shard", pa.string()),
        ("robot", pa.string()),
        ("group", pa.string()),
        ("kind", pa.string()),
        ("split", pa.string()),
        ("task", pa.string()),
        ("outcome", pa.string()),
        ("origin", pa.string()),
        ("label_id", pa.string()),
        ("from_task", pa.string()),
        ("source", pa.string()),
        ("shown_task", pa.string()),
        ("recorded_at_ns", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Examples with what was decided about them. `gathering.build_manifest` makes one."""

    examples: tuple[Example, ...]
    tasks: TaskSet
    """The detector's tasks in the order of its logits, with their relations."""
    holdout: tuple[str, ...]
    """Robots whose frames only judge."""
    warnings: tuple[str, ...]
    """What a reader of the report should know about the data, in plain words."""
    seed: int
    created_at_ns: int
    digest: str
    """SHA-256 of examples, tasks and holdout; shows later changes."""

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a frozen manifest.

        Raises:
            CorruptData: Missing, unreadable, of a newer format, or changed since it was frozen.
        """
        try:
            table = pq.read_table(path)
            about = json.loads(table.schema.metadata[b"goalpost"])
            rows = table.select(_SCHEMA.names).to_pylist()
            found = about["format"]
            examples = tuple(Example(**row) for row in rows)
            manifest = cls(
                examples=examples,
                tasks=TaskSet.from_json(about["tasks"]),
                holdout=tuple(about["holdout"]),
                warnings=tuple(about["warnings"]),
                seed=about["seed"],
                created_at_ns=about["created_at_ns"],
                digest=about["digest"],
            )
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
            raise CorruptData(
                f"The manifest cannot be read: {error}",
                where=path,
                next_step="Train again: a manifest is rebuilt from the labels.",
            ) from error
        if (
            found > FORMAT
            or digest_of(examples, manifest.tasks, manifest.holdout) != manifest.digest
        ):
            raise CorruptData(
                "The manifest was changed after it was frozen, or a newer Goalpost wrote it.",
                where=path,
                next_step="Update Goalpost, or train again: a manifest is rebuilt from the labels.",
            )
        return manifest

    def save(self, path: Path) -> None:
        """Freeze the manifest as Parquet.

        Raises:
            InvalidInput: There is a manifest at `path` already; it is left as it is.
            StorageFull: The disk is full; nothing was written.
        """
        if path.exists():
            raise InvalidInput(
                "A manifest is frozen and is never overwritten.",
                where=path,
                next_step="Name a new folder for the new detector.",
            )
        about = {
            "format": FORMAT,
            "tasks": self.tasks.as_json(),
            "holdout": self.holdout,
            "warnings": self.warnings,
            "seed": self.seed,
            "created_at_ns": self.created_at_ns,
            "digest": self.digest,
        }
        schema = _SCHEMA.with_metadata({"goalpost": json.dumps(about)})
        table = pa.Table.from_pylist([asdict(row) for row in self.examples], schema=schema)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_atomically(path, sink.getvalue().to_pybytes())


def digest_of(examples: Sequence[Example], tasks: TaskSet, holdout: Sequence[str]) -> str:
    """SHA-256 of what decides a training beside configuration and seed, hexadecimal."""
    digest = hashlib.sha256(json.dumps([tasks.as_json(), list(holdout)]).encode())
    for example in examples:
        digest.update(json.dumps(list(asdict(example).values())).encode())
    return digest.hexdigest()
