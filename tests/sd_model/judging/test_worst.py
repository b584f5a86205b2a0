from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from sd_model.judging.worst import with_threshold, worst_mistakes


def test_the_most_certain_mistake_of_each_kind_comes_first(
    table: Callable[..., pd.DataFrame],
) -> None:
    judged = table(
        [
            ("a", "lift-any", "lift-any", "failure", 0.9),
            ("b", "lift-any", "lift-any", "failure", 1.0),
            ("c", "lift-any", "lift-any", "success", 0.3),
            ("d", "lift-any", "lift-any", "success", 0.99),
        ]
    )

    worst = worst_mistakes(judged, {"lift-any": 0.6})

    assert [(each.episode_id, each.kind) for each in worst] == [
        ("b", "false positive"), ("a", "false positive"), ("c", "false negative"),
    ]  # fmt: skip
    assert worst[2].threshold == 0.6


def test_certainty_is_a_share_of_its_side_of_the_threshold(
    table: Callable[..., pd.DataFrame],
) -> None:
    judged = table(
        [
            ("a", "lift-any", "lift-any", "success", 0.3),
            ("b", "lift-any", "lift-any", "failure", 1.0),
        ]
    )

    marked = with_threshold(judged, {"lift-any": 0.6})

    assert list(marked["certainty"]) == pytest.approx([0.5, 1.0])
    assert list(marked["wrong"]) == [True, True]
    at_one = with_threshold(judged, {"lift-any": 1.0})
    assert list(at_one["certainty"]) == pytest.approx([0.7, 1.0])
