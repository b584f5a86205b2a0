"""Filling the catalog's tables from the files that hold the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import label_log
from data.episodes import EpisodeInfo
from data.errors import CorruptData
from data.label_log import Label
from data.shards import read_infos
from data.task_store import load_tasks
from data.tasks import TaskSet
from data.workspace import Workspace

if TYPE_CHECKING:
    from data.catalog import Transaction

EPISODE_COLUMNS = (
    "episode_id", "shard", "robot", "kind", "behaviour", "task", "outcome", "pair_id", "start",
    "recorded_at_ns", "step_count", "truth",
)  # fmt: skip
LABEL_COLUMNS = (
    "label_id", "line", "episode_id", "frame_index", "task", "outcome", "by", "source", "at_ns",
    "retracts", "split",
)  # fmt: skip
_SHARD_COLUMNS = ("path", "robot", "day", "episode_count", "size_bytes")


def relative(workspace: Workspace, path: Path) -> str:
    """The name under which the catalog knows a shard."""
    return path.resolve().relative_to(workspace.root).as_posix()


def index_shard(
    transaction: Transaction, workspace: Workspace, path: Path, infos: Sequence[EpisodeInfo]
) -> None:
    """Enter a shard and those of its episodes that no other shard holds; twice does no harm."""
    shard = relative(workspace, path)
    transaction.insert_new(
        "shards",
        _SHARD_COLUMNS,
        [(shard, path.parent.parent.name, path.parent.name, len(infos), path.stat().st_size)],
    )
    tasks = load_tasks(workspace)
    transaction.insert_new(
        "episodes", EPISODE_COLUMNS, [_episode_row(info, shard, tasks) for info in infos]
    )


def index_all_shards(transaction: Transaction, workspace: Workspace) -> None:
    """Enter every readable shard of the workspace; damaged ones are left to `check`."""
    for path in shard_files(workspace):
        try:
            infos = read_infos(path)
        except CorruptData:
            continue
        index_shard(transaction, workspace, path, infos)


def index_labels(transaction: Transaction, workspace: Workspace) -> None:
    """Enter what the log of labels holds beyond the part that is indexed."""
    path = workspace.labels_path
    state = transaction.rows("SELECT labels_bytes, labels_lines FROM catalog_state")[0]
    size = log_size(workspace)
    if size == state["labels_bytes"]:
        return
    if size < state["labels_bytes"]:  # someone restored an older log: begin again
        transaction.execute("DELETE FROM labels")
        state = {"labels_bytes": 0, "labels_lines": 0}
    part = label_log.read(
        path, start_bytes=state["labels_bytes"], start_lines=state["labels_lines"]
    )
    tasks = load_tasks(workspace)
    transaction.insert_new(
        "labels", LABEL_COLUMNS, [_label_row(label, line, tasks) for line, label in part.labels]
    )
    transaction.execute(
        "UPDATE catalog_state SET labels_bytes = ?, labels_lines = ?",
        (part.end_bytes, part.end_lines),
    )


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
    values = vars(label) | {"line": line, "task": tasks.current_name(label.task)}
    return [values[column] for column in LABEL_COLUMNS]
