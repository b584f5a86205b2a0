from typing import Any

from streamlit.testing.v1 import AppTest

from data.recording.journal import Journal, JournalHeader, remove_journal
from data.tasks.changes import define_task
from data.tasks.tasks import Task


def _page() -> None:
    from app.views.home import render

    render()


def _text(at: AppTest) -> str:
    return "\n".join(element.value for element in at.markdown)


def test_an_empty_workspace_says_what_to_do_first(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert [button.label for button in at.button] == [
        "Take the tour: five steps to a first detector",
        "Record a pair",
    ]
    assert "No detector yet" in _text(at)
    assert "No policy yet" in _text(at)


def test_a_filled_workspace_shows_the_newest_detector_and_policy(world: Any) -> None:
    for robot in ("robot-1", "robot-7"):
        world.record_pair(robot, "lift-carrot")
        world.act(robot, "lift-carrot")
    world.add_detector("first", ["lift-carrot"], false_positives=1, created_at_ns=2_000 * 10**15)
    world.add_policy("walker", "lift-carrot")
    at = AppTest.from_function(_page).run()
    assert not at.exception
    text = _text(at)
    assert "takes 25.0% of the failures for success" in text
    assert "lift-carrot: 5 of 10 attempts succeeded" in text
    assert at.button(key="next-step").label == "Review mistakes"
    assert {metric.label: metric.value for metric in at.metric} == {
        "tasks": "12",
        "clips": "4",
        "robot episodes": "2",
        "labels": "6",
        "robots": "7",
    }


def test_what_one_has_begun_stands_under_its_own_name_with_its_next_step(world: Any) -> None:
    world.record_pair("robot-1", "lift-can")
    define_task(world.catalog, Task(name="put-left", skill="place", implies=("place-any",)))
    at = AppTest.from_function(_page).run()
    assert not at.exception
    begun = [text for text in _text(at).splitlines() if " :gray[" in text]
    assert begun == [
        "**put-left** :gray[0 pairs on 0 robots]  ",
        "**lift-can** :gray[1 pair on 1 robot]  ",
    ]
    assert "13 tasks defined, 1 of your own." in _text(at)


def test_pairs_of_two_robots_are_enough_for_a_detector(world: Any) -> None:
    world.record_pair("robot-1", "lift-can")
    world.record_pair("robot-2", "lift-can")
    at = AppTest.from_function(_page).run()
    assert "The recorded pairs are enough to train a first one" in _text(at)


def test_a_recording_that_was_cut_short_is_told_with_the_way_to_it(world: Any) -> None:
    header = JournalHeader(
        recording_id="cut-short",
        robot="robot-3",
        behaviour="person",
        task="lift-can",
        outcome="failure",
        pair_id=None,
        by="ana",
        started_at_ns=1_790_000_000_000_000_000,
    )
    Journal(world.workspace, header).close()
    at = AppTest.from_function(_page).run()
    assert not at.exception
    [told] = [text for text in _text(at).splitlines() if "cut short" in text]
    assert "**1 recording on robot-3 was cut short." in told
    assert "Failure of lift-can, 0 frames (0 s), by ana, 2026-09-21" in _text(at)
    [way] = [each.proto for each in at.get("page_link") if "drop it" in each.proto.label]
    assert way.query_string == "record-robot=robot-3&record-task=lift-can"
    remove_journal(world.workspace.journals / "cut-short")
    assert "cut short" not in _text(at.run())
