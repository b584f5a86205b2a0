from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def _page() -> None:
    from app.widgets.tour_strip import offer_tour, show_tour

    show_tour("label")
    offer_tour()


def _told(at: AppTest) -> str:
    assert not at.exception
    return " ".join(element.proto.text for element in at.get("progress"))


def _ways(at: AppTest) -> list[str]:
    return [element.proto.label for element in at.get("page_link")]


def test_the_tour_is_begun_follows_what_is_done_and_is_left(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    assert _told(at) == ""
    at.button(key="tour-begin").click().run()
    assert "Step 1 of 5: Show one robot what success is** (about a minute)" in _told(at)
    assert _ways(at) == ["Go to Record"]
    for robot in ("robot-1", "robot-2"):
        world.record_pair(robot, "lift-any")
    assert "Step 3 of 5: Let the robots try" in _told(at.run())
    world.act("robot-1", "lift-any", number=0)
    assert "Step 4 of 5: Say how they ended" in _told(at.run())
    assert _ways(at) == []  # it is done on this page
    for number in range(1, 4):
        world.act("robot-1", "lift-any", number=number)
    assert "Step 5 of 5: Train a first detector" in _told(at.run())
    world.add_detector("first", ["lift-any"])
    assert "The tour is done" in _told(at.run())
    assert _ways(at) == ["Go to Review"]
    at.button(key="tour-end").click().run()
    assert _told(at) == ""
    assert not at.button  # nothing is left to tour
