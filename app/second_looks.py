"""Second looks: a share of what was checked in review is asked again, blind.

Whoever checks a label beside the detector's answer leans towards it. How often people give the same
answer without seeing it shows how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from app.decision_log import Item
from data.labels.labels import Label

SHARE = 0.2
"""Share of the checked items that is asked again."""


@dataclass(frozen=True, kw_only=True)
class SecondLooks:
    """What was asked again, and what still is to be."""

    waiting: tuple[Item, ...]
    asked: int
    """Items that were answered a second time."""
    agreed: int
    """Of these, how many got the same answer."""


def second_looks(reviews: Sequence[Label], share: float = SHARE) -> SecondLooks:
    """Which checked items to ask again.

    Args:
        reviews: Every review label that is not taken back, oldest first, replaced ones too.
        share: Share of the items that is asked again; which ones depends on their first label
            alone, so that they stay the same however often a page is opened.
    """
    by_item: dict[Item, list[Label]] = {}
    for label in reviews:
        by_item.setdefault(Item(label.episode_id, label.frame_index, label.task), []).append(label)
    waiting, asked, agreed = [], 0, 0
    for item, labels in by_item.items():
        if not _drawn(labels[0].label_id, share):
            continue
        if len(labels) == 1:
            waiting.append(item)
        else:
            asked += 1
            agreed += labels[0].outcome == labels[1].outcome
    return SecondLooks(waiting=tuple(waiting), asked=asked, agreed=agreed)


def _drawn(label_id: str, share: float) -> bool:
    digest = blake2b(label_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 < share
