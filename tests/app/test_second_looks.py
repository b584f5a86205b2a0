from __future__ import annotations

from app.decision_log import Item
from app.second_looks import second_looks
from data.labels.labels import Label, LabelOutcome


def _label(number: int, outcome: LabelOutcome, at_ns: int) -> Label:
    return Label(
        label_id=f"{number}-{at_ns}",
        episode_id=f"e{number}",
        frame_index=3,
        task="lift-any",
        outcome=outcome,
        by="ana",
        source="review",
        at_ns=at_ns,
    )


def test_what_was_checked_once_waits_for_a_second_look() -> None:
    reviews = [_label(1, "success", 1), _label(2, "failure", 2), _label(1, "failure", 3)]

    looks = second_looks(reviews, share=1.0)

    assert looks.waiting == (Item("e2", 3, "lift-any"),)
    assert (looks.asked, looks.agreed) == (1, 0)
    assert second_looks([*reviews, _label(2, "failure", 4)], share=1.0).agreed == 1


def test_only_a_share_is_asked_and_always_the_same() -> None:
    reviews = [_label(number, "success", number) for number in range(1000)]

    waiting = second_looks(reviews, share=0.2).waiting

    # Binomial(1000, 0.2): five deviations of 12.6 either way.
    assert 137 < len(waiting) < 263
    assert second_looks(reviews, share=0.2).waiting == waiting
    assert not second_looks(reviews, share=0.0).waiting
