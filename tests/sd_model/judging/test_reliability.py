from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from sd_model.judging.reliability import (
    expected_calibration_error,
    reliability,
    reliability_bins,
    threshold_curve,
)
from sd_model.judging.scores import Place


def test_bins_tell_promise_from_truth() -> None:
    bins = reliability_bins(np.array([0.75, 0.79, 1.0]), np.array([True, False, True]))

    assert (bins[7].count, bins[7].success_share) == (2, 0.5)
    assert bins[7].mean_score == pytest.approx(0.77)
    assert (bins[9].count, bins[9].mean_score, bins[9].success_share) == (1, 1.0, 1.0)
    # Two frames promise 0.77 where 0.5 came true, one promises and keeps 1: (2 * 0.27) / 3.
    assert expected_calibration_error(bins) == pytest.approx(0.18)
    assert expected_calibration_error(()) == 0.0


def test_frames_of_other_tasks_do_not_flatter(table: Callable[..., pd.DataFrame]) -> None:
    judged = table(
        [
            ("a", "lift-any", "lift-any", "success", 0.95),
            ("a", "lift-any", "place-any", "failure", 0.0),
        ]
    )

    found = reliability(judged, Place("holdout", "robot-7"))

    assert found.count == 1
    assert found.expected_calibration_error == pytest.approx(0.05)


def test_a_curve_counts_what_each_threshold_would_do(table: Callable[..., pd.DataFrame]) -> None:
    judged = table(
        [
            ("a", "lift-any", "lift-any", "success", 0.75),
            ("b", "lift-any", "lift-any", "success", 0.25),
            ("c", "lift-any", "lift-any", "failure", 0.5),
        ]
    )

    curve = threshold_curve(judged, "lift-any")

    at_half = curve.threshold.index(0.5)
    assert (curve.false_negative[at_half], curve.false_positive[at_half]) == (0.5, 1.0)
    assert (curve.false_negative[at_half + 1], curve.false_positive[at_half + 1]) == (0.5, 0.0)
    assert (curve.false_negative[-1], curve.false_positive[0]) == (1.0, 1.0)
    assert (curve.successes, curve.failures) == (2, 1)
