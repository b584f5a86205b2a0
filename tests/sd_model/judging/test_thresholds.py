from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

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
    shared: float = 0.5,
):
    count = len(failures) + len(successes)
    return choose_threshold(
        *judged(failures, successes),
        np.arange(count).astype(np.str_) if episodes is None else episodes,
        shared=shared,
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


def at_logits(failures: list[float], successes: list[float]):
    return judged(list(expit(failures)), list(expit(successes)))


def test_the_shared_threshold_lies_where_shifted_scores_err_least() -> None:
    # A failure at logit a and a success at b, both shifted by N(0, 1): the errors' densities are
    # equal in the middle.
    assert shared_threshold([at_logits([-1], [2])]) == pytest.approx(expit(0.5), abs=2e-3)
    # So far apart that no shift matters: the middle of the gap.
    assert shared_threshold([at_logits([-7], [6.9])]) == pytest.approx(expit(-0.05), abs=2e-3)


@pytest.mark.parametrize("cost", [0.1, 1, 10])
def test_the_costlier_an_accepted_failure_the_higher_the_threshold(cost: float) -> None:
    # phi(t - b) = cost phi(t - a), so t = (a + b) / 2 + ln(cost) / (b - a).
    value = shared_threshold([at_logits([-1], [2])], false_positive_cost=cost)

    assert value == pytest.approx(expit(0.5 + np.log(cost) / 3), abs=2e-3)


def test_tasks_share_what_is_best_for_all_of_them() -> None:
    # Alone they would choose 1 and -1; mirrored at 0, they meet there.
    first, second = at_logits([0], [2]), at_logits([-2], [0])
    says_nothing = judged([0.95], [])

    assert shared_threshold([first]) == pytest.approx(expit(1), abs=2e-3)
    assert shared_threshold([second]) == pytest.approx(expit(-1), abs=2e-3)
    assert shared_threshold([first, second, says_nothing]) == pytest.approx(0.5, abs=2e-3)
    assert shared_threshold([says_nothing]) == 0.5


def test_a_threshold_close_below_the_successes_is_not_chosen_for_one_failure() -> None:
    # Just above the failure at 3 nothing is wrong in validation; a robot whose successes score a
    # little lower would lose most of them.
    frames = at_logits([-3] * 99 + [3.4], [3.5] * 100)

    assert shared_threshold([frames]) < expit(1)


def test_the_shared_threshold_is_raised_until_it_is_bounded() -> None:
    # 45 failures are just enough, so none may be accepted: the gap above the worst one is taken,
    # although 0.5 would miss no success and accept a single failure.
    chosen = choose([0.1] * 44 + [0.6], [0.7, 0.8, 0.9], shared=0.5)

    assert chosen.way == "bounded"
    assert chosen.value == pytest.approx(0.65)
    assert (chosen.failures, chosen.false_positives, chosen.needed) == (45, 0, 45)
    assert chosen.bound <= 0.05


def test_too_few_failures_fall_back_to_what_is_shared() -> None:
    chosen = choose([0.1, 0.2, 0.6], [0.7, 0.8], shared=0.75)

    assert chosen.way == "balanced"
    assert chosen.value == pytest.approx(0.75)


@pytest.mark.parametrize(("missed", "way", "value"), [(1, "bounded", 0.65), (2, "balanced", 0.5)])
def test_a_bound_that_misses_more_than_one_in_fifty_is_not_worth_it(
    missed: int, way: str, value: float
) -> None:
    # One failure of 45 scores 0.6; to bound them the successes below it would have to go.
    chosen = choose([0.1] * 44 + [0.6], [0.55] * missed + [0.7] * (50 - missed), shared=0.5)

    assert (chosen.way, chosen.value) == (way, pytest.approx(value))


def test_a_bounded_threshold_that_is_shared_stands() -> None:
    assert choose([0.1] * 45, [0.9], shared=0.8).value == pytest.approx(0.8)


def test_the_fallback_never_goes_below_one_half() -> None:
    assert choose([0.1, 0.2], [0.3, 0.4], shared=0.25).value == 0.5


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
