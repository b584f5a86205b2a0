"""Which episodes an export is about, and reading them one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeKind
from data.episodes.index import IndexedEpisode, list_episodes
from data.episodes.shards import stream_shard
from data.errors import InvalidInput
from data.tasks.store import load_tasks


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the exported episodes have in common; None means any."""

    kind: EpisodeKind | None = None
    robots: tuple[str, ...] | None = None
    task: str | None = None
    behaviour: str | None = None
    limit: int | None = None
    """Only the newest so many."""


def chosen_episodes(catalog: Catalog, choice: Choice) -> list[IndexedEpisode]:
    """The episodes that fit, oldest first. Raises `InvalidInput` where none does."""
    found = list_episodes(
        catalog,
        kind=choice.kind,
        robots=choice.robots,
        task=choice.task and load_tasks(catalog.workspace).current_name(choice.task),
        behaviour=choice.behaviour,
        limit=choice.limit,
    )
    if not found:
        raise InvalidInput(
            "No episode fits, so there is nothing to export.",
            where=catalog.workspace.root,
            next_step="Ask for less; `goalpost data episodes list` shows what there is.",
        )
    return found


def read_chosen(catalog: Catalog, episodes: Sequence[IndexedEpisode]) -> Iterator[Episode]:
    """The episodes with their frames, shard by shard. Raises `CorruptData`."""
    by_shard: dict[str, list[str]] = {}
    for episode in episodes:
        by_shard.setdefault(episode.shard, []).append(episode.info.episode_id)
    for shard, episode_ids in by_shard.items():
        yield from stream_shard(catalog.workspace.root / shard, episode_ids)
