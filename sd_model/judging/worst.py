"""The worst mistakes: the frames on which a detector is most certain of what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import pandas as pd

from sd_model.judging.scores import records

MistakeKind = Literal["false positive", "false negative"]
KINDS: tuple[MistakeKind, ...] = ("false positive", "false negative")
SHOWN = 8
"""Mistakes of each kind that a report shows."""


@dataclass(frozen=True, kw_only=True)
class WorstMistake:
    """One frame with what was known and what was said of it."""

    kind: MistakeKind
    robot: str
    task: str
    shown_task: str
    """What the clip shows or the robot was told to do; empty where nobody said."""
    episode_id: str
    frame_index: int
    shard: str
    score: float
    threshold: float
    origin: str
    source: str
    from_task: str


_SHOWN = [field.name for field in fields(WorstMistake) if field.name != "kind"]


def with_threshold(judged: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """`judged` with columns `threshold`, `wrong` and `certainty`, at the given thresholds.

    `certainty` is how far the score is on its side of the threshold, as a share of the largest
    distance possible there, 0 to 1.
    """
    threshold_N = judged["task"].map(dict(thresholds)).to_numpy(np.float64)
    score_N = judged["score"].to_numpy(np.float64)
    decision_N = score_N >= threshold_N
    room_N = np.where(decision_N, 1 - threshold_N, threshold_N)
    distance_N = np.abs(score_N - threshold_N)
    certainty_N = np.divide(distance_N, room_N, out=np.ones_like(room_N), where=room_N > 0)
    return judged.assign(
        threshold=threshold_N,
        wrong=decision_N != (judged["outcome"] == "success").to_numpy(),
        certainty=certainty_N,
    )


def worst_mistakes(
    judged: pd.DataFrame, thresholds: Mapping[str, float]
) -> tuple[WorstMistake, ...]:
    """The most certain mistakes on held-out robots: `SHOWN` a kind, one an episode and task."""
    rows = with_threshold(judged[judged["split"] == "holdout"], thresholds)
    rows = rows[rows["wrong"]].sort_values(
        ["certainty", "episode_id", "frame_index"], ascending=[False, True, True], kind="stable"
    )
    rows = rows.drop_duplicates(["episode_id", "task"])
    found: list[WorstMistake] = []
    for kind in KINDS:
        outcome = "failure" if kind == "false positive" else "success"
        found += [
            WorstMistake(kind=kind, **row)
            for row in records(rows.loc[rows["outcome"] == outcome, _SHOWN].head(SHOWN))
        ]
    return tuple(found)
