from __future__ import annotations

from typing import Any

import pytest

from app.decision_log import Decision, Item, apply_log, parse_log
from data.errors import InvalidInput, UnknownName
from data.labels import label_history, standing_labels
from data.tasks import SEED_TASKS

CLIENT = "0123456789abcdef"
ITEM = "robot-robot-1-lift-any-0|1|lift-any"


def _entry(n: int, answer: str, *, item: str = ITEM, **more: Any) -> dict[str, Any]:
    return {"client": CLIENT, "n": n, "item": item, "answer": answer, **more}


def _apply(world: Any, entries: list[dict[str, Any]], *, now_ns: int = 5_000) -> list[str]:
    decisions = parse_log(entries, SEED_TASKS)
    return apply_log(world.catalog, decisions, by="ana", source="person", now_ns=now_ns)


def test_an_item_reads_back_as_it_was_written() -> None:
    for item in (Item("e-1", 7, "lift-any"), Item("e-1", None, "lift-any")):
        [decision] = parse_log([_entry(1, "success", item=item.item_id)], SEED_TASKS)
        assert decision == Decision(client=CLIENT, n=1, item=item, answer="success", undoes=None)
        assert decision.label_id == f"app-{CLIENT}-1"


def test_a_log_applied_again_and_again_makes_each_label_once(world: Any) -> None:
    world.act("robot-1", "lift-any", labelled=False)
    world.act("robot-1", "lift-any", number=1, labelled=False)
    other = "robot-robot-1-lift-any-1|1|lift-any"
    first = [_entry(1, "success")]
    assert _apply(world, first) == [f"{CLIENT}:1"]
    # The confirmation was lost: the browser sends the first one again, with a second.
    both = [*first, _entry(2, "failure", item=other)]
    assert _apply(world, both, now_ns=6_000) == [f"{CLIENT}:1", f"{CLIENT}:2"]
    _apply(world, both, now_ns=7_000)
    labels = standing_labels(world.catalog)
    assert [(each.outcome, each.at_ns) for each in labels] == [
        ("success", 5_000),
        ("failure", 6_001),
    ]
    assert len(label_history(world.catalog)) == 2
    assert {(each.by, each.source, each.frame_index) for each in labels} == {("ana", "person", 1)}


def test_undo_takes_the_label_back_and_what_stood_before_stands_again(world: Any) -> None:
    world.act("robot-1", "lift-any")  # labelled failure
    log = [
        _entry(1, "success"),
        _entry(2, "undo", undoes=f"app-{CLIENT}-1"),
    ]
    _apply(world, log)
    assert [each.outcome for each in standing_labels(world.catalog)] == ["failure"]
    events = len(label_history(world.catalog))
    _apply(world, log)
    assert len(label_history(world.catalog)) == events == 3


def test_the_last_of_several_answers_to_one_question_stands(world: Any) -> None:
    world.act("robot-1", "lift-any", labelled=False)
    _apply(world, [_entry(1, "success"), _entry(2, "failure"), _entry(3, "unsure")])
    assert [each.outcome for each in standing_labels(world.catalog)] == ["unsure"]


def test_review_keeps_the_split_on_the_label(world: Any) -> None:
    world.act("robot-7", "lift-any", labelled=False)
    item = Item("robot-robot-7-lift-any-0", 1, "lift-any")
    decisions = parse_log([_entry(1, "success", item=item.item_id)], SEED_TASKS)
    apply_log(
        world.catalog, decisions, by="bo", source="review", now_ns=1, splits={item: "holdout"}
    )
    [label] = standing_labels(world.catalog)
    assert (label.source, label.split) == ("review", "holdout")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        _entry(1, "maybe"),
        _entry(1, "undo"),
        _entry(1, "success", undoes="x"),
        _entry(1, "success", item="no separators"),
        _entry(1, "success", item="e|one|lift-any"),
        {**_entry(1, "success"), "client": "../../x"},
        {**_entry(1, "success"), "n": None},
    ],
)
def test_what_is_no_decision_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="not a decision"):
        parse_log([entry], SEED_TASKS)


def test_a_task_that_is_gone_is_named() -> None:
    with pytest.raises(UnknownName, match="lift-anny"):
        parse_log([_entry(1, "success", item="e|0|lift-anny")], SEED_TASKS)
