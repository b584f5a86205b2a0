from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sd_model.judging.thresholds import (
    choose_threshold,
    failures_needed,
    shared_threshold,
    upper_bound,
)


def judged(failures: list[float], successes: list[float]):
    count = len(failures) + len(successes)
    return np.array(failures + successes, dtype=np.float32), np.arange(count) >= len(failures)


def choose(
    failures: list[float],
    successes: list[float],
    episodes: NDArray[np.str_] | None = None,
    shared: float | None = None,
):
    count = len(failures) + len(successes)
    frames = judged(failures, successes)
    return choose_threshold(
        *frames,
        np.arange(count).astype(np.str_) if episodes is None else episodes,
        shared=shared_threshold([frames]) if shared is None else shared,
        false_positive_rate=0.05,
        confidence=0.9,
    )


def test_the_bound_of_no_error_is_the_rule_of_three() -> None:
    # (1 - p)^n = 0.05: for n = 299, p = 1 - 0.05^(1/299) = 0.009969.
    assert upper_bound(0, 299, 0.95) == pytest.approx(1 - 0.05 ** (1 / 299))
    assert upper_bound(0, 299, 0.95) < 0.01 < upper_bound(0, 298, 0.95)


def test_the_bound_with_errors_solves_the_binomial() -> None:
    bound = upper_bound(1, 10, 0.9)

    # The chance of at most one error in ten at that rate is what the confidence leaves over.
    assert (1 - bound) ** 10 + 10 * bound * (1 - bound) ** 9 == pytest.approx(0.1)


def test_nothing_is_bounded_by_nothing() -> None:
    assert upper_bound(0, 0, 0.95) == 1.0
    assert upper_bound(3, 3, 0.95) == 1.0


@pytest.mark.parametrize(("rate", "confidence", "count"), [(0.01, 0.95, 299), (0.05, 0.9, 45)])
def test_how_many_failures_a_claim_needs(rate: float, confidence: float, count: int) -> None:
    assert failures_needed(rate, confidence) == count


def test_tasks_share_what_is_best_for_all_of_them() -> None:
    # At 0.5 the first accepts one failure of two, at 0.7 the second misses one success of four.
    first, second = judged([0.2, 0.6], [0.8, 0.9]), judged([0.1, 0.3], [0.65, 0.9, 0.9, 0.9])
    says_nothing = judged([0.95], [])

    assert shared_threshold([first]) == pytest.approx(0.7)
    assert shared_threshold([second]) == pytest.approx((0.3 + 0.65) / 2)
    assert shared_threshold([first, second, says_nothing]) == pytest.approx(0.625)
    assert shared_threshold([first, judged([0.7], [0.8]), second]) == pytest.approx(0.75)
    assert shared_threshold([says_nothing]) == 0.5


@pytest.mark.parametrize(("cost", "value"), [(0.1, 0.2), (1, 0.525), (10, 0.85)])
def test_the_costlier_an_accepted_failure_the_higher_the_threshold(
    cost: float, value: float
) -> None:
    # Of four successes and four failures 0.2 misses none and accepts three, 0.525 misses one and
    # accepts one, 0.85 misses three and accepts none.
    frames = judged([0.1, 0.4, 0.45, 0.8], [0.3, 0.6, 0.7, 0.9])

    assert shared_threshold([frames], false_positive_cost=cost) == pytest.approx(value)


def test_the_shared_threshold_is_raised_until_it_is_bounded() -> None:
    # 45 failures are just enough, so none may be accepted: the gap above the worst one is taken,
    # although 0.5 would miss no success and accept a single failure.
    chosen = choose([0.1] * 44 + [0.6], [0.7, 0.8, 0.9], shared=0.5)

    assert chosen.way == "bounded"
    assert chosen.value == pytest.approx(0.65)
    assert (chosen.failures, chosen.false_positives, chosen.needed) == (45, 0, 45)
    assert chosen.bound <= 0.05


def test_too_few_failures_fall_back_to_the_fewest_errors() -> None:
    chosen = choose([0.1, 0.2, 0.6], [0.7, 0.8])

    assert chosen.way == "balanced"
    assert chosen.value == pytest.approx(0.65)
    assert choose([0.1, 0.2, 0.6], [0.7, 0.8], shared=0.75).value == pytest.approx(0.75)


@pytest.mark.parametrize(("missed", "way", "value"), [(1, "bounded", 0.65), (2, "balanced", 0.5)])
def test_a_bound_that_misses_more_than_one_in_fifty_is_not_worth_it(
    missed: int, way: str, value: float
) -> None:
    # One failure of 45 scores 0.6; to bound them the successes below it would have to go.
    chosen = choose([0.1] * 44 + [0.6], [0.55] * missed + [0.7] * (50 - missed), shared=0.5)

    assert (chosen.way, chosen.value) == (way, pytest.approx(value))


def test_a_bounded_threshold_that_is_shared_stands() -> None:
    assert choose([0.1] * 45, [0.9], shared=0.8).value == pytest.approx(0.8)


@pytest.mark.parametrize(("failures", "way"), [(45, "bounded"), (3, "balanced")])
def test_a_gap_that_holds_one_half_is_cut_in_its_middle(failures: int, way: str) -> None:
    # At 0.5 a failure that scores a hundredth higher would be accepted.
    chosen = choose([0.49] * failures, [0.95])

    assert (chosen.way, chosen.value) == (way, pytest.approx(0.72))


def test_the_fallback_never_goes_below_one_half() -> None:
    assert choose([0.1, 0.2], [0.3, 0.4]).value == 0.5
    assert choose([0.1, 0.2], [0.6]).value == 0.5


@pytest.mark.parametrize(("failures", "successes"), [([], [0.9]), ([0.1], [])])
def test_without_both_outcomes_one_half_stands(
    failures: list[float], successes: list[float]
) -> None:
    chosen = choose(failures, successes)

    assert (chosen.way, chosen.value) == ("default", 0.5)


def test_one_accepted_frame_spoils_its_clip() -> None:
    # 90 frames of failure, but only two clips: not nearly enough to bound anything.
    scores = [0.1] * 90
    episodes = np.array(["clip-1", "clip-2"] * 45 + ["good"])

    chosen = choose(scores, [0.9], episodes)

    assert (chosen.way, chosen.failures) == ("balanced", 2)


def test_a_perfect_score_of_a_failure_can_be_refused() -> None:
    chosen = choose([1.0] * 45, [1.0])

    assert chosen.way == "balanced"
    assert chosen.value > 1.0
    assert chosen.false_positives == 0
