from __future__ import annotations

import numpy as np
import pytest

from sd_model.judging.metrics import (
    Interval,
    MeanRate,
    Rate,
    area_under_curve,
    error_rate,
    mean_of_other,
    mean_of_own,
    task_metrics,
    wilson,
)


def test_wilson_of_no_error_in_three_hundred() -> None:
    # z^2 / (n + z^2) with z = 1.959964: 3.841459 / 303.841459.
    low, high = wilson(0, 300)

    assert low == 0.0
    assert high == pytest.approx(3.841459 / 303.841459, abs=1e-6)


def test_wilson_of_one_half() -> None:
    # Symmetric about 1/2; half-width z / sqrt(n + z^2) / 2 with n = 100.
    low, high = wilson(50, 100)

    assert low + high == pytest.approx(1.0)
    assert high - 0.5 == pytest.approx(0.5 * 1.959964 / 103.841459**0.5, abs=1e-6)


def test_nothing_judged_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_frames_of_a_clip_count_as_one_look() -> None:
    wrong_N = np.array([True, True, False, False])

    rate = error_rate(wrong_N, np.array(["a", "a", "b", "b"]))

    assert (rate.errors, rate.count, rate.episodes, rate.value) == (2, 4, 2, 0.5)
    assert rate.interval == wilson(1, 2)


def test_area_under_the_curve() -> None:
    # Pairs (success, failure): 0.9 > 0.8, 0.9 > 0.1, 0.4 < 0.8, 0.4 > 0.1: three of four.
    score_N = np.array([0.9, 0.4, 0.8, 0.1], dtype=np.float32)
    success_N = np.array([True, True, False, False])

    assert area_under_curve(score_N, success_N) == 0.75
    assert area_under_curve(np.ones(4, dtype=np.float32), success_N) == 0.5
    assert area_under_curve(score_N, np.ones(4, dtype=np.bool_)) is None


def test_the_columns_of_table_3() -> None:
    # Frames of the task: two successes (one missed), three failures (one accepted).
    # Frames of other tasks: one success (missed), two failures (both accepted).
    success_N = np.array([1, 1, 0, 0, 0, 1, 0, 0], dtype=np.bool_)
    decision_N = np.array([1, 0, 1, 0, 0, 0, 1, 1], dtype=np.bool_)
    own_N = np.array([1, 1, 1, 1, 1, 0, 0, 0], dtype=np.bool_)
    episode_N = np.arange(8).astype(np.str_)

    metrics = task_metrics(decision_N.astype(np.float32), decision_N, success_N, own_N, episode_N)

    assert (metrics.total, metrics.success, metrics.failure) == (5, 2, 3)
    assert metrics.success_rate == pytest.approx(2 / 5)
    assert metrics.false_negative.value == pytest.approx(1 / 2)
    assert metrics.false_positive.value == pytest.approx(1 / 3)
    assert metrics.other_false_negative.value == 1.0
    assert metrics.other_false_positive.value == 1.0


def test_a_column_without_frames_has_no_value() -> None:
    empty = np.array([], dtype=np.bool_)

    metrics = task_metrics(
        empty.astype(np.float32), empty, empty, empty, np.array([], dtype=np.str_)
    )

    assert metrics.total == 0
    assert metrics.success_rate is None
    assert metrics.false_positive.value is None
    assert metrics.false_positive.interval == (0.0, 1.0)


def _rate(errors: int, count: int, low: float, high: float) -> Rate:
    return Rate(errors=errors, count=count, episodes=count, interval=Interval(low, high))


def test_means_of_own_rates_are_more_certain_than_each() -> None:
    rates = [_rate(1, 10, 0.06, 0.4), _rate(3, 10, 0.27, 0.7), _rate(0, 0, 0.0, 1.0)]

    own, other = mean_of_own(rates), mean_of_other(rates)

    # Mean 0.2 of two. Below: 0.04 and 0.03 make 0.05 when squared and added, 0.07 when they err
    # together; above: 0.3 and 0.4 make 0.5 or 0.7. Halved, since two tasks share them.
    assert (own.value, other.value) == (pytest.approx(0.2), pytest.approx(0.2))
    assert own.interval == pytest.approx((0.2 - 0.025, 0.2 + 0.25))
    assert other.interval == pytest.approx((0.2 - 0.035, 0.2 + 0.35))
    assert own.tasks == 2


def test_a_mean_of_nothing_says_nothing() -> None:
    assert mean_of_own([]) == MeanRate(value=None, interval=Interval(0.0, 1.0), tasks=0)
