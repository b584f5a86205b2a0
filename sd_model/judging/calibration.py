"""Calibration: scores that come true as often as they say, and which of them are too close to call.

Training softens its targets and distorts its pictures, so a network is surer of clean pictures than
it says. One temperature for all logits, chosen on validation frames (Guo et al., On Calibration of
Modern Neural Networks, 2017), mends that and changes no order of scores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

SURE = 0.9
"""A success or failure of a smaller probability than this is too close to call."""

_COLDEST, _HOTTEST = 0.2, 5.0
_SATURATED = 1e-7
"""Scores are kept this far from 0 and 1, where float32 tells no logits apart."""


def fit_temperature(score_N: NDArray[np.floating], success_N: NDArray[np.bool_]) -> float:
    """The temperature by which logits are divided so that scores come true, 0.2 to 5.

    It has the smallest mean log loss on the given frames; 1 where they hold no success or no
    failure.

    Args:
        score_N: Scores before, 0 to 1.
        success_N: What came true.
    """
    if success_N.all() or not success_N.any():
        return 1.0
    towards_truth_N = np.where(success_N, 1.0, -1.0) * _logit(score_N)

    def mean_log_loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -towards_truth_N / np.exp(log_temperature)).mean())

    best = minimize_scalar(
        mean_log_loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded"
    )
    return float(np.exp(best.x))


def tempered(score_N: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """What the scores become where logits are divided by `temperature`; of any shape."""
    return (1 / (1 + np.exp(-_logit(score_N) / temperature))).astype(np.float32)


def too_close_to_call(
    score_NT: NDArray[np.floating], threshold_T: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Which scores name neither success nor failure with a probability of at least `SURE`.

    A score between `SURE` and a threshold above it is too close to call as well, and so is one
    between `1 - SURE` and a threshold below.

    Args:
        score_NT: Calibrated scores.
        threshold_T: From which each task counts as done.
    """
    failed_NT = score_NT <= np.minimum(1 - SURE, threshold_T)
    succeeded_NT = score_NT >= np.maximum(SURE, threshold_T)
    unsure_NT: NDArray[np.bool_] = ~(failed_NT | succeeded_NT)
    return unsure_NT


def _logit(score_N: NDArray[np.floating]) -> NDArray[np.float64]:
    kept_N = np.clip(score_N.astype(np.float64), _SATURATED, 1 - _SATURATED)
    logit_N: NDArray[np.float64] = np.log(kept_N) - np.log1p(-kept_N)
    return logit_N
