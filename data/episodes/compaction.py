"""Compaction: many small shards of one robot and day become few, since files cost more than rows.

A crash at any point loses nothing and shows nothing twice: the merged shard is written first, one
transaction moves the index over to it, and only then are the old shards deleted. What a crash
leaves behind is a shard to which no episode points; the next compaction deletes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.catalog.catalog import MOVES_WAIT_S, Catalog, no_shard_moves
from data.catalog.indexing import index_shard, relative, shard_files
from data.episodes.episodes import EpisodeInfo
from data.episodes.shards import episode_count, merge_shards, read_infos
from data.errors import CorruptData

SMALL_BYTES = 32 << 20
"""A shard below this size is merged with its neighbours, unless it holds many episodes."""
TARGET_BYTES = 256 << 20
"""A merged shard is not made larger than this."""
MOST_EPISODES = 64
"""Nor does it hold more: all that a shard says of itself is read before its first frame, and of so
many that takes little longer than of one (`benchmarks/frame_reading.py`)."""


_UNUSED = "SELECT path FROM shards WHERE path NOT IN (SELECT shard FROM episodes)"


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """What a compaction did."""

    merged: tuple[Path, ...]
    """The new shards."""
    deleted: tuple[Path, ...]
    """Shards whose episodes all lie elsewhere now."""
    damaged: tuple[CorruptData, ...]
    """Shards that could not be read; they were left alone."""


def compact(
    catalog: Catalog,
    *,
    small_bytes: int = SMALL_BYTES,
    target_bytes: int = TARGET_BYTES,
    most_episodes: int = MOST_EPISODES,
    wait_s: float = MOVES_WAIT_S,
) -> Compaction:
    """Merge the small shards of every robot and day. Others may read and write meanwhile.

    Raises:
        WorkspaceBusy: Another one, or a rebuild, took longer than `wait_s`.
        StorageFull: The disk is full; all episodes are where they were.
    """
    # Two at once would take each other's new shards for leftovers.
    with no_shard_moves(catalog.workspace, wait_s=wait_s):
        damaged = adopt_shards(catalog)
        deleted = _delete_unused(catalog)
        unreadable = {error.where for error in damaged}
        merged: list[Path] = []
        small = [
            path
            for path in shard_files(catalog.workspace)
            if str(path) not in unreadable and is_small(path, small_bytes, most_episodes)
        ]
        for batch in _batches(small, target_bytes, most_episodes):
            readable = batch
            while len(readable) > 1:
                try:
                    merged.append(_merge(catalog, readable))
                except CorruptData as error:
                    damaged.append(error)
                    readable = [path for path in readable if str(path) != error.where]
                else:
                    break
        deleted += _delete_unused(catalog)
    return Compaction(merged=tuple(merged), deleted=tuple(deleted), damaged=tuple(damaged))


def adopt_shards(catalog: Catalog) -> list[CorruptData]:
    """Index what a crash left unindexed, and copies of shards that have gone or are damaged.

    Returns:
        The errors of unindexed shards that cannot be read.
    """
    with catalog.transaction() as transaction:
        known = {row["path"] for row in transaction.rows("SELECT path FROM shards")}
    damaged: list[CorruptData] = []
    for path in shard_files(catalog.workspace):
        if relative(catalog.workspace, path) in known:
            continue
        try:
            infos = read_infos(path)
        except CorruptData as error:
            damaged.append(error)
            continue
        with catalog.transaction() as transaction:
            index_shard(transaction, catalog.workspace, path, infos)
        shard = relative(catalog.workspace, path)
        lost = _not_readable_elsewhere(catalog, [shard], infos)
        with catalog.transaction() as transaction:
            transaction.execute(
                "UPDATE episodes SET shard = ? WHERE list_contains(?::VARCHAR[], episode_id)",
                (shard, lost),
            )
    return damaged


def is_small(
    path: Path, small_bytes: int = SMALL_BYTES, most_episodes: int = MOST_EPISODES
) -> bool:
    """Whether a shard should be merged with others. Raises `CorruptData` where it must be read."""
    return path.stat().st_size < small_bytes and 2 * episode_count(path) <= most_episodes


def _batches(small: Sequence[Path], target_bytes: int, most_episodes: int) -> Iterator[list[Path]]:
    """Neighbouring small shards of one folder that fit into one."""
    for _, paths in itertools.groupby(small, key=lambda path: path.parent):
        batch: list[Path] = []
        size = count = 0
        for path in paths:
            more_bytes, more = path.stat().st_size, episode_count(path)
            if batch and (size + more_bytes > target_bytes or count + more > most_episodes):
                yield batch
                batch, size, count = [], 0, 0
            batch.append(path)
            size += more_bytes
            count += more
        yield batch


def _merge(catalog: Catalog, paths: Sequence[Path]) -> Path:
    """Write the merged shard and point the index at it; the old shards stay, unused."""
    merged = merge_shards(catalog.workspace, paths)
    infos = read_infos(merged)
    new = relative(catalog.workspace, merged)
    old = [relative(catalog.workspace, path) for path in paths]
    with catalog.transaction() as transaction:
        index_shard(transaction, catalog.workspace, merged, infos)
        transaction.execute(
            "UPDATE episodes SET shard = ? WHERE list_contains(?::VARCHAR[], shard)", (new, old)
        )
    return merged


def _delete_unused(catalog: Catalog) -> list[Path]:
    """Delete the shards to which no episode points, once it is sure that nothing is lost by it."""
    with catalog.transaction() as transaction:
        unused = {row["path"]: catalog.workspace.root / row["path"]
                  for row in transaction.rows(_UNUSED)}  # fmt: skip
    found: dict[str, list[EpisodeInfo] | None] = {}
    for shard, path in unused.items():
        try:
            found[shard] = read_infos(path)
        except CorruptData:
            found[shard] = None
    infos = [info for each in found.values() for info in each or ()]
    needed = set(_not_readable_elsewhere(catalog, unused, infos))
    useless = [
        shard
        for shard, each in found.items()
        if not unused[shard].exists()
        or (each is not None and needed.isdisjoint(info.episode_id for info in each))
    ]
    if not useless:
        return []
    with catalog.transaction() as transaction:  # somebody may have come to need one meanwhile
        still = {row["path"] for row in transaction.rows(_UNUSED)}
        deleted = [shard for shard in useless if shard in still]
        for shard in deleted:
            unused[shard].unlink(missing_ok=True)
        transaction.execute(
            "DELETE FROM shards WHERE list_contains(?::VARCHAR[], path)", (deleted,)
        )
    return [unused[shard] for shard in deleted]


def _not_readable_elsewhere(
    catalog: Catalog, shards: Collection[str], infos: Sequence[EpisodeInfo]
) -> list[str]:
    """Those of the episodes in `shards` that the shard the index names for them does not hold."""
    ids = [info.episode_id for info in infos]
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            "SELECT episode_id, shard FROM episodes "
            "WHERE list_contains(?::VARCHAR[], episode_id) "
            "AND NOT list_contains(?::VARCHAR[], shard)",
            (ids, list(shards)),
        )
    held: dict[str, set[str]] = {}
    for shard in {row["shard"] for row in rows}:
        try:
            held[shard] = {info.episode_id for info in read_infos(catalog.workspace.root / shard)}
        except CorruptData:
            held[shard] = set()
    return [row["episode_id"] for row in rows if row["episode_id"] not in held[row["shard"]]]
