from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.budget import Progress
from app.task_steps import task_step
from data.catalog.counts import Census, EpisodeCount
from sd_model.judging.report import Report

_TWO_ROBOTS = {"robot-1": 3, "robot-2": 3}


def _tries(count: int, *, answered: bool) -> EpisodeCount:
    return EpisodeCount(
        kind="robot", robot="robot-1", behaviour="scripted-place", task="put-left", outcome=None,
        answered=answered, count=count, frames=count,
    )  # fmt: skip


def _report(*trust: str, tasks: tuple[str, ...] = ("put-left",)) -> Report:
    verdicts = [SimpleNamespace(trust=each, reason="9 of 20 frames wrong") for each in trust]
    cells = [
        SimpleNamespace(split="holdout", task="put-left", robot="robot-3", verdict=verdict)
        for verdict in verdicts
    ]
    return cast(Report, SimpleNamespace(tasks=tasks, cells=cells))


@pytest.mark.parametrize(
    ("pairs", "waiting", "labelled", "report", "page", "words"),
    [
        ({}, 0, 0, None, "record", "The first pair"),
        ({"robot-1": 2}, 0, 0, None, "record", "second robot (robot-2)"),
        (_TWO_ROBOTS, 0, 0, None, "policy", "Let robots try it"),
        (_TWO_ROBOTS, 5, 3, None, "label", "5 more episodes"),
        (_TWO_ROBOTS, 90, 3, None, "label", "17 more episodes"),
        (_TWO_ROBOTS, 9, 20, None, "detector", "No detector knows it yet"),
        (_TWO_ROBOTS, 0, 9, _report(tasks=("lift-any",)), "detector", "newest detector does not"),
        (_TWO_ROBOTS, 0, 9, _report("trusted"), "policy", "may be trusted with it on robot-3"),
        (_TWO_ROBOTS, 0, 9, _report("with care"), "review", "9 of 20 frames wrong"),
        (_TWO_ROBOTS, 0, 9, _report("too few"), "record", "more pairs on robot-3"),
    ],
)
def test_what_a_task_needs_next(
    pairs: dict[str, int], waiting: int, labelled: int, report: Any, page: str, words: str
) -> None:
    rows = [_tries(waiting, answered=False), _tries(labelled, answered=True)]
    step = task_step(
        Progress(recorded_s=0.0, pairs=Counter(pairs)),
        "put-left",
        Census(tuple(row for row in rows if row.count)),
        robots=["robot-1", "robot-2", "robot-3"],
        report=report,
    )
    assert step.page == page
    assert words in step.text


def test_what_there_is_of_a_task_is_said() -> None:
    step = task_step(
        Progress(recorded_s=0.0, pairs=Counter(_TWO_ROBOTS)),
        "put-left",
        Census((_tries(4, answered=True), _tries(2, answered=False))),
        robots=["robot-1"],
        report=None,
    )
    assert step.there == "6 pairs on 2 robots, 4 of 6 robot episodes labelled"
