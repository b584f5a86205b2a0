"""What detectors got wrong, from their scores in the index, at their own thresholds or at others.

A mistake is one label that the detector disagrees with: of a terminal frame, or of a whole clip,
whose wrong frames are then one mistake together. Every function is one question of a page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from data.catalog import Catalog
from data.errors import CorruptData
from data.labels import LabelOutcome
from data.splits import Split
from data.tasks import Outcome
from data.transaction import Transaction
from data.workspace import Workspace

MistakeKind = Literal["false positive", "false negative"]

_SCORES = "scores.parquet"
_COLUMNS = (
    "episode_id, frame_index, robot, kind, split, task, outcome, origin, from_task, label_id, score"
)


@dataclass(frozen=True, kw_only=True)
class JudgedFilter:
    """Which of the examples that a detector judged are looked at."""

    detector_id: str
    split: str
    tasks: frozenset[str] = frozenset()
    """Empty: all."""
    robots: frozenset[str] = frozenset()
    """Empty: all."""


@dataclass(frozen=True, kw_only=True)
class JudgedGroup:
    """Judged examples that are alike in this."""

    split: Split
    robot: str
    task: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often a detector was wrong among judged examples."""

    successes: int
    failures: int
    false_positives: int
    """Failures that were taken for success."""
    false_negatives: int
    """Successes that were taken for failure."""

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the failures; None without any."""
        return self.false_positives / self.failures if self.failures else None

    @property
    def false_negative_rate(self) -> float | None:
        """Share of the successes; None without any."""
        return self.false_negatives / self.successes if self.successes else None


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One label that the detector disagrees with, shown by its worst frame."""

    kind: MistakeKind
    episode_id: str
    labelled_frame: int | None
    """What a person labels to correct it: the terminal frame, or (None) the whole clip."""
    frame_index: int
    """The frame on which the score is furthest from the threshold."""
    shard: str
    """Where its episode lies now."""
    robot: str
    split: Split
    task: str
    outcome: Outcome
    """What the label says."""
    from_task: str
    """The task that was labelled; another one where the outcome was derived."""
    score: float
    confidence: float
    """That distance, as a share of the largest one possible, 0 to 1."""
    wrong_frames: int
    judged_frames: int
    reviewed: LabelOutcome | None
    """What was said of it in review, if that stands."""
    reviewed_by: str | None
    reviewed_label: str | None


def judged_groups(catalog: Catalog, detector_id: str) -> list[JudgedGroup]:
    """What a detector judged, by split, robot and task.

    Raises:
        CorruptData: Its scores cannot be read.
    """
    with _scores(catalog, detector_id) as transaction:
        rows = transaction.rows(
            "SELECT split, robot, task, count(*) AS count FROM scores WHERE detector_id = ? "
            "GROUP BY ALL ORDER BY ALL",
            (detector_id,),
        )
    return [JudgedGroup(**row) for row in rows]


def tally(
    catalog: Catalog,
    chosen: JudgedFilter,
    thresholds: Mapping[str, float],
    *,
    as_corrected: bool = False,
) -> Tally:
    """Count the examples and the mistakes among them at `thresholds`.

    Args:
        as_corrected: Take the outcomes that people gave in review; `unsure` ones are left out.
    """
    truth = "coalesce(reviewed, outcome)" if as_corrected else "outcome"
    with _judged(catalog, chosen, thresholds) as (transaction, parameters):
        [row] = transaction.rows(
            f"WITH judged AS ({_JUDGED.format(chosen=_condition(chosen))}), "
            f"said AS (SELECT {truth} AS truth, decided FROM judged) SELECT "
            "count(*) FILTER (truth = 'success') AS successes, "
            "count(*) FILTER (truth = 'failure') AS failures, "
            "count(*) FILTER (truth = 'failure' AND decided) AS false_positives, "
            "count(*) FILTER (truth = 'success' AND NOT decided) AS false_negatives FROM said",
            parameters,
        )
    return Tally(**row)


