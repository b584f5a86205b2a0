from __future__ import annotations

from typing import Any

import pytest

from app.decision_log import Decision, Item, Receipt, apply_log, parse_entry
from data.errors import InvalidInput, StorageFull, UnknownName
from data.labels.labels import label_history, standing_labels
from data.tasks.tasks import SEED_TASKS

CLIENT = "0123456789abcdef"
ITEM = "robot-robot-1-lift-any-0|1|lift-any"


def _entry(n: int, answer: str, *, item: str = ITEM, **more: Any) -> dict[str, Any]:
    return {"client": CLIENT, "n": n, "item": item, "answer": answer, "at": n, **more}


def _apply(world: Any, entries: list[dict[str, Any]], *, now_ns: int = 10**12) -> Receipt:
    return apply_log(world.catalog, entries, SEED_TASKS, by="ana", source="person", now_ns=now_ns)


def test_an_item_reads_back_as_it_was_written() -> None:
    for item in (Item("e-1", 7, "lift-any"), Item("e-1", None, "lift-any")):
        decision = parse_entry(_entry(1, "success", item=item.item_id), SEED_TASKS)
        assert decision == Decision(
            client=CLIENT, n=1, item=item, answer="success", undoes=None, at_ns=1_000_000
        )
        assert decision.label_id == f"app-{CLIENT}-1"


def test_a_log_applied_again_and_again_makes_each_label_once(world: Any) -> None:
    world.act("robot-1", "lift-any", labelled=False)
    world.act("robot-1", "lift-any", number=1, labelled=False)
    other = "robot-robot-1-lift-any-1|1|lift-any"
    first = [_entry(1, "success")]
    assert _apply(world, first).saved == [f"{CLIENT}:1"]
    # The confirmation was lost: the browser sends the first one again, with a second.
    both = [*first, _entry(2, "failure", item=other)]
    assert _apply(world, both).saved == [f"{CLIENT}:1", f"{CLIENT}:2"]
    _apply(world, both)
    labels = standing_labels(world.catalog)
    assert [(each.outcome, each.at_ns) for each in labels] == [
        ("success", 1_000_000),
        ("failure", 2_000_000),
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
    apply_log(
        world.catalog, [_entry(1, "success", item=item.item_id)], SEED_TASKS, by="bo",
        source="review", now_ns=1, splits={item: "holdout"},
    )  # fmt: skip
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
        {**_entry(1, "success"), "n": True},
        {**_entry(1, "success"), "at": "noon"},
        {**_entry(1, "success"), "answer": ["success"]},
        {**_entry(1, "success"), "item": 7},
    ],
)
def test_what_is_no_decision_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="not a decision"):
        parse_entry(entry, SEED_TASKS)


def test_a_task_that_is_gone_is_named() -> None:
    with pytest.raises(UnknownName, match="lift-anny"):
        parse_entry(_entry(1, "success", item="e|0|lift-anny"), SEED_TASKS)


def test_refused_decisions_keep_none_of_the_others_back(world: Any) -> None:
    """48 good answers with bad ones between them: a task and an episode that are gone, nonsense."""
    for number in range(48):
        world.act("robot-1", "lift-any", number=number, labelled=False)
    entries = [
        _entry(number + 1, "success", item=f"robot-robot-1-lift-any-{number}|1|lift-any")
        for number in range(48)
    ]
    bad = [
        _entry(101, "success", item="robot-robot-1-lift-any-0|1|lift-gone"),
        _entry(102, "success", item="gone|1|lift-any"),
        _entry(103, "success", item="robot-robot-1-lift-any-0|99|lift-any"),
        _entry(104, "undo", undoes="app-gone-1"),
        _entry(105, "maybe"),
    ]
    for position, entry in enumerate(bad):
        entries.insert(9 * position, entry)
    receipt = _apply(world, entries)
    assert len(receipt.saved) == len(standing_labels(world.catalog)) == 48
    assert sorted(receipt.refused) == [f"{CLIENT}:{n}" for n in range(101, 106)]
    assert "lift-gone" in receipt.refused[f"{CLIENT}:101"]
    assert "no frame 99" in receipt.refused[f"{CLIENT}:103"]


def test_an_answer_is_never_later_than_now(world: Any) -> None:
    world.act("robot-1", "lift-any", labelled=False)
    _apply(world, [_entry(1, "success", at=10**9)], now_ns=77)
    assert [label.at_ns for label in standing_labels(world.catalog)] == [77]


def test_a_full_disk_refuses_nothing(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.act("robot-1", "lift-any", labelled=False)

    def full(*arguments: object) -> None:
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("data.labels.log.append", full)
        with pytest.raises(StorageFull):
            _apply(world, [_entry(1, "success")])
    assert _apply(world, [_entry(1, "success")]).saved == [f"{CLIENT}:1"]
