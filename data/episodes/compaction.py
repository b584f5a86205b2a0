"""Compaction: many small shards of one robot and day become few, since files cost more than rows.

A crash at any point loses nothing and shows nothing twice: the merged shard is written first, one
transaction moves the index over to it, and only then are the old shards deleted. What a crash
leaves behind is a shard to which no episode points; the next compaction deletes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.catalog.catalog import Catalog, no_shard_moves
from data.catalog.indexing import index_shard, relative, shard_files
from data.episodes.episodes import EpisodeInfo
from data.episodes.shards import merge_shards, read_infos
from data.errors import CorruptData

SMALL_BYTES = 32 << 20
"""A shard below this size is merged with its neighbours."""
TARGET_BYTES = 256 << 20
"""A merged shard is not made larger than this."""


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
    catalog: Catalog, *, small_bytes: int = SMALL_BYTES, target_bytes: int = TARGET_BYTES
) -> Compaction:
    """Merge the small shards of every robot and day. Others may read and write meanwhile.

    Raises:
        WorkspaceBusy: Another one, or a rebuild, took longer than the catalog's time-out.
        StorageFull: The disk is full; all episodes are where they were.
    """
    # Two at once would take each other's new shards for leftovers.
    with no_shard_moves(catalog.workspace, wait_s=catalog.timeout_s):
        damaged = adopt_shards(catalog)
        deleted = _delete_unused(catalog)
        unreadable = {error.where for error in damaged}
        merged: list[Path] = []
        for batch in _batches(catalog, unreadable, small_bytes, target_bytes):
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
        lost = _not_readable_elsewhere(catalog, path, infos)
        with catalog.transaction() as transaction:
            transaction.execute(
                "UPDATE episodes SET shard = ? WHERE list_contains(?::VARCHAR[], episode_id)",
                (relative(catalog.workspace, path), lost),
            )
    return damaged


def _batches(
    catalog: Catalog, unreadable: set[str | None], small_bytes: int, target_bytes: int
) -> Iterator[list[Path]]:
    """Neighbouring small shards of one folder that fit into one."""
    small = [
        path
        for path in shard_files(catalog.workspace)
        if path.stat().st_size < small_bytes and str(path) not in unreadable
    ]
    for _, paths in itertools.groupby(small, key=lambda path: path.parent):
        batch: list[Path] = []
        size = 0
        for path in paths:
            if batch and size + path.stat().st_size > target_bytes:
                yield batch
                batch, size = [], 0
            batch.append(path)
            size += path.stat().st_size
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
        unused = transaction.rows(
            "SELECT path FROM shards WHERE path NOT IN (SELECT shard FROM episodes)"
        )
    deleted: list[Path] = []
    for row in unused:
        path = catalog.workspace.root / row["path"]
        try:
            needed = _not_readable_elsewhere(catalog, path, read_infos(path))
        except CorruptData:
            needed = ["unknown"]
        if path.exists() and needed:
            continue
        path.unlink(missing_ok=True)
        deleted.append(path)
        with catalog.transaction() as transaction:
            transaction.execute("DELETE FROM shards WHERE path = ?", (row["path"],))
    return deleted


def _not_readable_elsewhere(
    catalog: Catalog, path: Path, infos: Sequence[EpisodeInfo]
) -> list[str]:
    """Those of the episodes in `path` that the shard the index names for them does not hold."""
    ids = [info.episode_id for info in infos]
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            "SELECT episode_id, shard FROM episodes "
            "WHERE list_contains(?::VARCHAR[], episode_id) AND shard <> ?",
            (ids, relative(catalog.workspace, path)),
        )
    held: dict[str, set[str]] = {}
    for shard in {row["shard"] for row in rows}:
        try:
            held[shard] = {info.episode_id for info in read_infos(catalog.workspace.root / shard)}
        except CorruptData:
            held[shard] = set()
    return [row["episode_id"] for row in rows if row["episode_id"] not in held[row["shard"]]]
