from __future__ import annotations

import pytest

from app.decision_log import Item
from app.mistakes import Tally, as_corrected, find_mistakes, reviewed, tally
from data.labels import Label, LabelOutcome, LabelSource
from data.tasks import Outcome
from sd_model.judging.scores import JudgedExample

THRESHOLDS = {"lift-any": 0.6, "place-any": 0.5}


def _example(
    episode: str,
    outcome: Outcome,
    score: float,
    *,
    frame: int = 4,
    kind: str = "robot",
    task: str = "lift-any",
) -> JudgedExample:
    return JudgedExample(
        episode_id=episode,
        frame_index=frame,
        shard="s",
        robot="robot-7",
        kind=kind,
        split="holdout",
        task=task,
        outcome=outcome,
        origin="labelled",
        from_task=task,
        label_id="",
        score=score,
        decision=score >= THRESHOLDS[task],
    )


def _label(item: Item, outcome: LabelOutcome, source: LabelSource = "review") -> Label:
    return Label(
        label_id="l",
        episode_id=item.episode_id,
        frame_index=item.frame_index,
        task=item.task,
        outcome=outcome,
        by="ana",
        source=source,
        at_ns=1,
    )


EXAMPLES = [
    _example("a", "success", 0.9),
    _example("b", "success", 0.3),
    _example("c", "failure", 0.6),  # reaches the threshold: a false positive
    _example("d", "failure", 0.1),
    _example("e", "failure", 0.55, task="place-any"),
]


def test_tally_counts_what_each_threshold_gets_wrong() -> None:
    own = tally(EXAMPLES, THRESHOLDS)
    assert own == Tally(successes=2, failures=3, false_positives=2, false_negatives=1)
    assert own.false_positive_rate == pytest.approx(2 / 3)
    assert own.false_negative_rate == pytest.approx(1 / 2)
    strict = tally(EXAMPLES, dict.fromkeys(THRESHOLDS, 0.95))
    assert strict == Tally(successes=2, failures=3, false_positives=0, false_negatives=2)
    assert tally([], THRESHOLDS).false_positive_rate is None


def test_mistakes_come_with_the_most_confident_first() -> None:
    mistakes = find_mistakes(EXAMPLES, THRESHOLDS)
    # b: (0.6 - 0.3) / 0.6 = 0.5; e: 0.05 / 0.5 = 0.1; c: 0 / 0.4 = 0.
    assert [(each.item.episode_id, each.kind) for each in mistakes] == [
        ("b", "false negative"), ("e", "false positive"), ("c", "false positive"),
    ]  # fmt: skip
    assert [each.confidence for each in mistakes] == pytest.approx([0.5, 0.1, 0.0])


def test_the_frames_of_a_clip_are_one_mistake() -> None:
    clip = [_example("k", "failure", score, frame=n, kind="clip") for n, score in
            enumerate((0.1, 0.7, 0.9))]  # fmt: skip
    [mistake] = find_mistakes(clip, THRESHOLDS)
    assert mistake.item == Item("k", None, "lift-any")
    assert (mistake.wrong_frames, mistake.judged_frames, mistake.worst.frame_index) == (2, 3, 2)


def test_corrections_change_the_outcome_and_unsure_leaves_the_test() -> None:
    corrections = reviewed(
        [
            _label(Item("b", 4, "lift-any"), "failure"),
            _label(Item("c", 4, "lift-any"), "unsure"),
            _label(Item("d", 4, "lift-any"), "success", source="person"),
        ]
    )
    assert set(corrections) == {Item("b", 4, "lift-any"), Item("c", 4, "lift-any")}
    corrected = as_corrected(EXAMPLES, corrections)
    assert tally(corrected, THRESHOLDS) == Tally(
        successes=1, failures=3, false_positives=1, false_negatives=0
    )
