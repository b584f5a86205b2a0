from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from sd_model.judging.confusion import confusion
from sd_model.judging.scores import Place


def test_what_else_is_seen_in_a_success(table: Callable[..., pd.DataFrame]) -> None:
    judged = table(
        [
            ("a", "lift-carrot", "lift-carrot", "success", 0.9),
            ("a", "lift-carrot", "lift-any", "success", 0.2),
            ("a", "lift-carrot", "lift-banana", "failure", 0.8),
            ("b", "lift-carrot", "lift-carrot", "success", 0.9),
            ("b", "lift-carrot", "lift-banana", "failure", 0.1),
            ("c", "lift-any", "lift-any", "failure", 0.9),
        ]
    )

    pairs = {(p.shown, p.judged): p for p in confusion(judged, Place("holdout", "robot-7")).pairs}

    banana = pairs["lift-carrot", "lift-banana"]
    assert (banana.count, banana.accepted, banana.errors) == (2, 1, 1)
    anything = pairs["lift-carrot", "lift-any"]
    assert (anything.count, anything.accepted, anything.errors) == (1, 0, 1)
    assert pairs["lift-carrot", "lift-carrot"].errors == 0
    assert pairs["lift-any", "lift-carrot"].count == 1
    assert ("lift-banana", "lift-any") not in pairs
