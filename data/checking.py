"""Checking a workspace: which of its files cannot be read, and what that costs."""

from __future__ import annotations

from data.catalog.catalog import Catalog
from data.catalog.indexing import relative, shard_files
from data.cells.robots import load_robots
from data.episodes.compaction import adopt_shards
from data.episodes.shards import read_infos, read_shard
from data.errors import CorruptData, GoalpostError
from data.labels import log as label_log
from data.runs.runs import open_run
from data.tasks.store import load_tasks


def check_workspace(catalog: Catalog, *, thorough: bool = False) -> list[GoalpostError]:
    """Look at every file that holds data; index the shards that a crash left unindexed.

    Args:
        thorough: Read every image too, not only the description of every shard.

    Returns:
        One error for each damaged or missing file; an empty list if all is well.
    """
    workspace = catalog.workspace
    adopt_shards(catalog)
    found: list[GoalpostError] = []
    paths = shard_files(workspace)
    with catalog.transaction() as transaction:
        indexed = {row["shard"] for row in transaction.rows("SELECT DISTINCT shard FROM episodes")}
    missing = indexed - {relative(workspace, path) for path in paths}
    for path in paths + [workspace.root / name for name in sorted(missing)]:
        try:
            for info in read_infos(path):
                if thorough:
                    read_shard(path, [info.episode_id])
        except CorruptData as error:
            found.append(error)
    for number in label_log.read(workspace.labels_path).unreadable:
        found.append(
            CorruptData(
                f"Line {number + 1} of the log of labels is not a label; it is passed over.",
                where=workspace.labels_path,
                next_step="A crash in mid-write leaves such a line; all other labels count.",
            )
        )
    for load in (load_tasks, load_robots):
        try:
            load(workspace)
        except CorruptData as error:
            found.append(error)
    for spec in sorted(workspace.runs.glob("*/spec.json")):
        try:
            open_run(spec.parent).status()
        except CorruptData as error:
            found.append(error)
    return found
