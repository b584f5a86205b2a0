"""Labels in: CSV and Parquet tables with the columns of a `Label`.

A table needs `episode_id`, `task` and `outcome`; the other columns may be missing or empty. A row's
`label_id` makes that importing it again changes nothing; a row without one gets one that follows
from what it says.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import CorruptData, InvalidInput
from data.labels.log import Label
from data.transfers.label_table import COLUMNS

Row = Mapping[str, Any]
PART_ROWS = 50_000
"""Rows in memory; each part is entered into the index at once."""
_NEEDED = ("episode_id", "task", "outcome")


class Part(NamedTuple):
    """A stretch of what is read."""

    rows: Sequence[Row]
    share_read: float
    """Of the whole source, with this part."""


def in_parts(rows: Sequence[Row]) -> Iterator[Part]:
    """Rows that are in memory already."""
    for start in range(0, len(rows), PART_ROWS):
        end = start + PART_ROWS
        yield Part(rows[start:end], min(1.0, end / len(rows)))


def read_label_table(path: Path) -> Iterator[Part]:
    """The rows of a CSV or Parquet file, by its ending, in constant memory.

    Raises:
        InvalidInput: A needed column is missing, or the ending says neither.
        CorruptData: The file cannot be read.
    """
    readers = {".csv": _csv_parts, ".parquet": _parquet_parts}
    if path.suffix not in readers:
        raise InvalidInput(
            f"A table of labels cannot be a '{path.suffix}' file.", where=path, valid=readers
        )
    try:
        yield from readers[path.suffix](path)
    except (OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise CorruptData(
            f"The table cannot be read ({error}).", where=path, next_step="Write it again."
        ) from error


def label_of(row: Row, *, by: str, at_ns: int) -> Label:
    """The label that a row says.

    Args:
        by: Who said it, where the row does not say.
        at_ns: When, where the row does not say [ns since the Unix epoch].

    Raises:
        InvalidInput: A value is missing or cannot be.
    """
    said: dict[str, Any] = {
        name: None if (value := row.get(name)) == "" else value for name in COLUMNS
    }
    for name in _NEEDED:
        if said[name] is None:
            raise InvalidInput(f"a row without {name}")
    try:
        frame = said["frame_index"]
        values = {
            "label_id": str(said["label_id"] or _identity(said)),
            "episode_id": str(said["episode_id"]),
            "frame_index": None if frame is None else int(frame),
            "task": str(said["task"]),
            "outcome": said["outcome"],
            "by": str(said["by"] or by),
            "source": said["source"] or "import",
            "at_ns": int(said["at_ns"] or at_ns),
            "retracts": None if said["retracts"] is None else str(said["retracts"]),
            "split": None if said["split"] is None else str(said["split"]),
        }
        # The log passes over what is no label, so nothing else may come into it.
        return msgspec.convert(values, Label)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"a row whose values cannot be read ({error})") from error


def _csv_parts(path: Path) -> Iterator[Part]:
    size_bytes = path.stat().st_size
    with path.open("rb") as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        _check_columns(path, reader.fieldnames or ())
        while rows := list(islice(reader, PART_ROWS)):
            yield Part(rows, file.tell() / size_bytes)


def _parquet_parts(path: Path) -> Iterator[Part]:
    done = 0
    with pq.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow.names)
        for batch in file.iter_batches(PART_ROWS):
            done += len(batch)
            yield Part(batch.to_pylist(), done / file.metadata.num_rows)


def _check_columns(path: Path, names: Any) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise InvalidInput(
            f"The table lacks the column {', '.join(missing)}.",
            where=path,
            valid=COLUMNS,
            next_step="`goalpost data export labels FILE` writes a table that can be read back.",
        )


def _identity(said: Mapping[str, Any]) -> str:
    content = json.dumps([said[name] for name in COLUMNS if name != "label_id"], default=str)
    return "import-" + blake2b(content.encode(), digest_size=8).hexdigest()
