from __future__ import annotations

import numpy as np
import pytest

from sd_model.judging.calibration import fit_temperature, tempered, too_close_to_call


def test_scores_that_come_true_keep_their_temperature() -> None:
    # Nine of ten that promise 0.9 come true, and one of ten that promise 0.1.
    score_N = np.repeat([0.9, 0.1], 10)
    success_N = np.array([True] * 9 + [False] + [False] * 9 + [True])

    assert fit_temperature(score_N, success_N) == pytest.approx(1, abs=1e-3)


def test_scores_that_promise_too_little_are_cooled_until_they_come_true() -> None:
    # 0.75 and 0.25 have the logits +-log 3; nine of ten come true, which is +-log 9.
    score_N = np.repeat([0.75, 0.25], 10)
    success_N = np.array([True] * 9 + [False] + [False] * 9 + [True])

    temperature = fit_temperature(score_N, success_N)

    assert temperature == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(tempered(score_N, temperature)[[0, -1]], [0.9, 0.1], atol=1e-3)


def test_scores_that_promise_too_much_are_warmed() -> None:
    score_N = np.repeat([0.99, 0.01], 10)
    success_N = np.array([True] * 9 + [False] + [False] * 9 + [True])

    assert fit_temperature(score_N, success_N) == pytest.approx(np.log(99) / np.log(9), abs=1e-3)


@pytest.mark.parametrize("success_N", [[True, True], [False, False], []])
def test_one_outcome_alone_says_nothing_of_the_temperature(success_N: list[bool]) -> None:
    score_N = np.linspace(0.2, 0.6, len(success_N))

    assert fit_temperature(score_N, np.array(success_N, dtype=bool)) == 1


def test_the_temperature_stays_within_bounds_and_the_order_stays() -> None:
    score_N = np.array([0.0, 0.4, 0.6, 1.0])
    success_N = np.array([False, False, True, True])

    temperature = fit_temperature(score_N, success_N)

    assert temperature == pytest.approx(0.2, abs=1e-3)
    assert (np.diff(tempered(score_N, temperature)) > 0).all()


def test_what_is_too_close_to_call() -> None:
    # The third task counts as done from 0.95, above what would be sure enough.
    score_NT = np.array([[0.89, 0.9, 0.93], [0.11, 0.09, 0.5], [1.0, 0.0, 0.95]])

    unsure_NT = too_close_to_call(score_NT, np.array([0.5, 0.5, 0.95]))

    assert unsure_NT.tolist() == [[True, False, True], [True, False, True], [False, False, False]]
