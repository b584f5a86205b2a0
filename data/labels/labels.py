"""Labels: appending, undoing, and which of them stand.

The log of labels is the truth and is written first; the catalog's table only indexes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa

from data.catalog.catalog import Catalog
from data.catalog.indexing import unindexed_labels
from data.catalog.transaction import Transaction, one_of
from data.episodes.episodes import EpisodeKind
from data.errors import InvalidInput, unknown_name
from data.labels import log as label_log
from data.labels.log import Label, LabelOutcome, LabelSource
from data.tasks.store import load_tasks
from data.tasks.tasks import TaskSet

__all__ = [
    "Label", "LabelOutcome", "LabelSource", "Length",
    "append_labels", "episode_lengths", "known_labels", "label_history", "new_label_id",
    "retract_imported", "standing_labels", "standing_tables", "undo_label", "unlike_undone",
]  # fmt: skip

_COLUMNS = 'label_id, episode_id, frame_index, task, outcome, "by", source, at_ns, retracts, split'

_UNDONE = "undo-import-"
"""Before the identifier of a label: the identifier of the event that undoes its import."""
_TABLE_LINES = 50_000
_LAG_BYTES = 64 << 10
"""So much of the log may wait for the index; whoever appends reads it."""


class Length(NamedTuple):
    """Which frames of an episode a label can speak of."""

    kind: EpisodeKind
    step_count: int


def new_label_id() -> str:
    """An identifier that is drawn only once."""
    return secrets.token_hex(8)


def append_labels(catalog: Catalog, labels: Sequence[Label]) -> None:
    """Append labels to the log; labels whose id is known change nothing.

    The index takes them in at the next transaction: who labels waits for one short write, and many
    who label at once wait little for each other.

    Raises:
        UnknownName: A task, an episode, or a label to retract that does not exist.
        InvalidInput: A frame that its episode does not have. Nothing is appended in either case.
        StorageFull: The disk is full. Appending the same labels again later is safe.
    """
    with catalog.transaction(lag_bytes=_LAG_BYTES) as transaction:
        waiting = unindexed_labels(transaction, catalog.workspace)
        known = _known(transaction, [label.label_id for label in labels]) | waiting
        new: dict[str, Label] = {}
        for label in labels:
            if label.label_id not in known:
                new.setdefault(label.label_id, label)
        if not new:
            return
        _check(transaction, load_tasks(catalog.workspace), list(new.values()), waiting)
        label_log.append(catalog.workspace.labels_path, list(new.values()))


def known_labels(catalog: Catalog, label_ids: Sequence[str]) -> set[str]:
    """Those of the identifiers that some label has already."""
    with catalog.transaction() as transaction:
        return _known(transaction, label_ids)


def episode_lengths(catalog: Catalog, episode_ids: Collection[str]) -> dict[str, Length]:
    """What a label's frame is checked against, of those of the episodes that are here."""
    with catalog.transaction() as transaction:
        return _lengths(transaction, episode_ids)


def undo_label(catalog: Catalog, label_id: str, *, by: str, at_ns: int) -> Label | None:
    """Retract a label, so that what stood before it stands again.

    Returns:
        The event that retracts it, or None if it had been retracted already.

    Raises:
        UnknownName: There is no such label.
        InvalidInput: It is itself an undo.
    """
    with catalog.transaction() as transaction:
        found = transaction.rows(f"SELECT {_COLUMNS} FROM labels WHERE label_id = ?", (label_id,))
        if not found:
            raise unknown_name(
                "label",
                label_id,
                (),
                where=catalog.workspace.labels_path,
                next_step="`goalpost data label history` shows the latest labels.",
            )
        label = Label(**found[0])
        if label.retracts is not None:
            raise InvalidInput(
                "An undo cannot be undone.",
                where=f"label {label_id}",
                next_step="Label the frame again.",
            )
        if transaction.rows("SELECT 1 FROM labels WHERE retracts = ?", (label_id,)):
            return None
        undo = replace(label, label_id=new_label_id(), by=by, at_ns=at_ns, retracts=label_id)
        label_log.append(catalog.workspace.labels_path, [undo])
    return undo


def retract_imported(catalog: Catalog, label_ids: Sequence[str], *, by: str, at_ns: int) -> int:
    """Retract the labels that an import brought; those that are retracted already stay so.

    Returns:
        How many were retracted now.

    Raises:
        StorageFull: The disk is full. Doing it again later is safe.
    """
    of_these, ids = one_of("label_id", label_ids)
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            f"SELECT {_COLUMNS} FROM labels WHERE {of_these} AND retracts IS NULL "
            "AND label_id NOT IN (SELECT retracts FROM labels WHERE retracts IS NOT NULL)",
            ids,
        )
        undos = [
            Label(**row | {"label_id": _UNDONE + row["label_id"], "retracts": row["label_id"],
                           "by": by, "at_ns": at_ns})
            for row in rows
        ]  # fmt: skip
        if undos:
            label_log.append(catalog.workspace.labels_path, undos)
    return len(undos)


