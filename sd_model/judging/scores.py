"""Scores: what a detector said about every example that judged it, kept beside its weights.

They are one table, a row per judged example, with these columns:

| column | meaning |
|---|---|
| `episode_id`, `frame_index`, `shard` | the frame |
| `robot`, `kind`, `split`, `recorded_at_ns`, `shown_task` | its episode, as in `Example` |
| `task`, `outcome` | what is known of it |
| `origin`, `from_task`, `label_id`, `source` | how that is known, as in `Example` |
| `score` | probability of success, float32 |
| `decision` | whether the score reached the task's threshold |

Decisions are each task's own, as in the paper; of contradictions between tasks `Detector.decide`
settles some otherwise (docs/detector_quality.md says how much that changes).

Columns of text are categorical, so that half a million rows stay small and quick to group.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.errors import CorruptData
from data.labels.splits import Split
from data.storage import write_atomically
from sd_model.artefact import SCORES
from sd_model.examples.manifest import Manifest

_SCHEMA = pa.schema(
    [
        ("episode_id", pa.string()),
        ("frame_index", pa.int32()),
        ("shard", pa.string()),
        ("robot", pa.string()),
        ("kind", pa.string()),
        ("split", pa.string()),
        ("recorded_at_ns", pa.int64()),
        ("shown_task", pa.string()),
        ("task", pa.string()),
        ("outcome", pa.string()),
        ("origin", pa.string()),
        ("from_task", pa.string()),
        ("label_id", pa.string()),
        ("source", pa.string()),
        ("score", pa.float32()),
        ("decision", pa.bool_()),
    ]
)
COLUMNS: tuple[str, ...] = tuple(_SCHEMA.names)
_TEXT = [field.name for field in _SCHEMA if field.type == pa.string()]
_FROM_EXAMPLE = [name for name in COLUMNS if name not in ("score", "decision")]


class Place(NamedTuple):
    """Where a detector is judged: one robot, in one role."""

    split: Split
    robot: str


def judged_examples(
    manifest: Manifest,
    score_of: Mapping[tuple[str, int], NDArray[np.float32]],
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Join the manifest's judging rows with their frames' scores, (T,) per (episode, frame)."""
    column = {name: index for index, name in enumerate(manifest.tasks.names)}
    rows = [row for row in manifest.examples if row.split != "train"]
    judged = pd.DataFrame(
        {name: [getattr(row, name) for row in rows] for name in _FROM_EXAMPLE},
    )
    scores = [float(score_of[row.episode_id, row.frame_index][column[row.task]]) for row in rows]
    judged["score"] = np.array(scores, dtype=np.float32)
    judged["decision"] = np.array(scores) >= np.array([thresholds[row.task] for row in rows])
    return as_table(judged)


def as_table(judged: pd.DataFrame) -> pd.DataFrame:
    """`judged` with the columns and types of a table of scores."""
    return judged.astype(dict.fromkeys(_TEXT, "category"))[list(COLUMNS)]


def save_scores(folder: Path, judged: pd.DataFrame) -> None:
    """Write `scores.parquet`, one row per judged example. Raises `StorageFull`."""
    plain = judged.astype(dict.fromkeys(_TEXT, "str"))
    table = pa.Table.from_pandas(plain, schema=_SCHEMA, preserve_index=False)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_atomically(folder / SCORES, sink.getvalue().to_pybytes())


def load_scores(folder: Path) -> pd.DataFrame:
    """Read the scores of the detector in `folder`.

    Raises:
        CorruptData: The file is missing or cannot be read.
    """
    try:
        table = pq.read_table(folder / SCORES, columns=list(COLUMNS), read_dictionary=_TEXT)
        return as_table(table.to_pandas())
    except (OSError, pa.ArrowException, KeyError) as error:
        raise CorruptData(
            f"The scores cannot be read: {error}",
            where=folder / SCORES,
            next_step="Restore the detector's folder from a backup, or train again.",
        ) from error


def places(judged: pd.DataFrame) -> list[Place]:
    """Where the detector was judged, held-out robots first."""
    found = judged[["split", "robot"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted((Place(*each) for each in found), key=lambda p: (p.split != "holdout", p.robot))


def at_place(judged: pd.DataFrame, place: Place) -> pd.DataFrame:
    """The rows of one place."""
    return judged[(judged["split"] == place.split) & (judged["robot"] == place.robot)]


def of_own_task(judged: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each row is about the task that its episode shows or was commanded.

    Of an episode nobody gave a task, what was labelled counts as its own.
    """
    shown = judged["shown_task"].astype(str).to_numpy()
    own = shown == judged["task"].astype(str).to_numpy()
    labelled = (judged["origin"] == "labelled").to_numpy()
    found: NDArray[np.bool_] = own | ((shown == "") & labelled)
    return found


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of `table` as plain values by column."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
