"""Labels by task, outcome and origin: what a detector learned from (MT-Opt, Fig. 15)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from data.labels.splits import Split
from data.tasks.tasks import Outcome
from sd_model.examples.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class LabelCount:
    """Examples of one task, outcome, origin and role."""

    task: str
    outcome: Outcome
    origin: str
    """`derived`, or where the label was said: clip, person, simulator, review, import."""
    split: Split
    frames: int
    episodes: int


def count_labels(manifest: Manifest) -> tuple[LabelCount, ...]:
    """The examples of `manifest`, counted, in the order of its tasks."""
    frames: Counter[tuple[str, Outcome, str, Split]] = Counter()
    seen: set[tuple[tuple[str, Outcome, str, Split], str]] = set()
    for row in manifest.examples:
        origin = row.source if row.origin == "labelled" else "derived"
        key = (row.task, row.outcome, origin, row.split)
        frames[key] += 1
        seen.add((key, row.episode_id))
    episodes = Counter(key for key, _ in seen)
    order = {name: number for number, name in enumerate(manifest.tasks.names)}
    return tuple(
        LabelCount(
            task=key[0],
            outcome=key[1],
            origin=key[2],
            split=key[3],
            frames=frames[key],
            episodes=episodes[key],
        )
        for key in sorted(frames, key=lambda key: (order[key[0]], *key[1:]))
    )
