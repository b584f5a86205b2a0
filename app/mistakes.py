"""What a detector and the labels disagree about, at its own thresholds or at others.

A person corrects a whole clip or one terminal frame, so the judged frames are gathered into such
items: a row each, with the columns of `items`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.decision_log import Item
from data.labels.labels import Label
from sd_model.judging.scores import records
from sd_model.judging.worst import with_threshold

ITEM = ["episode_id", "item_frame", "task"]
"""The columns that name an item; `item_frame` is `WHOLE_CLIP` for a clip."""
WHOLE_CLIP = -1


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often a detector was wrong among judged frames."""

    successes: int
    failures: int
    false_positives: int
    """Failures that were taken for success."""
    false_negatives: int
    """Successes that were taken for failure."""

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the failures; None without any."""
        return self.false_positives / self.failures if self.failures else None

    @property
    def false_negative_rate(self) -> float | None:
        """Share of the successes; None without any."""
        return self.false_negatives / self.successes if self.successes else None


def tally(judged: pd.DataFrame, thresholds: Mapping[str, float]) -> Tally:
    """Count the judged frames and the mistakes among them at `thresholds`."""
    marked = with_threshold(judged, thresholds)
    success, wrong = marked["outcome"] == "success", marked["wrong"]
    return Tally(
        successes=int(success.sum()),
        failures=int((~success).sum()),
        false_positives=int((wrong & ~success).sum()),
        false_negatives=int((wrong & success).sum()),
    )


def items(judged: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """What can be corrected: whole clips and terminal frames, a row for each of their tasks.

    Args:
        judged: The table of `sd_model.judging.scores`.

    Returns:
        Per item the row of its most certain wrong frame, or of its least certain one where all are
        right, with the columns of `judged` and `item_frame`, `threshold`, `certainty` (of that
        frame, 0 to 1), `wrong_frames`, `judged_frames` and `kind` ("false positive", "false
        negative" or "right"). In no special order.
    """
    marked = with_threshold(judged, thresholds)
    marked["item_frame"] = np.where(marked["kind"] == "clip", WHOLE_CLIP, marked["frame_index"])
    marked["kind_of_episode"] = marked.pop("kind")
    groups = marked.groupby(ITEM, observed=True, sort=False)["wrong"]
    marked["wrong_frames"] = groups.transform("sum")
    marked["judged_frames"] = groups.transform("size")
    # Wrong frames first, the most certain one leading; then right ones, the least certain leading.
    marked["order"] = np.where(marked["wrong"], -marked["certainty"], 1 + marked["certainty"])
    shown = marked.sort_values("order", kind="stable").drop_duplicates(ITEM).drop(columns="order")
    wrong_kind = np.where(shown["outcome"] == "success", "false negative", "false positive")
    return shown.assign(kind=np.where(shown["wrong"], wrong_kind, "right"))


def item_of(row: Mapping[str, Any]) -> Item:
    """The item of one row of `items`, by column."""
    frame = None if row["item_frame"] == WHOLE_CLIP else int(row["item_frame"])
    return Item(str(row["episode_id"]), frame, str(row["task"]))


def among(found: pd.DataFrame, asked: Collection[Item]) -> NDArray[np.bool_]:
    """Which rows of `items` are one of `asked`, (N,)."""
    marked_N = found["episode_id"].isin({item.episode_id for item in asked}).to_numpy(copy=True)
    rows = found[marked_N]
    marked_N[marked_N] = [item_of(row) in asked for row in records(rows)]
    return marked_N


def as_corrected(judged: pd.DataFrame, corrections: Mapping[Item, Label]) -> pd.DataFrame:
    """The judged frames with the outcomes that people gave in review, without `unsure` ones."""
    said = {item: label.outcome for item, label in corrections.items()}
    rows = judged[judged["episode_id"].isin({item.episode_id for item in said})]
    frames = rows["frame_index"].astype(object).where(rows["kind"] != "clip", None)
    keys = zip(rows["episode_id"], frames, rows["task"], strict=True)
    answers = [said.get(Item(*key)) for key in keys]
    outcome = judged["outcome"].astype(str)
    for index, answer in zip(rows.index, answers, strict=True):
        if answer is not None:
            outcome[index] = answer
    return judged.assign(outcome=outcome)[outcome != "unsure"]
