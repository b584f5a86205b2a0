from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from sd_model.judging.scores import as_table
from sd_model.judging.suspicion import suspicious_labels


def test_the_label_that_the_detector_contradicts_comes_first(
    table: Callable[..., pd.DataFrame],
) -> None:
    judged = table(
        [
            ("good", "lift-any", "lift-any", "success", 0.9),
            ("weak", "lift-any", "lift-any", "success", 0.6),
            ("wrong", "lift-any", "lift-any", "success", 0.1),
            ("empty", "lift-any", "lift-any", "failure", 0.2),
        ]
    )

    labels = suspicious_labels(judged)

    assert list(labels["episode_id"]) == ["wrong", "weak", "empty", "good"]
    assert list(labels["agreement"]) == pytest.approx([0.1, 0.6, 0.8, 0.9])
    # What is labelled failure gets 0.8 as failure, successes 0.53 as success: only `wrong`, which
    # gets 0.9 as the failure it may be, is beyond what is usual.
    assert list(labels["doubted"]) == [True, False, False, False]


def test_the_frames_of_a_clip_speak_together_and_derived_outcomes_are_left_out(
    table: Callable[..., pd.DataFrame],
) -> None:
    rows = [("k", "lift-any", "lift-any", "success", score) for score in (0.2, 0.4)]
    derived = table([("k", "lift-any", "lift-carrot", "failure", 0.99)], origin="derived")

    [label] = suspicious_labels(as_table(pd.concat([table(rows), derived]))).to_dict("records")

    assert label["agreement"] == pytest.approx(0.3)
    assert not label["doubted"], "nothing is labelled failure, so nobody knows what is usual"
