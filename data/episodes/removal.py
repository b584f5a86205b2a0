"""Removing episodes: shards are immutable, so what stays of one is copied into a new shard.

A crash at any point loses nothing that was to stay. A shard that a crash leaves behind, to which no
episode points any more, is deleted by the next compaction.
"""

from __future__ import annotations

from collections.abc import Collection

from data.catalog.answers import refresh_answers
from data.catalog.catalog import MOVES_WAIT_S, Catalog, no_shard_moves
from data.catalog.indexing import index_shard, relative
from data.catalog.transaction import one_of
from data.episodes.index import list_episodes
from data.episodes.shards import merge_shards, read_infos


def remove_episodes(
    catalog: Catalog, episode_ids: Collection[str], *, wait_s: float = MOVES_WAIT_S
) -> int:
    """Take episodes out of the workspace; those that are not there change nothing.

    Labels that were given to them stay in the log and do not stand; they would again if the same
    episodes came back.

    Returns:
        How many were removed.

    Raises:
        WorkspaceBusy: A compaction or a rebuild took longer than `wait_s`.
        CorruptData: A shard that holds others too cannot be read; its episodes stay.
        StorageFull: The disk is full; the episodes of the shard at hand stay.
    """
    with no_shard_moves(catalog.workspace, wait_s=wait_s):
        found = list_episodes(catalog, episode_ids=episode_ids)
        by_shard: dict[str, list[str]] = {}
        for each in found:
            by_shard.setdefault(each.shard, []).append(each.info.episode_id)
        for shard, gone in by_shard.items():
            _remove(catalog, shard, gone)
    return len(found)


def _remove(catalog: Catalog, shard: str, gone: list[str]) -> None:
    path = catalog.workspace.root / shard
    with catalog.transaction() as transaction:
        [held] = transaction.rows("SELECT count(*) AS count FROM episodes WHERE shard = ?", [shard])
    rest = held["count"] > len(gone)
    kept = merge_shards(catalog.workspace, [path], without=gone) if rest else None
    infos = [] if kept is None else read_infos(kept)
    with catalog.transaction() as transaction:
        of_these, ids = one_of("episode_id", gone)
        transaction.execute(f"DELETE FROM episodes WHERE {of_these}", ids)
        if kept is not None:
            index_shard(transaction, catalog.workspace, kept, infos)
            transaction.execute(
                "UPDATE episodes SET shard = ? WHERE shard = ?",
                (relative(catalog.workspace, kept), shard),
            )
        refresh_answers(transaction, catalog.workspace, gone)
    # The index knows the old shard until it is gone: one it did not know would be taken in again.
    path.unlink(missing_ok=True)
    with catalog.transaction() as transaction:
        transaction.execute("DELETE FROM shards WHERE path = ?", (shard,))
