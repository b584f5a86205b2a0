"""What people said in review: which answers stand, what they replaced, and who said so when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.decision_log import Item
from app.second_looks import SecondLooks, second_looks
from data.catalog.catalog import Catalog
from data.labels.labels import Label, label_history, standing_labels

MOST_REVIEWS = 100_000
"""The newest so many events are read; nobody reviews more by hand."""


@dataclass(frozen=True)
class Reviews:
    """Every review answer that was not taken back, in the order of the log, replaced ones too."""

    labels: tuple[Label, ...]

    @cached_property
    def by_item(self) -> Mapping[Item, Label]:
        """The newest answer to each item."""
        return {
            Item(label.episode_id, label.frame_index, label.task): label for label in self.labels
        }

    @cached_property
    def looks(self) -> SecondLooks:
        """Which items are to be asked again, and what came of it."""
        return second_looks(self.labels)

    def since(self, at_ns: int) -> list[Label]:
        """The newest answers to the items that were answered after `at_ns` [ns since the epoch]."""
        return [label for label in self.by_item.values() if label.at_ns > at_ns]


def load_reviews(catalog: Catalog) -> Reviews:
    """The review answers in the catalog."""
    events = label_history(catalog, source="review", limit=MOST_REVIEWS)
    taken_back = {event.retracts for event in events if event.retracts is not None}
    kept = [
        event for event in events if event.retracts is None and event.label_id not in taken_back
    ]
    # As in the log, whatever the clocks of browsers say: so it is decided which answer stands.
    return Reviews(tuple(reversed(kept)))


def items_to_exclude(catalog: Catalog, items: Sequence[Item]) -> dict[Item, list[Item]]:
    """For each item, everything to make unsure so that its frame trains nothing at all."""
    stated: dict[str, list[Item]] = {}
    for label in standing_labels(catalog, episode_ids={item.episode_id for item in items}):
        if label.outcome != "unsure":
            found = Item(label.episode_id, label.frame_index, label.task)
            stated.setdefault(label.episode_id, []).append(found)
    return {item: stated.get(item.episode_id) or [item] for item in items}
