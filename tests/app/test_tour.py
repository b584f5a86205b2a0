from __future__ import annotations

from typing import Any

from app.tour import tour
from data.catalog.counts import Census, EpisodeCount


def _row(kind: Any, robot: str, count: int, outcome: Any = None, answered: bool = True) -> Any:
    return EpisodeCount(
        kind=kind,
        robot=robot,
        behaviour="person",
        task="lift-any",
        outcome=outcome,
        answered=answered,
        count=count,
        frames=count,
    )


def _done(*rows: Any, detectors: int = 0) -> list[bool]:
    return [step.done for step in tour(Census(rows), detectors=detectors)]


def test_what_is_there_shows_how_far_the_tour_is() -> None:
    one = (_row("clip", "robot-1", 1, "success"), _row("clip", "robot-1", 1, "failure"))
    two = tuple(_row("clip", "robot-2", 1, outcome) for outcome in ("success", "failure"))
    assert _done() == [False] * 5
    assert _done(one[0]) == [False] * 5  # half a pair
    assert _done(*one) == [True, False, False, False, False]
    assert _done(*one, *two) == [True, True, False, False, False]
    tried = _row("robot", "robot-1", 5, answered=False)
    assert _done(*one, *two, tried) == [True, True, True, False, False]
    labelled = _row("robot", "robot-1", 4)
    assert _done(*one, *two, tried, labelled, detectors=1) == [True] * 5


def test_what_was_started_is_not_asked_for_again() -> None:
    idle, busy = (tour(Census(()), detectors=0, at_work=kinds) for kinds in ((), ("collect",)))
    assert "press *Collect episodes*" in idle[2].text
    assert "press" not in busy[2].text
    assert "the box below says how far" in busy[2].text
    assert busy[4].text == idle[4].text
    [*_, training] = tour(Census(()), detectors=0, at_work=("train-detector",))
    assert training.text.startswith("It is learning")