def count_mistakes(
    catalog: Catalog, chosen: JudgedFilter, thresholds: Mapping[str, float]
) -> dict[MistakeKind, int]:
    """The mistakes of each kind at `thresholds`."""
    with _judged(catalog, chosen, thresholds) as (transaction, parameters):
        rows = transaction.rows(
            f"{_mistakes(chosen)} SELECT mistake, count(*) AS count FROM mistakes GROUP BY ALL",
            parameters,
        )
    return {row["mistake"]: row["count"] for row in rows}


def find_mistakes(
    catalog: Catalog,
    chosen: JudgedFilter,
    thresholds: Mapping[str, float],
    *,
    kind: MistakeKind | None = None,
    unreviewed_since_ns: int | None = None,
    first: int = 0,
    most: int,
) -> tuple[list[Mistake], int]:
    """The mistakes at `thresholds`, the most confident first, and how many there are in all.

    Args:
        kind: Only of this kind.
        unreviewed_since_ns: Leave out those reviewed before this time [ns since the Unix epoch].
        first: How many to pass over.
        most: How many to give.
    """
    conditions, more = ["TRUE"], list[object]()
    if kind is not None:
        conditions.append("mistake = ?")
        more.append(kind)
    if unreviewed_since_ns is not None:
        conditions.append("(reviewed IS NULL OR reviewed_at_ns >= ?)")
        more.append(unreviewed_since_ns)
    where = " AND ".join(conditions)
    with _judged(catalog, chosen, thresholds) as (transaction, parameters):
        rows = transaction.rows(
            f"{_mistakes(chosen)}, shown AS (SELECT *, count(*) OVER () AS total FROM mistakes "
            f"WHERE {where} ORDER BY confidence DESC, episode_id, labelled_frame, task "
            "LIMIT ? OFFSET ?) SELECT shown.*, coalesce(e.shard, '') AS shard FROM shown "
            "LEFT JOIN episodes e USING (episode_id) "
            "ORDER BY confidence DESC, episode_id, labelled_frame, task",
            [*parameters, *more, most, first],
        )
    return [_mistake(row) for row in rows], rows[0]["total"] if rows else 0


def looked_at(catalog: Catalog, detector_id: str) -> tuple[int, int]:
    """How many held-out labels were reviewed, and how many of them changed."""
    chosen = JudgedFilter(detector_id=detector_id, split="holdout")
    with _judged(catalog, chosen, {}) as (transaction, parameters):
        [row] = transaction.rows(
            f"WITH judged AS ({_JUDGED.format(chosen=_condition(chosen))}), items AS "
            "(SELECT episode_id, labelled_frame, task, any_value(outcome) AS outcome, "
            "any_value(reviewed) AS reviewed FROM judged GROUP BY ALL) "
            "SELECT count(reviewed) AS seen, "
            "count(*) FILTER (reviewed <> outcome) AS changed FROM items",
            parameters,
        )
    return row["seen"], row["changed"]


_JUDGED = (
    "SELECT s.*, t.threshold, CASE s.kind WHEN 'clip' THEN NULL ELSE s.frame_index END "
    "AS labelled_frame, s.score >= t.threshold AS decided, "
    'l.outcome AS reviewed, l."by" AS reviewed_by, l.label_id AS reviewed_label, '
    "l.at_ns AS reviewed_at_ns FROM scores s "
    "LEFT JOIN thresholds t ON t.task = s.task "
    "LEFT JOIN (FROM labels WHERE source = 'review' AND stands) l "
    "ON l.episode_id = s.episode_id AND l.task = s.task AND l.frame_index IS NOT DISTINCT FROM "
    "CASE s.kind WHEN 'clip' THEN NULL ELSE s.frame_index END WHERE {chosen}"
)


