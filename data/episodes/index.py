"""Finding episodes: which there are, and in which shard each one lies."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.catalog.catalog import Catalog
from data.catalog.indexing import EPISODE_COLUMNS, index_shard
from data.catalog.transaction import Transaction, one_of
from data.episodes.episodes import Episode, EpisodeInfo
from data.episodes.shards import EpisodeStream, read_infos, read_shard, write_shard, write_streams
from data.errors import unknown_name

_COLUMNS = ", ".join(EPISODE_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class IndexedEpisode:
    """An episode and where it lies."""

    info: EpisodeInfo
    shard: str
    """Path relative to the workspace's root."""


def add_shard(catalog: Catalog, path: Path) -> None:
    """Enter a shard that `write_shard` wrote; entering it again does no harm.

    Raises:
        CorruptData: The shard cannot be read.
    """
    infos = read_infos(path)
    with catalog.transaction() as transaction:
        index_shard(transaction, catalog.workspace, path, infos)


def save_episodes(catalog: Catalog, episodes: Sequence[Episode]) -> Path:
    """Store episodes of one robot in a new shard and enter it. Raises like `write_shard`."""
    path = write_shard(catalog.workspace, episodes)
    add_shard(catalog, path)
    return path


def save_streams(catalog: Catalog, episodes: Sequence[EpisodeStream]) -> Path:
    """`save_episodes` for episodes that may not fit into memory."""
    path = write_streams(catalog.workspace, episodes)
    add_shard(catalog, path)
    return path


def list_episodes(
    catalog: Catalog,
    *,
    robots: Collection[str] | None = None,
    kind: str | None = None,
    task: str | None = None,
    behaviour: str | None = None,
    episode_ids: Collection[str] | None = None,
    without: Collection[str] = (),
    limit: int | None = None,
) -> list[IndexedEpisode]:
    """The episodes that fit every filter given, oldest first.

    Args:
        without: Episodes that are known already.
        limit: Keeps the newest ones.
    """
    conditions: list[str] = []
    parameters: list[object] = []
    for column, names in (("robot", robots), ("episode_id", episode_ids)):
        if names is not None:
            of_these, listed = one_of(column, names)
            conditions.append(of_these)
            parameters += listed
    for column, value in (("kind", kind), ("task", task), ("behaviour", behaviour)):
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    if without:
        conditions.append("episode_id NOT IN (SELECT unnest(?::VARCHAR[]))")
        parameters.append(list(without))
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    newest = " LIMIT ?" if limit is not None else ""
    with catalog.transaction() as transaction:
        found = indexed_episodes(
            transaction,
            f"{where}ORDER BY recorded_at_ns DESC, episode_id DESC{newest}",
            [*parameters, *([] if limit is None else [limit])],
        )
    return found[::-1]


def find_episode(catalog: Catalog, episode_id: str) -> IndexedEpisode:
    """What is known of one episode. Raises `UnknownName` where there is none of that name."""
    found = list_episodes(catalog, episode_ids=[episode_id])
    if not found:
        raise unknown_name(
            "episode",
            episode_id,
            [episode.info.episode_id for episode in list_episodes(catalog, limit=5)],
            where=catalog.workspace.root,
            next_step="`goalpost data episodes list` shows all episodes.",
        )
    return found[0]


def load_episode(catalog: Catalog, episode_id: str) -> Episode:
    """The episode with its frames.

    Raises:
        UnknownName: There is no such episode.
        CorruptData: Its shard is damaged or gone.
    """
    shard = find_episode(catalog, episode_id).shard
    return read_shard(catalog.workspace.root / shard, [episode_id])[0]


def indexed_episodes(
    transaction: Transaction,
    condition: str,
    parameters: Sequence[object] = (),
    *,
    source: str = "episodes",
) -> list[IndexedEpisode]:
    """The episodes of a table that a condition (from `WHERE` on) leaves, in its order."""
    rows = transaction.rows(f"SELECT {_COLUMNS} FROM {source} {condition}", parameters)
    return [_indexed(row) for row in rows]


def _indexed(row: dict[str, Any]) -> IndexedEpisode:
    shard = row.pop("shard")
    if row["truth"] is not None:
        row["truth"] = json.loads(row["truth"])
    return IndexedEpisode(info=EpisodeInfo(**row), shard=shard)
