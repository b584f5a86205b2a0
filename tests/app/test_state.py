"""What pages ask of the catalog."""

from __future__ import annotations

from typing import Any

from app import state
from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes


def test_a_question_is_asked_once_for_each_state_of_the_catalog(world: Any) -> None:
    asked = []

    def count(catalog: Catalog, robot: str, *, least: int) -> int:
        asked.append((robot, least))
        return max(least, len(list_episodes(catalog, robots=[robot])))

    world.record_pair("robot-1", "lift-any")
    list_episodes(world.catalog)  # indexes the labels, which is one more state
    assert [state.answer(count, "robot-1", least=0) for _ in range(2)] == [2, 2]
    assert state.answer(count, "robot-1", least=5) == 5
    assert state.answer(count, "robot-2", least=0) == 0
    assert asked == [("robot-1", 0), ("robot-1", 5), ("robot-2", 0)]
    world.record_pair("robot-1", "lift-any", number=1)
    assert state.answer(count, "robot-1", least=0) == 4


def test_answers_about_what_has_changed_since_are_not_kept(world: Any) -> None:
    before = len(state._ANSWERS)
    for number in range(3):
        world.record_pair("robot-1", "lift-any", number=number)
        assert state.census().of_robot("robot-1", "clip") == 2 * number + 2
    assert len(state._ANSWERS) == before + 1
