"""Reliability: whether a score of 0.8 comes true in eight of ten, and what thresholds would do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sd_model.judging.scores import Place, at_place, of_own_task

BINS = 10
"""Bins of equal width between 0 and 1."""
STEPS = 51
"""Thresholds of a curve, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Bin:
    """The frames whose scores lie in one stretch."""

    low: float
    high: float
    count: int
    mean_score: float
    """What the detector promised; the middle of the bin where it is empty."""
    success_share: float
    """What came true; 0 where the bin is empty."""


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How well scores are probabilities at one place, over the tasks' own frames."""

    robot: str
    split: str
    count: int
    expected_calibration_error: float
    """Mean distance between promise and truth over the frames, 0 to 1."""
    bins: tuple[Bin, ...]


@dataclass(frozen=True, kw_only=True)
class ThresholdCurve:
    """What every threshold would do with one task's own frames on the held-out robots."""

    task: str
    threshold: tuple[float, ...]
    false_negative: tuple[float, ...]
    """Share of the successes below each threshold."""
    false_positive: tuple[float, ...]
    """Share of the failures at or above each threshold."""
    successes: int
    failures: int


def reliability_bins(
    score_N: NDArray[np.floating], success_N: NDArray[np.bool_]
) -> tuple[Bin, ...]:
    """The scores in `BINS` bins; a score of 1 belongs to the last."""
    which_N = np.minimum((score_N * BINS).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        here = which_N == number
        count = int(here.sum())
        low, high = number / BINS, (number + 1) / BINS
        bins.append(
            Bin(
                low=low,
                high=high,
                count=count,
                mean_score=float(score_N[here].mean()) if count else (low + high) / 2,
                success_share=float(success_N[here].mean()) if count else 0.0,
            )
        )
    return tuple(bins)


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Mean over the frames of how far their bin's promise is from what came true; 0 for none."""
    count = sum(each.count for each in bins)
    gaps = (each.count * abs(each.mean_score - each.success_share) for each in bins)
    return sum(gaps) / count if count else 0.0


def reliability(judged: pd.DataFrame, place: Place) -> Reliability:
    """The reliability at `place`. Other tasks' frames are left out: easy failures flatter it."""
    here = at_place(judged, place)
    here = here[of_own_task(here)]
    bins = reliability_bins(
        here["score"].to_numpy(np.float64), (here["outcome"] == "success").to_numpy()
    )
    return Reliability(
        robot=place.robot,
        split=place.split,
        count=len(here),
        expected_calibration_error=expected_calibration_error(bins),
        bins=bins,
    )


def threshold_curve(judged: pd.DataFrame, task: str) -> ThresholdCurve:
    """The curve of `task`; a share over no frames is 0."""
    rows = judged[(judged["split"] == "holdout") & (judged["task"] == task)]
    rows = rows[of_own_task(rows)]
    score_N = rows["score"].to_numpy(np.float64)
    success_N = (rows["outcome"] == "success").to_numpy()
    value_K = np.linspace(0, 1, STEPS)
    below_S = np.searchsorted(np.sort(score_N[success_N]), value_K)
    below_F = np.searchsorted(np.sort(score_N[~success_N]), value_K)
    successes, failures = int(success_N.sum()), int((~success_N).sum())
    return ThresholdCurve(
        task=task,
        threshold=tuple(np.round(value_K, 4).tolist()),
        false_negative=tuple((below_S / max(1, successes)).tolist()),
        false_positive=tuple(((failures - below_F) / max(1, failures)).tolist()),
        successes=successes,
        failures=failures,
    )
