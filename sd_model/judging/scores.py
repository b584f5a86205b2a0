"""Scores: what a detector said about every example that judged it, kept beside its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.errors import CorruptData
from data.splits import Split
from data.storage import write_atomically
from data.tasks import Outcome
from sd_model.artefact import SCORES
from sd_model.examples.labelled import Origin
from sd_model.examples.manifest import Manifest

_SCHEMA = pa.schema(
    [
        ("episode_id", pa.string()),
        ("frame_index", pa.int32()),
        ("shard", pa.string()),
        ("robot", pa.string()),
        ("kind", pa.string()),
        ("split", pa.string()),
        ("task", pa.string()),
        ("outcome", pa.string()),
        ("origin", pa.string()),
        ("from_task", pa.string()),
        ("label_id", pa.string()),
        ("score", pa.float32()),
        ("decision", pa.bool_()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class JudgedExample:
    """One example of the validation or holdout split and what the detector said about it."""

    episode_id: str
    frame_index: int
    shard: str
    robot: str
    kind: str
    split: Split
    task: str
    outcome: Outcome
    origin: Origin
    from_task: str
    label_id: str
    score: float
    """Probability of success."""
    decision: bool
    """Whether the score reached the task's threshold."""


def judged_examples(
    manifest: Manifest,
    score_of: Mapping[tuple[str, int], NDArray[np.float32]],
    thresholds: Mapping[str, float],
) -> list[JudgedExample]:
    """Join the manifest's judging rows with their frames' scores, (T,) per (episode, frame)."""
    column = {name: index for index, name in enumerate(manifest.tasks.names)}
    judged = []
    for row in manifest.examples:
        if row.split == "train":
            continue
        score = float(score_of[row.episode_id, row.frame_index][column[row.task]])
        judged.append(
            JudgedExample(
                episode_id=row.episode_id,
                frame_index=row.frame_index,
                shard=row.shard,
                robot=row.robot,
                kind=row.kind,
                split=row.split,
                task=row.task,
                outcome=row.outcome,
                origin=row.origin,
                from_task=row.from_task,
                label_id=row.label_id,
                score=score,
                decision=score >= thresholds[row.task],
            )
        )
    return judged


def save_scores(folder: Path, judged: Sequence[JudgedExample]) -> None:
    """Write `scores.parquet`, one row per judged example. Raises `StorageFull`."""
    table = pa.Table.from_pylist([asdict(each) for each in judged], schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_atomically(folder / SCORES, sink.getvalue().to_pybytes())


def load_scores(folder: Path) -> list[JudgedExample]:
    """Read the scores of the detector in `folder`.

    Raises:
        CorruptData: The file is missing or cannot be read.
    """
    try:
        rows = pq.read_table(folder / SCORES).to_pylist()
        return [JudgedExample(**row) for row in rows]
    except (OSError, pa.ArrowException, TypeError) as error:
        raise CorruptData(
            f"The scores cannot be read: {error}",
            where=folder / SCORES,
            next_step="Restore the detector's folder from a backup, or train again.",
        ) from error
