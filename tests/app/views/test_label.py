from __future__ import annotations

import time
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.views import label
from data.labels.labels import Label, append_labels, label_history, standing_labels


def _page() -> None:
    from app.views.label import render

    render()


def _run() -> AppTest:
    at = AppTest.from_function(_page, default_timeout=30.0).run()
    assert not at.exception
    return at


def _text(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption))


def test_without_robot_episodes_the_page_says_what_to_do(world: Any) -> None:
    world.record_pair("robot-1", "lift-any")
    at = _run()
    assert "There are no robot episodes yet" in _text(at)


def test_the_tasks_that_robots_tried_are_asked_about(world: Any) -> None:
    world.act("robot-1", "lift-any", labelled=False)
    world.act("robot-2", "lift-carrot", labelled=False)
    at = _run()
    assert at.multiselect(key="label-tasks").value == ["lift-any", "lift-carrot"]
    assert "2 waiting · 0 answered" in _text(at)
    at.toggle(key="label-other-tasks").set_value(True).run()
    assert "4 waiting · 0 answered" in _text(at)
    at.multiselect(key="label-tasks").set_value([]).run()
    assert "Choose at least one task" in at.info[0].value


def test_an_answer_of_anyone_can_be_taken_back(world: Any) -> None:
    world.act("robot-1", "lift-any")
    at = _run()
    assert "Everything in this selection is answered" in at.success[0].value
    assert "so also failure of 7 other tasks (derived)" in _text(at)
    at.button(key="undo-label-robot-robot-1-lift-any-0").click().run()
    assert standing_labels(world.catalog) == []
    assert label_history(world.catalog)[0].by == "someone"
    assert "1 waiting · 0 answered" in _text(at)
    assert "replaced or taken back" in _text(at)


def test_the_simulator_answers_for_its_own_episodes_when_asked(world: Any) -> None:
    truth = {"lift-any": True, "lift-carrot": False}
    world.act("robot-1", "lift-any", number=1, labelled=False, truth=truth)
    world.act("robot-1", "lift-any", number=2, truth=truth)
    world.act("bench", "lift-any", labelled=False)
    at = _run()
    assert "1 episode of this selection ended in simulation" in _text(at)
    at.button(key="label-by-truth").click().run()
    assert not at.exception
    assert "The simulator gave 1 label" in at.success[0].value
    (given,) = (each for each in standing_labels(world.catalog) if each.source == "simulator")
    assert (given.episode_id, given.task) == ("robot-robot-1-lift-any-1", "lift-any")
    assert given.outcome == "success"
    assert "1 waiting · 2 answered" in _text(at)
    assert "label-by-truth" not in [button.key for button in at.button]


def test_answers_that_contradict_each_other_are_told_at_once(world: Any) -> None:
    world.act("robot-1", "lift-any")  # failure
    carrot = Label(
        label_id="carrot",
        episode_id="robot-robot-1-lift-any-0",
        frame_index=1,
        task="lift-carrot",
        outcome="success",
        by="bo",
        source="person",
        at_ns=time.time_ns(),
    )
    append_labels(world.catalog, [carrot])
    at = _run()
    assert "cannot both be true" in at.warning[0].value
    at.button(key="take-back-carrot").click().run()
    assert not at.warning


def test_a_damaged_shard_is_named_and_the_others_are_asked_about(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        label, "labelling", lambda questions, **_: asked.extend(q.item_id for q in questions)
    )
    monkeypatch.setattr(label, "PREFETCHED", 2)
    for number in range(3):
        world.act("robot-2", "lift-any", number=number, labelled=False)
    world.act("robot-1", "lift-any", labelled=False)
    damaged = sorted(world.workspace.episodes.glob("robot-2/*/*.parquet"))
    for shard in damaged:
        shard.write_bytes(shard.read_bytes()[:-20])
    at = _run()
    assert sorted(path.name in error.value for path in damaged for error in at.error) == (
        [False] * 6 + [True] * 3
    )
    assert asked == ["robot-robot-1-lift-any-0|1|lift-any"]


def test_disputes_are_shown_with_the_agreement_and_settled(world: Any) -> None:
    for number in range(2):
        world.act("robot-1", "lift-any", number=number)  # ana: failure
    for number, outcome in enumerate(("failure", "success")):
        said = Label(
            label_id=f"ben-{number}",
            episode_id=f"robot-robot-1-lift-any-{number}",
            frame_index=1,
            task="lift-any",
            outcome=outcome,  # type: ignore[arg-type]
            by="ben",
            source="person",
            at_ns=time.time_ns(),
        )
        append_labels(world.catalog, [said])
    at = AppTest.from_function(_page)
    at.session_state["label-agreement"] = True
    at.run()
    assert not at.exception
    people = at.table[1].value.set_index("person")
    assert people.loc["ben", ["answered by two or more", "same answer"]].tolist() == ["2", "50%"]
    assert "1 answer is disputed" in _text(at)
    at.button(key="settle-failure-robot-robot-1-lift-any-1-1-lift-any").click().run()
    assert not at.exception
    assert "disputed" not in _text(at)


def test_a_second_opinion_is_asked_for_blindly(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.views.label.SECOND_SHARE", 1.0)
    world.act("robot-1", "lift-any")
    at = AppTest.from_function(_page)
    at.session_state["label-second"] = True
    at.session_state["your-name"] = "ana"
    assert "Nothing waits for your second opinion" in at.run().info[0].value
    at.text_input(key="your-name").input("ben").run()
    assert not at.exception
    assert not at.info
