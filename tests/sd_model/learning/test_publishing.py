from __future__ import annotations

import pandas as pd
import pytest

from sd_model.config import load_recipe
from sd_model.learning.publishing import choose_thresholds


def rows(task: str, shown: str, outcome: str, *scores: float) -> list[dict[str, object]]:
    return [
        {
            "episode_id": f"{shown}-{outcome}-{score}-{number}", "task": task, "shown_task": shown,
            "origin": "labelled" if task == shown else "derived", "outcome": outcome,
            "score": score,
        }
        for number, score in enumerate(scores)
    ]  # fmt: skip


def test_near_misses_count_however_many_easy_failures_other_tasks_give() -> None:
    # Of its own frames 0.75 misses one success of ten and accepts none of two failures; 0.3 misses
    # none and accepts one of two. Ninety-eight easy failures would make that one of a hundred.
    validation = pd.DataFrame(
        [
            *rows("lift-can", "lift-can", "success", 0.55, *[0.9] * 9),
            *rows("lift-can", "lift-can", "failure", 0.6, 0.05),
            *rows("lift-can", "lift-box", "failure", *[0.05] * 98),
        ]
    )

    found = choose_thresholds(validation, ["lift-can"], load_recipe("smoke"))

    assert found["lift-can"].value == pytest.approx(0.75)
    assert (found["lift-can"].way, found["lift-can"].failures) == ("balanced", 2)


def test_a_task_that_no_frame_shows_is_judged_by_what_is_derived() -> None:
    validation = pd.DataFrame(
        [
            *rows("lift-any", "lift-can", "success", 0.8),
            *rows("lift-any", "lift-can", "failure", 0.4),
        ]
    )

    found = choose_thresholds(validation, ["lift-any"], load_recipe("smoke"))

    assert found["lift-any"].value == pytest.approx(0.6)
