from __future__ import annotations

import pandas as pd
import pytest
from scipy.special import expit, logit

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
    # Above 0.6 one success of ten is missed and none of the two failures that show the task is
    # accepted; below it, none is missed and one of the two is accepted. Ninety-eight easy failures
    # would make that one of a hundred.
    validation = pd.DataFrame(
        [
            *rows("lift-any", "lift-any", "success", 0.55, *[0.9] * 4),
            *rows("lift-any", "lift-can", "success", *[0.9] * 5),
            *rows("lift-any", "lift-any", "failure", 0.6, 0.05),
            *rows("lift-any", "lift-box", "failure", *[0.05] * 98),
        ]
    )

    found = choose_thresholds(validation, ["lift-any"], load_recipe("smoke"))

    assert 0.6 < found["lift-any"].value < 0.9
    assert (found["lift-any"].way, found["lift-any"].failures) == ("balanced", 2)


def test_a_task_that_no_failure_shows_is_judged_by_what_is_derived() -> None:
    validation = pd.DataFrame(
        [
            *rows("lift-any", "lift-can", "success", 0.8),
            *rows("lift-any", "lift-can", "failure", 0.4),
        ]
    )

    found = choose_thresholds(validation, ["lift-any"], load_recipe("smoke"))

    # In the middle between them, as logits.
    assert found["lift-any"].value == pytest.approx(expit((logit(0.8) + logit(0.4)) / 2), abs=2e-3)
