from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.policy_watch import remembered_scores
from app.views import label
from data.labels.labels import Label, append_labels, label_history, standing_labels
from data.runs.runs import Run, RunStatus, create_run


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


def test_robots_that_nobody_judged_are_named_and_asked_about_by_chance(world: Any) -> None:
    for number in range(5):
        world.act("robot-2", "lift-any", number=number)
    world.act("robot-1", "lift-any", labelled=False)
    at = _run()
    assert "20 of a task are enough for a first detector" in _text(at)
    assert "Only robot-2 was judged so far." in _text(at)
    assert "robot-1 waits" in _text(at)
    at.button(key="label-all-robots").click().run()
    assert at.selectbox(key="label-order").value == "random share"
    assert "judged so far" not in _text(at)


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
        label,
        "labelling",
        lambda pictures, **_: asked.extend(each.item_id for p in pictures for each in p.tasks),
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


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the labelling widget was given last."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        label, "labelling", lambda pictures, **more: given.update(more, pictures=pictures)
    )
    return given


def _page_with(**chosen: Any) -> AppTest:
    at = AppTest.from_function(_page)
    for key, value in chosen.items():
        at.session_state[f"label-{key.replace('_', '-')}"] = value
    at.run()
    assert not at.exception
    return at


def test_one_picture_is_judged_for_several_tasks_and_what_is_known_is_shown(
    world: Any, shown: dict[str, Any]
) -> None:
    world.act("robot-1", "lift-carrot")  # failed
    _page_with(tasks=["lift-any", "lift-carrot", "lift-can"], other_tasks=True)
    [picture] = shown["pictures"]
    assert picture.picture_id == "robot-robot-1-lift-carrot-0|1"
    assert [each.task for each in picture.tasks] == ["lift-any", "lift-can"]
    assert picture.known == [("lift-carrot", "failure", "answered before")]
    assert shown["follows"]["lift-can"] == {
        "success": {"lift-any": "success", "lift-carrot": "failure"},
        "failure": {},
    }


def test_the_random_share_says_what_may_be_estimated_from_it(world: Any) -> None:
    for number in range(3):
        world.act("robot-1", "lift-any", number=number)
    text = _text(_page_with(order="random share"))
    assert "Rates are estimated from these answers alone" in text
    assert "lift-any: 0 of 3 succeeded (0%, between 0% and 56%), drawn from 3 episodes." in text


def test_orders_by_a_detector_ask_what_it_has_judged(world: Any, shown: dict[str, Any]) -> None:
    for number in range(3):
        world.act("robot-1", "lift-any", number=number, labelled=False)
    at = _page_with(order="least sure")
    assert "There is no detector yet" in _text(at)
    detector = world.add_detector("first", ["lift-any"])
    scores = {f"robot-robot-1-lift-any-{number}": [score] for number, score in ((0, 0.9), (2, 0.4))}
    remembered_scores(world.workspace, detector).add(
        {name: np.array(score, np.float32) for name, score in scores.items()}
    )
    at.run()
    assert not at.exception
    ids = [picture.picture_id for picture in shown["pictures"]]
    assert ids == ["robot-robot-1-lift-any-2|1", "robot-robot-1-lift-any-0|1"]
    assert "has judged 2 pictures; about 1 more wait for it" in _text(at)
    assert at.button(key="score-first")


def test_what_people_dispute_is_asked_and_decided(world: Any, shown: dict[str, Any]) -> None:
    world.act("robot-1", "lift-any")  # ana: failure
    said = Label(
        label_id="ben",
        episode_id="robot-robot-1-lift-any-0",
        frame_index=1,
        task="lift-any",
        outcome="success",
        by="ben",
        source="person",
        at_ns=time.time_ns(),
    )
    append_labels(world.catalog, [said])
    _page_with(order="people disagree")
    [picture] = shown["pictures"]
    assert picture.details == "lift-any: ana failure, ben success"
    assert shown["key"] == "labelling-disputes"


def test_the_grid_asks_one_task_of_many_pictures(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(label, "gallery", lambda cards, **_: given.extend(cards))
    for number in range(2):
        world.act("robot-1", "lift-any", number=number, labelled=False)
    world.act("robot-1", "lift-carrot", labelled=False)
    _page_with(grid=True)
    assert [(card.title, card.blind) for card in given] == [("Success at lift-any?", True)] * 2


def test_while_robots_collect_the_page_says_that_episodes_are_coming(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(world.workspace, "collect", {})
    monkeypatch.setattr(Run, "status", lambda run: RunStatus(state="running", message="3 of 60"))
    at = _run()
    assert "episodes are coming.** 3 of 60 (0%)." in at.info[0].value
    assert "There are no robot episodes yet" not in _text(at)
    # What has come is asked about while the rest is still coming.
    world.act("robot-1", "lift-any", labelled=False)
    at.run()
    assert at.info
    assert "1 waiting · 0 answered" in _text(at)
    monkeypatch.setattr(Run, "status", lambda run: RunStatus(state="done"))
    at.run()
    assert not at.info
    assert run.kind == "collect"
