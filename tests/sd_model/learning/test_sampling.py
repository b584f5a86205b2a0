from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from data.errors import InvalidInput
from sd_model.learning.sampling import BalancedSampler, OutcomesFT

# Task 0: frame 0 is its only success, frames 1 and 2 fail. Task 1: frame 3 and frame 1.
OUTCOME_FT = np.array([[1, 0], [0, 0], [0, -1], [-1, 1]], dtype=np.int8)
NOBODY_SAID_F = np.full(4, -1)


def sampler_of(
    outcome_FT: OutcomesFT, episodes: str, shown_F: NDArray[np.intp], own_share: float = 0.0
) -> BalancedSampler:
    return BalancedSampler(outcome_FT, np.array(list(episodes)), shown_F, own_share)


def test_draws_are_balanced_over_tasks_and_outcomes() -> None:
    draws = sampler_of(OUTCOME_FT, "abcd", NOBODY_SAID_F).draw(40_000, np.random.default_rng(0))

    share_F = np.bincount(draws, minlength=4) / len(draws)

    # Each (task, outcome) has a quarter: frame 0 is all of task 0's successes and half of task
    # 1's failures; frame 1 half of both failures; frame 2 half of one; frame 3 all of a success.
    np.testing.assert_allclose(share_F, [3 / 8, 2 / 8, 1 / 8, 2 / 8], atol=0.01)


def test_half_of_a_batch_is_drawn_for_a_success() -> None:
    outcome_FT = np.array([[1], [0], [0], [0], [0]], dtype=np.int8)

    draws = sampler_of(outcome_FT, "abcde", np.full(5, -1)).draw(10, np.random.default_rng(1))

    assert np.sum(draws == 0) == 5


def test_the_same_generator_draws_the_same() -> None:
    sampler = sampler_of(OUTCOME_FT, "abcd", NOBODY_SAID_F)

    first = sampler.draw(32, np.random.default_rng([3, 7]))
    second = sampler.draw(32, np.random.default_rng([3, 7]))

    np.testing.assert_array_equal(first, second)


def test_a_task_without_failures_is_refused() -> None:
    with pytest.raises(InvalidInput, match="2 successes and 0 failures"):
        sampler_of(np.array([[1], [1], [-1]], dtype=np.int8), "abc", np.full(3, -1))


def test_a_long_clip_weighs_no_more_than_one_frame() -> None:
    # Task 0 fails on three frames of clip b and on the one of c: each episode has half of them.
    outcome_FT = np.array([[1], [0], [0], [0], [0]], dtype=np.int8)
    sampler = sampler_of(outcome_FT, "abbbc", np.full(5, -1))

    draws = sampler.draw(24_000, np.random.default_rng(0))

    share_F = np.bincount(draws, minlength=5) / len(draws)
    np.testing.assert_allclose(share_F, [1 / 2, 1 / 12, 1 / 12, 1 / 12, 1 / 4], atol=0.01)
    np.testing.assert_allclose(sampler.balance_weights(outcome_FT), [[1.0], [1.0]])


def test_weights_even_out_what_frames_teach_beside() -> None:
    # With the chances above: task 0 succeeds in 3/8 of draws and fails in 2/8 + 1/8; task 1
    # succeeds in 2/8 and fails in 3/8 + 2/8. Weights are 1/4 over these.
    weight_2T = sampler_of(OUTCOME_FT, "abcd", NOBODY_SAID_F).balance_weights(OUTCOME_FT)

    np.testing.assert_allclose(weight_2T, [[2 / 3, 2 / 5], [2 / 3, 1.0]], rtol=1e-6)


def test_a_share_of_a_task_s_draws_is_its_own() -> None:
    # One task. Frame 0 succeeds; frames 1 to 4 fail, and frame 4 alone was meant to do the task.
    outcome_FT = np.array([[1], [0], [0], [0], [0]], dtype=np.int8)
    shown_F = np.array([-1, -1, -1, -1, 0])

    sampler = sampler_of(outcome_FT, "abcde", shown_F, own_share=0.5)
    share_F = np.bincount(sampler.draw(24_000, np.random.default_rng(0)), minlength=5) / 24_000

    # Nobody showed the success: it is drawn all the same. Half of the failures are frame 4's, and
    # a quarter of the other half.
    np.testing.assert_allclose(share_F, [1 / 2, 1 / 16, 1 / 16, 1 / 16, 5 / 16], atol=0.01)
    np.testing.assert_allclose(sampler.balance_weights(outcome_FT), [[1.0], [1.0]])
