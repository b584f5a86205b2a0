"""Labels as a table: the columns that CSV, Parquet and LeRobot exports share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields

import pyarrow as pa

from data.labels.log import Label

LABEL_SCHEMA = pa.schema(
    [
        ("label_id", pa.string()),
        ("episode_id", pa.string()),
        ("frame_index", pa.int64()),
        ("task", pa.string()),
        ("outcome", pa.string()),
        ("by", pa.string()),
        ("source", pa.string()),
        ("at_ns", pa.int64()),
        ("retracts", pa.string()),
        ("split", pa.string()),
    ]
)
"""The fields of a `Label`, in their order."""
COLUMNS = tuple(field.name for field in fields(Label))


def label_rows(labels: Iterable[Label]) -> pa.Table:
    """One row a label."""
    return pa.Table.from_pylist([asdict(label) for label in labels], LABEL_SCHEMA)
