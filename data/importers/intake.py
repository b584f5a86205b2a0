"""Taking episodes in: known ones are passed over, new ones gathered into shards and labelled.

An episode that comes from elsewhere has an identifier that follows from where it comes from, so
an import that was stopped goes on where it was, and one that is repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from data.catalog.catalog import Catalog
from data.cells.robots import register_imported
from data.episodes.episodes import Episode
from data.episodes.index import list_episodes, save_episodes
from data.importers.receipts import Batch, Receipt
from data.labels.labels import Label, append_labels, known_labels, unlike_undone
from data.transfers.tally import Tally

SHARD_BYTES = 64 << 20
"""Episodes are gathered in memory up to this size."""
_SHARD_EPISODES = 1000


class Intake:
    """Context manager; what was added is in the workspace when the block ends, however it ends.

    Args:
        tally: Counts what is taken in.
        receipt: Where it is written down first.
    """

    def __init__(self, catalog: Catalog, tally: Tally, receipt: Receipt) -> None:
        self._catalog = catalog
        self._tally = tally
        self._receipt = receipt
        self._waiting: dict[str, list[Episode]] = {}
        self._labels: list[Label] = []
        self._robots: set[str] = set()
        self._bytes = 0
        self._count = 0

    def known(self, episode_ids: Sequence[str]) -> set[str]:
        """Those of the episodes that the workspace has already."""
        found = list_episodes(self._catalog, episode_ids=episode_ids)
        return {each.info.episode_id for each in found}

    def add(self, episode: Episode, labels: Sequence[Label] = ()) -> None:
        """Take in an episode that is not known, with its labels. Raises `StorageFull`."""
        self._robots.add(episode.info.robot)
        self._waiting.setdefault(episode.info.robot, []).append(episode)
        self._labels += labels
        self._count += 1
        self._bytes += sum(
            len(jpeg) for step in episode.steps for jpeg in step.frames.jpegs.values()
        )
        if self._bytes >= SHARD_BYTES or self._count >= _SHARD_EPISODES:
            self.flush()

    def pass_over(self, robot: str, labels: Sequence[Label] = ()) -> None:
        """An episode of `robot` is known; its labels are appended all the same, since one may be
        missing."""
        self._robots.add(robot)
        self._tally.known += 1
        self._labels += labels
        if len(self._labels) >= _SHARD_EPISODES:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered: robots, shards, then labels. Raises `StorageFull`."""
        register_imported(self._catalog, self._robots)
        labels = unlike_undone(self._catalog, self._labels)
        known = known_labels(self._catalog, [label.label_id for label in labels])
        new = [label for label in labels if label.label_id not in known]
        self._receipt.add(
            Batch(
                episodes=[e.info.episode_id for each in self._waiting.values() for e in each],
                labels=[label.label_id for label in new],
            )
        )
        for episodes in self._waiting.values():
            save_episodes(self._catalog, episodes)
            self._tally.episodes += len(episodes)
            self._tally.frames += sum(len(each.steps) for each in episodes)
        self._waiting = {}
        append_labels(self._catalog, new)
        self._tally.labels += len(new)
        self._labels, self._bytes, self._count = [], 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.flush()
