"""The galleries of Review: which items each shows, in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from app.decision_log import Item
from app.mistakes import ITEM, WHOLE_CLIP, items
from sd_model.judging.comparison import common_rows
from sd_model.judging.suspicion import suspicious_labels

Gallery = Literal[
    "false positives",
    "false negatives",
    "least sure",
    "suspicious",
    "disagreement",
    "second look",
    "newest policy",
]
GALLERIES: Mapping[Gallery, str] = {
    "false positives": "The detector said success, the label says failure.",
    "false negatives": "The detector said failure, the label says success.",
    "least sure": "The score lies nearest to the threshold: cases to learn most from.",
    "suspicious": "Labels that a detector which never saw them finds most improbable. Either it or "
    "the label is wrong; nothing is changed by itself.",
    "disagreement": "The other detector decides otherwise.",
    "second look": "Checked once already, and asked again without label and score in sight: do the "
    "answers agree?",
    "newest policy": "A random sample of what the newest policy did, judged by you alone: is what "
    "the detector rewards still success?",
}


@dataclass(frozen=True, kw_only=True)
class JudgedFilter:
    """Which judged examples a person wants to see; empty: all."""

    split: str
    tasks: Collection[str] = ()
    robots: Collection[str] = ()
    sources: Collection[str] = ()
    """Where the label was said, or `derived`."""
    days: tuple[date, date] | None = None
    """First and last day of recording, in UTC."""
    confidence: tuple[float, float] = field(default=(0.0, 1.0))
    """How far the score is from 0.5, from unsure (0) to certain (1)."""

    def apply(self, judged: pd.DataFrame) -> pd.DataFrame:
        """The rows of the table of scores that pass."""
        kept = judged["split"] == self.split
        for column, names in (("task", self.tasks), ("robot", self.robots)):
            if names:
                kept &= judged[column].isin(names)
        if self.sources:
            derived = judged["origin"] == "derived"
            kept &= (derived & ("derived" in self.sources)) | (
                ~derived & judged["source"].isin(self.sources)
            )
        if self.days:
            at_ns = judged["recorded_at_ns"]
            first, last = (_midnight_ns(day) for day in self.days)
            kept &= (at_ns >= first) & (at_ns < last + _DAY_NS)
        low, high = self.confidence
        if (low, high) != (0.0, 1.0):
            certain = (2 * judged["score"].astype(float) - 1).abs()
            kept &= (certain >= low) & (certain <= high)
        return judged[kept]


def gallery_items(
    gallery: Gallery,
    judged: pd.DataFrame,
    thresholds: Mapping[str, float],
    *,
    other: pd.DataFrame | None = None,
    second_looks: Collection[Item] = (),
) -> pd.DataFrame:
    """The items of one gallery in its order, with the columns of `app.mistakes.items`.

    Args:
        judged: The judged examples to look at.
        thresholds: By task.
        other: What another detector said, for `disagreement`.
        second_looks: The items to ask again, for `second look`.
    """
    if gallery == "disagreement":
        return _disagreement(judged, thresholds, other)
    found = items(judged, thresholds)
    if gallery in ("false positives", "false negatives"):
        found = found[found["kind"] == gallery.removesuffix("s")]
        return _sorted(found, "certainty", ascending=False)
    if gallery == "least sure":
        return _sorted(found, "certainty", ascending=True)
    if gallery == "suspicious":
        labels = suspicious_labels(judged)
        doubted = labels[labels["doubted"]]
        found = found[found["origin"] == "labelled"].drop(columns="outcome")
        merged = found.merge(doubted, on=["episode_id", "label_id", "task"])
        return _sorted(merged, "surprise", ascending=False)
    wanted = {
        (item.episode_id, WHOLE_CLIP if item.frame_index is None else item.frame_index, item.task)
        for item in second_looks
    }
    keys = zip(*(found[column] for column in ITEM), strict=True)
    return _sorted(found[[key in wanted for key in keys]], "certainty", ascending=True)


def _disagreement(
    judged: pd.DataFrame, thresholds: Mapping[str, float], other: pd.DataFrame | None
) -> pd.DataFrame:
    """Items on one frame of which, at least, the decisions differ; the largest difference first."""
    if other is None:
        return items(judged[:0], thresholds)
    common = common_rows(judged, other)
    threshold_N = common["task"].map(dict(thresholds)).to_numpy(np.float64)
    differs = (common["score"].to_numpy(np.float64) >= threshold_N) != common["decision_before"]
    found = items(common[differs], thresholds)
    gap = (found["score"] - found["score_before"]).abs()
    return _sorted(found.assign(gap=gap), "gap", ascending=False)


def _sorted(found: pd.DataFrame, column: str, *, ascending: bool) -> pd.DataFrame:
    return found.sort_values(
        [column, *ITEM], ascending=[ascending, True, True, True], ignore_index=True
    )


_DAY_NS = 86_400_000_000_000


def _midnight_ns(day: date) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return (midnight - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
