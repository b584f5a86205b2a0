"""Filling the catalog's tables from the files that hold the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from data.catalog.answers import (
    readable_tasks,
    refresh_all_answers,
    refresh_answers,
    refresh_conclusions,
    take_over_names,
)
from data.catalog.transaction import Transaction, one_of
from data.episodes.episodes import EpisodeInfo
from data.episodes.shards import read_infos
from data.errors import CorruptData
from data.labels import log as label_log
from data.labels.log import Label
from data.tasks.tasks import TaskSet
from data.workspace import Workspace

EPISODE_COLUMNS = (
    "episode_id", "shard", "robot", "kind", "behaviour", "task", "outcome", "pair_id", "start",
    "recorded_at_ns", "step_count", "truth",
)  # fmt: skip
LABEL_COLUMNS = (
    "label_id", "line", "episode_id", "frame_index", "task", "outcome", "by", "source", "at_ns",
    "retracts", "split",
)  # fmt: skip
_MANY = 100_000
"""From so many episodes on, working out what is known of all of them at once is quicker."""
_LARGE_SHARDS = 300
_LARGE_LOG_BYTES = 16 << 20
_SHARDS_AT_A_TIME = 50
_LOG_BYTES_AT_A_TIME = 32 << 20
_SHARD_COLUMNS = ("path", "robot", "day", "episode_count", "size_bytes")


def relative(workspace: Workspace, path: Path) -> str:
    """The name under which the catalog knows a shard."""
    return path.resolve().relative_to(workspace.root).as_posix()


def index_shard(
    transaction: Transaction, workspace: Workspace, path: Path, infos: Sequence[EpisodeInfo]
) -> None:
    """Enter a shard and those of its episodes that no other shard holds; twice does no harm."""
    _enter_shards(transaction, workspace, [(path, infos)])
    of_these, ids = one_of("episode_id", [info.episode_id for info in infos])
    spoken_of = transaction.rows(f"SELECT DISTINCT episode_id FROM labels WHERE {of_these}", ids)
    refresh_answers(transaction, workspace, [row["episode_id"] for row in spoken_of])


def index_labels(transaction: Transaction, workspace: Workspace) -> None:
    """Enter what the log of labels holds beyond the part that is indexed."""
    take_over_names(transaction, workspace)
    state = transaction.rows("SELECT labels_bytes, labels_lines FROM catalog_state")[0]
    size = log_size(workspace)
    if size == state["labels_bytes"]:
        return
    restored = size < state["labels_bytes"]  # someone put an older log back: begin again
    if restored:
        transaction.execute("DELETE FROM labels")
        transaction.execute("UPDATE catalog_state SET labels_bytes = 0, labels_lines = 0")
    touched: set[str] = set()
    while new := _enter_labels(transaction, workspace):
        touched |= new
    everything = restored or len(touched) > _MANY  # what is gone from the log touches more
    refresh_answers(transaction, workspace, None if everything else touched)


def unindexed_labels(transaction: Transaction, workspace: Workspace) -> set[str]:
    """The labels that the log holds and the index does not know yet."""
    state = transaction.rows("SELECT labels_bytes, labels_lines FROM catalog_state")[0]
    part = label_log.read(
        workspace.labels_path,
        start_bytes=state["labels_bytes"],
        start_lines=state["labels_lines"],
    )
    return {label.label_id for _, label in part.labels}


def fill(transaction: Transaction, workspace: Workspace) -> Iterator[tuple[float, str]]:
    """Enter all that the workspace holds into empty tables; damaged shards are left to `check`.

    Yields:
        After each part, the share that is done, 0 to 1, and what it was; there a transaction may
        end and the next begin.
    """
    paths = shard_files(workspace)
    for first in range(0, len(paths), _SHARDS_AT_A_TIME):
        readable: list[tuple[Path, list[EpisodeInfo]]] = []
        for path in paths[first : first + _SHARDS_AT_A_TIME]:
            with suppress(CorruptData):
                readable.append((path, read_infos(path)))
        _enter_shards(transaction, workspace, readable)
        yield 0.6 * first / len(paths), "Reading the shards"
    size = log_size(workspace)
    while _enter_labels(transaction, workspace):
        done = transaction.value("SELECT labels_bytes FROM catalog_state")
        yield 0.6 + 0.2 * done / size, "Reading the labels"
    take_over_names(transaction, workspace)  # one may have changed since the first shard
    for share in refresh_all_answers(transaction, workspace):
        yield 0.8 + 0.2 * share, "Working out what follows from the labels"
    refresh_conclusions(transaction, workspace)
    yield 1.0, "Done"


def index_unknown_shards(transaction: Transaction, workspace: Workspace) -> None:
    """Enter the readable shards that are not in the index."""
    known = {row["path"] for row in transaction.rows("SELECT path FROM shards")}
    for path in shard_files(workspace):
        if relative(workspace, path) not in known:
            with suppress(CorruptData):
                index_shard(transaction, workspace, path, read_infos(path))


def is_large(workspace: Workspace) -> bool:
    """Whether filling the index takes longer than anybody should wait for a page."""
    many = next(islice(workspace.episodes.glob("*/*/*.parquet"), _LARGE_SHARDS, None), None)
    return many is not None or log_size(workspace) > _LARGE_LOG_BYTES


def _enter_shards(
    transaction: Transaction,
    workspace: Workspace,
    shards: Sequence[tuple[Path, Sequence[EpisodeInfo]]],
) -> None:
    tasks = readable_tasks(workspace)
    named = [(relative(workspace, path), path, infos) for path, infos in shards]
    transaction.insert_new(
        "shards",
        _SHARD_COLUMNS,
        [
            (shard, path.parent.parent.name, path.parent.name, len(infos), path.stat().st_size)
            for shard, path, infos in named
        ],
    )
    transaction.insert_new(
        "episodes",
        EPISODE_COLUMNS,
        [_episode_row(info, shard, tasks) for shard, _, infos in named for info in infos],
    )


def _enter_labels(transaction: Transaction, workspace: Workspace) -> set[str]:
    """Enter the next labels of the log; the episodes they speak of, none at its end."""
    state = transaction.rows("SELECT labels_bytes, labels_lines FROM catalog_state")[0]
    part = label_log.read(
        workspace.labels_path,
        start_bytes=state["labels_bytes"],
        start_lines=state["labels_lines"],
        most_bytes=_LOG_BYTES_AT_A_TIME,
    )
    tasks = readable_tasks(workspace)
    transaction.insert_new(
        "labels", LABEL_COLUMNS, [_label_row(label, line, tasks) for line, label in part.labels]
    )
    transaction.execute(
        "UPDATE catalog_state SET labels_bytes = ?, labels_lines = ?",
        (part.end_bytes, part.end_lines),
    )
    retracted, ids = one_of(
        "label_id", [label.retracts for _, label in part.labels if label.retracts is not None]
    )
    also = transaction.rows(f"SELECT episode_id FROM labels WHERE {retracted}", ids)
    return {label.episode_id for _, label in part.labels} | {row["episode_id"] for row in also}


def log_size(workspace: Workspace) -> int:
    """How long the log of labels is [bytes]."""
    path = workspace.labels_path
    return path.stat().st_size if path.exists() else 0


def shard_files(workspace: Workspace) -> list[Path]:
    """Every shard on the disk, in a fixed order."""
    return sorted(workspace.episodes.glob("*/*/*.parquet"))


def _episode_row(info: EpisodeInfo, shard: str, tasks: TaskSet) -> list[Any]:
    values = info.as_json() | {
        "shard": shard,
        "task": None if info.task is None else tasks.current_name(info.task),
        "truth": None if info.truth is None else json.dumps(info.truth),
    }
    return [values[column] for column in EPISODE_COLUMNS]


def _label_row(label: Label, line: int, tasks: TaskSet) -> list[Any]:
    return [
        label.label_id, line, label.episode_id, label.frame_index, tasks.current_name(label.task),
        label.outcome, label.by, label.source, label.at_ns, label.retracts, label.split,
    ]  # fmt: skip
