from __future__ import annotations

from sd_model.judging.advice import advise
from sd_model.judging.metrics import Metrics, Rate, wilson


def rate(errors: int, count: int) -> Rate:
    return Rate(errors=errors, count=count, episodes=count, interval=wilson(errors, count))


def metrics(missed: Rate, accepted: Rate, other: Rate | None = None) -> Metrics:
    return Metrics(
        total=missed.count + accepted.count,
        success=missed.count,
        failure=accepted.count,
        success_rate=0.5,
        false_negative=missed,
        false_positive=accepted,
        other_false_negative=rate(0, 0),
        other_false_positive=other or rate(0, 0),
        auc=0.9,
    )


def test_a_proven_task_needs_nothing() -> None:
    proven = metrics(rate(1, 50), rate(0, 299))

    assert advise("place-bottom", "robot-7", proven) == ()


def test_too_few_failures_are_counted_against_what_is_needed() -> None:
    (step,) = advise("place-bottom", "robot-7", metrics(rate(0, 50), rate(0, 12)))

    assert "Too few failures of place-bottom on robot-7 to tell: 12 of at least 299" in step


def test_accepted_failures_come_first() -> None:
    steps = advise("lift-can", "robot-7", metrics(rate(9, 50), rate(3, 60), rate(2, 40)))

    assert [step.split(":")[0] for step in steps] == [
        "3 of 60 failures of lift-can on robot-7 were accepted",
        "9 of 50 successes of lift-can on robot-7 were missed",
        "2 of 40 frames of other tasks on robot-7 were taken for lift-can",
    ]


def test_nothing_judged_asks_for_recordings() -> None:
    steps = advise("lift-can", "robot-7", metrics(rate(0, 0), rate(0, 0)))

    assert steps == (
        "No failure of lift-can on robot-7 was judged: record or label some.",
        "No success of lift-can on robot-7 was judged: record or label some.",
    )
