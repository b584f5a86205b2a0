from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from sd_model.judging.scores import as_table, load_scores
from sd_model.judging.suspicion import suspicious_labels

if TYPE_CHECKING:
    from conftest import Trained


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

    # Successes agree by (0.9 + 0.6 + 0.1) / 3 = 0.533 on average, the failure by 0.8.
    assert list(labels["episode_id"]) == ["wrong", "empty", "weak", "good"]
    assert list(labels["agreement"]) == pytest.approx([0.1, 0.8, 0.6, 0.9])
    assert list(labels["surprise"]) == pytest.approx([0.4333, 0.0, -0.0667, -0.3667], abs=1e-4)
    assert list(labels["doubted"]) == [True, False, False, False]


def test_the_frames_of_a_clip_speak_together_and_derived_outcomes_are_left_out(
    table: Callable[..., pd.DataFrame],
) -> None:
    rows = [("k", "lift-any", "lift-any", "success", score) for score in (0.2, 0.4)]
    derived = table([("k", "lift-any", "lift-carrot", "failure", 0.99)], origin="derived")

    [label] = suspicious_labels(as_table(pd.concat([table(rows), derived]))).to_dict("records")

    assert label["agreement"] == pytest.approx(0.3)
    assert label["doubted"]


@pytest.mark.parametrize("clip", ["robot-4-none-003", "robot-4-green-005"])
def test_a_mislabelled_clip_leads_the_list_of_a_seeded_run(trained: Trained, clip: str) -> None:
    judged = load_scores(trained.detector.folder)
    judged = judged[judged["split"] == "holdout"]
    own = judged["origin"] == "labelled"
    wrong = own & (judged["episode_id"] == clip) & (judged["task"] != "show-any")
    flipped = judged["outcome"].astype(str).map({"success": "failure", "failure": "success"})
    mislabelled = judged.assign(outcome=judged["outcome"].astype(str).mask(wrong, flipped))

    before, after = suspicious_labels(judged), suspicious_labels(mislabelled)

    assert clip not in set(before.loc[before["doubted"], "episode_id"])
    assert after["episode_id"].iloc[0] == clip
    assert after["doubted"].iloc[0]