def unlike_undone(catalog: Catalog, labels: Sequence[Label]) -> list[Label]:
    """The labels to import: one whose import was undone comes again under another identifier."""
    renamed = list(labels)
    while undone := known_labels(catalog, [_UNDONE + label.label_id for label in renamed]):
        renamed = [
            replace(label, label_id=f"{label.label_id}-again")
            if _UNDONE + label.label_id in undone
            else label
            for label in renamed
        ]
    return renamed


def standing_labels(
    catalog: Catalog, *, episode_ids: Collection[str] | None = None, task: str | None = None
) -> list[Label]:
    """The label that stands for every (episode, frame, task), oldest first.

    That is the one appended last of those that are not retracted, whatever the clocks said; only
    what an import brought never stands over what was said here, and of imports the newest stands.
    A clip's label for all frames and a label for one of its frames both stand, and the one for
    the frame is the more exact one.
    """
    conditions = ["stands"]
    parameters: list[object] = []
    if episode_ids is not None:
        of_these, ids = one_of("episode_id", episode_ids)
        conditions.append(of_these)
        parameters += ids
    if task is not None:
        conditions.append("task = ?")
        parameters.append(task)
    return _select(
        catalog,
        f"SELECT {_COLUMNS} FROM labels WHERE {' AND '.join(conditions)} ORDER BY line",
        parameters,
    )


def standing_tables(catalog: Catalog) -> Iterator[tuple[float, pa.Table]]:
    """All of `standing_labels` in constant memory: tables with a `Label`'s columns, of a stretch of
    the log and in a transaction each, and the share of the log up to there.

    What is labelled meanwhile comes last, where it stands over what came before.
    """
    line = 0
    while True:
        with catalog.transaction() as transaction:
            lines = transaction.value("SELECT labels_lines FROM catalog_state")
            if line >= lines:
                return
            table = transaction.arrow(
                f"SELECT {_COLUMNS} FROM labels WHERE stands AND line >= ? AND line < ? "
                "ORDER BY line",
                (line, line + _TABLE_LINES),
            )
        line += _TABLE_LINES
        yield min(1.0, line / lines), table


def label_history(
    catalog: Catalog,
    episode_id: str | None = None,
    *,
    by: str | None = None,
    source: LabelSource | None = None,
    limit: int = 50,
) -> list[Label]:
    """The latest events, undos too, newest first; of one episode, person or source if given."""
    conditions = ["TRUE"]
    parameters: list[object] = []
    for column, value in (("episode_id", episode_id), ('"by"', by), ("source", source)):
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    return _select(
        catalog,
        f"SELECT {_COLUMNS} FROM labels WHERE {' AND '.join(conditions)} "
        "ORDER BY line DESC LIMIT ?",
        [*parameters, limit],
    )


def _select(catalog: Catalog, sql: str, parameters: Sequence[object]) -> list[Label]:
    with catalog.transaction() as transaction:
        rows = transaction.rows(sql, parameters)
    return [Label(**row) for row in rows]


def _known(transaction: Transaction, label_ids: Sequence[str]) -> set[str]:
    of_these, ids = one_of("label_id", label_ids)
    rows = transaction.rows(f"SELECT label_id FROM labels WHERE {of_these}", ids)
    return {row["label_id"] for row in rows}


def _check(
    transaction: Transaction, tasks: TaskSet, labels: Sequence[Label], waiting: set[str]
) -> None:
    episodes = _lengths(transaction, {label.episode_id for label in labels})
    retracted = [label.retracts for label in labels if label.retracts is not None]
    retractable = _known(transaction, retracted) | waiting | {label.label_id for label in labels}
    for label in labels:
        tasks[label.task]
        if label.episode_id not in episodes:
            raise unknown_name(
                "episode",
                label.episode_id,
                (),
                where=f"label {label.label_id}",
                next_step="`goalpost data episodes list` shows all episodes.",
            )
        if label.retracts is not None and label.retracts not in retractable:
            raise unknown_name("label", label.retracts, (), where=f"label {label.label_id}")
        _check_frame(label, episodes[label.episode_id])


def _lengths(transaction: Transaction, episode_ids: Collection[str]) -> dict[str, Length]:
    of_these, ids = one_of("episode_id", episode_ids)
    rows = transaction.rows(
        f"SELECT episode_id, kind, step_count FROM episodes WHERE {of_these}", ids
    )
    return {row["episode_id"]: Length(row["kind"], row["step_count"]) for row in rows}


def _check_frame(label: Label, episode: Length) -> None:
    where = f"label {label.label_id} of episode {label.episode_id}"
    if label.frame_index is None:
        if episode.kind != "clip":
            raise InvalidInput(
                "Only a clip shows one outcome in every frame.",
                where=where,
                next_step="Name the frame that the label speaks of.",
            )
    elif not 0 <= label.frame_index < episode.step_count:
        raise InvalidInput(
            f"The episode has no frame {label.frame_index}.",
            where=where,
            valid=[f"0 to {episode.step_count - 1}"],
        )
