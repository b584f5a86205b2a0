from __future__ import annotations

import pandas as pd
import pytest

from app.decision_log import Item
from app.mistakes import Tally, among, as_corrected, item_of, items, tally
from data.labels.labels import Label, LabelOutcome
from data.tasks.tasks import Outcome

THRESHOLDS = {"lift-any": 0.6, "place-any": 0.5}


def _example(
    episode: str,
    outcome: Outcome,
    score: float,
    *,
    frame: int = 4,
    kind: str = "robot",
    task: str = "lift-any",
) -> dict[str, object]:
    return {
        "episode_id": episode,
        "frame_index": frame,
        "kind": kind,
        "task": task,
        "outcome": outcome,
        "score": score,
    }


def _label(item: Item, outcome: LabelOutcome) -> Label:
    return Label(
        label_id="l",
        episode_id=item.episode_id,
        frame_index=item.frame_index,
        task=item.task,
        outcome=outcome,
        by="ana",
        source="review",
        at_ns=1,
    )


EXAMPLES = pd.DataFrame([
    _example("a", "success", 0.9),
    _example("b", "success", 0.3),
    _example("c", "failure", 0.6),  # reaches the threshold: a false positive
    _example("d", "failure", 0.1),
    _example("e", "failure", 0.55, task="place-any"),
])  # fmt: skip


def test_rows_that_are_asked_for_are_found_by_frame_and_task() -> None:
    found = items(EXAMPLES, THRESHOLDS).sort_values("episode_id")
    asked = {Item("b", 4, "lift-any"), Item("c", 3, "lift-any"), Item("e", 4, "lift-any")}
    assert among(found, asked).tolist() == [False, True, False, False, False]
    assert among(found, ()).tolist() == [False] * 5


def test_tally_counts_what_each_threshold_gets_wrong() -> None:
    own = tally(EXAMPLES, THRESHOLDS)
    assert own == Tally(successes=2, failures=3, false_positives=2, false_negatives=1)
    assert own.false_positive_rate == pytest.approx(2 / 3)
    assert own.false_negative_rate == pytest.approx(1 / 2)
    strict = tally(EXAMPLES, dict.fromkeys(THRESHOLDS, 0.95))
    assert strict == Tally(successes=2, failures=3, false_positives=0, false_negatives=2)
    assert tally(EXAMPLES[:0], THRESHOLDS).false_positive_rate is None


def test_items_say_what_is_wrong_and_how_certainly() -> None:
    found = items(EXAMPLES, THRESHOLDS).set_index("episode_id")
    # b: (0.6 - 0.3) / 0.6 = 0.5; e: 0.05 / 0.5 = 0.1; c: 0 / 0.4 = 0; a: 0.3 / 0.4; d: 0.5 / 0.6.
    assert dict(found["kind"]) == {
        "a": "right", "b": "false negative", "c": "false positive", "d": "right",
        "e": "false positive",
    }  # fmt: skip
    expected = {"a": 0.75, "b": 0.5, "c": 0.0, "d": 5 / 6, "e": 0.1}
    assert dict(found["certainty"]) == pytest.approx(expected)


def test_the_frames_of_a_clip_are_one_item() -> None:
    clip = pd.DataFrame(
        [
            _example("k", "failure", score, frame=n, kind="clip")
            for n, score in enumerate((0.1, 0.7, 0.9))
        ]
    )
    [(_, row)] = items(clip, THRESHOLDS).iterrows()
    assert item_of(row) == Item("k", None, "lift-any")
    assert (row["wrong_frames"], row["judged_frames"], row["frame_index"]) == (2, 3, 2)


def test_corrections_change_the_outcome_and_unsure_leaves_the_test() -> None:
    corrections = {
        Item("b", 4, "lift-any"): _label(Item("b", 4, "lift-any"), "failure"),
        Item("c", 4, "lift-any"): _label(Item("c", 4, "lift-any"), "unsure"),
    }
    corrected = as_corrected(EXAMPLES, corrections)
    assert tally(corrected, THRESHOLDS) == Tally(
        successes=1, failures=3, false_positives=1, false_negatives=0
    )
