from __future__ import annotations

import numpy as np
import pytest

from sd_model.judging.advice import advise
from sd_model.judging.metrics import Metrics, task_metrics
from sd_model.judging.trust import Trust, judge


def _metrics(
    missed: tuple[int, int], accepted: tuple[int, int], taken: tuple[int, int] = (0, 0)
) -> Metrics:
    """One frame an episode; each pair is errors and count."""
    parts = [(missed, True, True), (accepted, False, True), (taken, False, False)]
    rows = [
        (number < errors, success, own)
        for (errors, count), success, own in parts
        for number in range(count)
    ]
    wrong_N, success_N, own_N = (np.array(values, np.bool_) for values in zip(*rows, strict=True))
    decision_N = success_N != wrong_N
    episode_N = np.arange(len(rows)).astype(np.str_)
    return task_metrics(decision_N.astype(np.float32), decision_N, success_N, own_N, episode_N)


@pytest.mark.parametrize(
    ("missed", "accepted", "taken", "trust"),
    [
        ((2, 100), (1, 300), (0, 300), "trusted"),
        # Wilson of 0 in 4 reaches 49%: nobody knows.
        ((0, 100), (0, 4), (0, 0), "too few"),
        ((0, 4), (0, 300), (0, 0), "too few"),
        ((0, 0), (0, 300), (0, 0), "too few"),
        ((0, 100), (0, 0), (0, 0), "too few"),
        ((20, 100), (1, 300), (0, 0), "with care"),
        ((1, 100), (10, 300), (0, 0), "with care"),
        ((1, 100), (0, 300), (10, 300), "with care"),
        ((61, 100), (0, 300), (0, 0), "cannot tell"),
        ((0, 100), (60, 300), (0, 0), "cannot tell"),
        ((0, 100), (0, 300), (60, 300), "cannot tell"),
        # One of three accepted may be bad luck, 6 to 79%.
        ((0, 100), (1, 3), (0, 0), "too few"),
        # Two of two missed, at best 34%: bad enough to say so.
        ((2, 2), (0, 300), (0, 0), "cannot tell"),
    ],
)
def test_how_far_to_trust(
    missed: tuple[int, int], accepted: tuple[int, int], taken: tuple[int, int], trust: Trust
) -> None:
    assert judge(_metrics(missed, accepted, taken)).trust == trust


def test_the_reason_names_counts_and_intervals() -> None:
    assert judge(_metrics((2, 4), (0, 4), (1, 4))).reason == (
        "0 of 4 (0.0 to 49.0%) failures taken for success; 2 of 4 (15.0 to 85.0%) successes "
        "missed; 1 of 4 (4.6 to 69.9%) frames of other tasks taken for this one"
    )
    assert judge(_metrics((0, 4), (0, 0))).reason.startswith("No failure judged; 0 of 4")


def test_ten_frames_of_one_clip_are_told_from_ten_clips() -> None:
    metrics = task_metrics(
        np.zeros(10, np.float32),
        np.zeros(10, np.bool_),
        np.ones(10, np.bool_),
        np.ones(10, np.bool_),
        np.full(10, "clip"),
    )
    # Wilson of 1 in 1, since the clip is one look: 1 / (1 + 3.84) = 20.7%.
    assert judge(metrics).reason == (
        "No failure judged; 10 of 10 (20.7 to 100.0%; frames of 1 episode) successes missed"
    )
    [_, missed] = advise("put-left", "robot-3", metrics)
    assert missed.startswith("10 of 10 successes of put-left on robot-3 (frames of 1 episode)")
