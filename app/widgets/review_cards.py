"""Cards of Review's galleries: what is known and said of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.decision_log import Item
from app.images import image_urls
from app.mistakes import item_of
from app.widgets.gallery import Card
from data.episodes.shards import FrameRef
from data.labels.labels import Label

_MOST_DIGITS = 6
"""Of a score."""


def frame_ref(row: Mapping[str, Any]) -> FrameRef:
    """Where the frame of a row of `items` lies."""
    return FrameRef(row["shard"], row["episode_id"], int(row["frame_index"]))


def make_cards(
    rows: Sequence[Mapping[str, Any]],
    checked: Mapping[Item, Label],
    excluded: Mapping[Item, Sequence[Item]],
    *,
    blind: bool,
    now_s: float,
) -> list[Card]:
    """A card a row of `app.mistakes.items`.

    Args:
        checked: What was answered in review.
        excluded: Per item, what becomes unsure when it is excluded.
        blind: Whether label and score are kept out of sight.
    """
    cards = []
    for row in rows:
        item = item_of(row)
        label = None if blind else checked.get(item)
        cards.append(
            Card(
                item_id=item.item_id,
                title=f"Success at {row['task']}?" if blind else row["task"],
                badge="" if blind or row["kind"] == "right" else row["kind"],
                tone="positive" if row["kind"] == "false positive" else "negative",
                lines=(f"{row['robot']}",) if blind else _lines(row),
                images=image_urls(frame_ref(row), now_s=now_s),
                outcome=row["outcome"],
                blind=blind,
                exclude=[each.item_id for each in excluded.get(item, [item])],
                checked=None if label is None else f"Checked: {label.outcome} ({label.by})",
                label_id=None if label is None else label.label_id,
            )
        )
    return cards


def told_apart(score: float, threshold: float) -> tuple[str, str]:
    """Both with as many digits as show which is larger, and that no threshold is 1."""
    for digits in range(2, _MOST_DIGITS + 1):
        told = (f"{score:.{digits}f}", f"{threshold:.{digits}f}")
        if float(told[1]) < 1 and (told[0] != told[1] or score == threshold):
            break
    return told


def _lines(row: Mapping[str, Any]) -> tuple[str, ...]:
    origin = f"follows from {row['from_task']}" if row["origin"] == "derived" else row["source"]
    lines = [
        f"Labelled {row['outcome']} ({origin})",
        "Detector: {} (success from {})".format(*told_apart(row["score"], row["threshold"])),
    ]
    if "score_before" in row:
        lines.append(f"The other detector: {row['score_before']:.2f}")
    if "agreement" in row:
        lines.append(f"Probability that the label is right: {row['agreement']:.0%}")
    where = "terminal frame"
    if row["item_frame"] < 0:
        where = f"clip, {row['wrong_frames']} of {row['judged_frames']} frames wrong"
    shown = f", showing {row['shown_task']}" if row["shown_task"] not in ("", row["task"]) else ""
    return (*lines, f"{row['robot']}, {where}{shown}")