def _mistakes(chosen: JudgedFilter) -> str:
    """The common tables `judged` and `mistakes`, the latter one row for each wrong label."""
    return (
        f"WITH judged AS ({_JUDGED.format(chosen=_condition(chosen))}), wrong AS ("
        "SELECT *, decided <> (outcome = 'success') AS is_wrong, coalesce("
        "CASE WHEN decided THEN (score - threshold) / nullif(1 - threshold, 0) "
        "ELSE (threshold - score) / nullif(threshold, 0) END, 1) AS distance FROM judged), "
        "mistakes AS (SELECT episode_id, labelled_frame, task, "
        "count(*) FILTER (is_wrong) AS wrong_frames, count(*) AS judged_frames, "
        "max(distance) FILTER (is_wrong) AS confidence, "
        + ", ".join(
            f"arg_max({column}, distance) FILTER (is_wrong) AS {column}"
            for column in ("frame_index", "robot", "split", "outcome", "from_task", "score")
        )
        + ", any_value(reviewed) AS reviewed, any_value(reviewed_by) AS reviewed_by, "
        "any_value(reviewed_label) AS reviewed_label, "
        "any_value(reviewed_at_ns) AS reviewed_at_ns, "
        "CASE arg_max(outcome, distance) FILTER (is_wrong) WHEN 'success' THEN 'false negative' "
        "ELSE 'false positive' END AS mistake FROM wrong GROUP BY episode_id, labelled_frame, task "
        "HAVING bool_or(is_wrong))"
    )


def _condition(chosen: JudgedFilter) -> str:
    conditions = ["s.detector_id = ?", "s.split = ?"]
    if chosen.tasks:
        conditions.append("list_contains(?::VARCHAR[], s.task)")
    if chosen.robots:
        conditions.append("list_contains(?::VARCHAR[], s.robot)")
    return " AND ".join(conditions)


@contextmanager
def _judged(
    catalog: Catalog, chosen: JudgedFilter, thresholds: Mapping[str, float]
) -> Iterator[tuple[Transaction, list[object]]]:
    parameters: list[object] = [chosen.detector_id, chosen.split]
    parameters += [sorted(names) for names in (chosen.tasks, chosen.robots) if names]
    columns = {"task": list(thresholds) or [""], "threshold": list(thresholds.values()) or [0.5]}
    with (
        _scores(catalog, chosen.detector_id) as transaction,
        transaction.table("thresholds", columns),
    ):
        yield transaction, parameters


@contextmanager
def _scores(catalog: Catalog, detector_id: str) -> Iterator[Transaction]:
    """A transaction that finds the scores of `detector_id` in the index, as its folder has them."""
    with catalog.transaction() as transaction:
        index_scores(transaction, catalog.workspace, [detector_id])
        yield transaction


def index_scores(
    transaction: Transaction, workspace: Workspace, detector_ids: Collection[str]
) -> None:
    """Enter the scores that detectors left in their folders, where they are new or have changed.

    Raises:
        CorruptData: The scores of one cannot be read.
    """
    for detector_id in detector_ids:
        path = workspace.detectors / detector_id / _SCORES
        changed_ns = path.stat().st_mtime_ns if path.exists() else 0
        known = transaction.rows(
            "SELECT changed_ns FROM detectors WHERE detector_id = ?", (detector_id,)
        )
        if known == [{"changed_ns": changed_ns}] and changed_ns:
            continue
        rows = _read_scores(path)
        for table in ("scores", "detectors"):
            transaction.execute(f"DELETE FROM {table} WHERE detector_id = ?", (detector_id,))
        with transaction.table("incoming", rows):
            transaction.execute(
                f"INSERT INTO scores (detector_id, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM incoming",
                (detector_id,),
            )
        transaction.execute("INSERT INTO detectors VALUES (?, ?)", (detector_id, changed_ns))


def _read_scores(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, columns=_COLUMNS.split(", "))
    except (OSError, pa.ArrowException) as error:
        raise CorruptData(
            f"The scores cannot be read: {error}",
            where=path,
            next_step="Restore the detector's folder from a backup, or train again.",
        ) from error


def _mistake(row: dict[str, Any]) -> Mistake:
    return Mistake(
        kind=row["mistake"],
        **{name: row[name] for name in Mistake.__dataclass_fields__ if name != "kind"},
    )
