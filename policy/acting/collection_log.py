"""Which episodes a collection has made, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes
from data.storage import append


class CollectionLog:
    """The ids that were announced before their episodes were written, one robot's batch a line.

    An episode counts once it is in the catalog: of what was announced, a crash or a full disk may
    have kept the end from being written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def announce(self, robot: str, episode_ids: Sequence[str]) -> None:
        """Note that these episodes are about to be written. Raises `StorageFull`."""
        line = json.dumps([robot, list(episode_ids)]).encode()
        # Starting on a new line keeps one torn write from spoiling the next.
        append(self.path, b"\n" + line + b"\n")

    def saved(self, catalog: Catalog, robot: str) -> list[str]:
        """The episodes of `robot` that were written, in the order of the collection's plan."""
        announced = self._announced(robot)
        if not announced:
            return []
        found = list_episodes(catalog, episode_ids=announced)
        return [episode.info.episode_id for episode in found]

    def _announced(self, robot: str) -> list[str]:
        if not self.path.exists():
            return []
        announced: list[str] = []
        for line in self.path.read_bytes().splitlines():
            try:
                name, episode_ids = json.loads(line)
            except ValueError:  # empty, or torn
                continue
            if name == robot:
                announced.extend(episode_ids)
        return announced
