from __future__ import annotations

from typing import Any

from app.decision_log import Item
from app.reviews import items_to_exclude, load_reviews
from data.labels.labels import (
    Label,
    LabelOutcome,
    LabelSource,
    append_labels,
    standing_labels,
    undo_label,
)

CLIP = "clip-robot-1-lift-carrot-0-success"


def _say(world: Any, name: str, outcome: LabelOutcome, at_ns: int, source: LabelSource) -> None:
    label = Label(
        label_id=name,
        episode_id=CLIP,
        frame_index=None,
        task="lift-carrot",
        outcome=outcome,
        by="ben",
        source=source,
        at_ns=at_ns,
    )
    append_labels(world.catalog, [label])


def test_answers_taken_back_are_no_reviews(world: Any) -> None:
    world.record_pair("robot-1", "lift-carrot")
    _say(world, "a", "failure", 10, "review")
    _say(world, "b", "success", 20, "review")
    _say(world, "c", "failure", 30, "person")
    undo_label(world.catalog, "b", by="ben", at_ns=40)

    reviews = load_reviews(world.catalog)

    assert [label.label_id for label in reviews.labels] == ["a"]
    assert reviews.by_item[Item(CLIP, None, "lift-carrot")].outcome == "failure"
    assert [label.label_id for label in reviews.since(9)] == ["a"]
    assert reviews.since(10) == []


def test_the_answer_that_stands_is_shown_though_the_clock_of_a_browser_is_slow(world: Any) -> None:
    world.record_pair("robot-1", "lift-carrot")
    _say(world, "a", "failure", 50, "review")
    _say(world, "b", "success", 20, "review")

    reviews = load_reviews(world.catalog)

    [standing] = standing_labels(world.catalog, episode_ids=[CLIP])
    assert reviews.by_item[Item(CLIP, None, "lift-carrot")] == standing
    assert standing.label_id == "b"


def test_to_exclude_a_frame_is_to_be_unsure_of_all_that_was_said_of_it(world: Any) -> None:
    world.record_pair("robot-1", "lift-carrot")
    derived = Item(CLIP, None, "lift-banana")
    unknown = Item("nobody-spoke-of-it", 3, "lift-any")

    found = items_to_exclude(world.catalog, [derived, unknown])

    assert found == {derived: [Item(CLIP, None, "lift-carrot")], unknown: [unknown]}
