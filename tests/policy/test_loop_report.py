"""What is added to a training's figures."""

from __future__ import annotations

from policy.acting.fleet import Counts
from policy.experience.replay import ReplayBuffers
from policy.loop_report import LoopReport

TASKS = ("lift-any", "place-any")


class Heard:
    """A report that remembers its rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def progress(self, fraction: float, message: str) -> None:
        pass

    def metrics(self, step: int, **values: float) -> None:
        self.rows.append(values)


def test_an_episode_whose_outcome_nobody_knows_is_not_counted() -> None:
    counts = Counts(len(TASKS), collected=0)
    counts.add_greedy(0, success=None)
    counts.add_greedy(1, success=True)
    assert counts.take_greedy() == [(0, 0), (1, 1)]


def test_success_is_that_of_the_newest_fifty_episodes_of_a_task() -> None:
    heard, counts = Heard(), Counts(len(TASKS), collected=7)
    report = LoopReport(heard, TASKS, ReplayBuffers(TASKS, 100), counts)
    for _ in range(50):
        counts.add_greedy(0, success=True)
    report.metrics(20, loss=0.5)
    for _ in range(10):
        counts.add_greedy(0, success=False)
    report.metrics(40, loss=0.4)
    first, second = heard.rows
    assert (first["loss"], first["collected"], first["success/lift-any"]) == (0.5, 7.0, 1.0)
    assert (first["greedy_attempts"], first["greedy_successes"]) == (50.0, 50.0)
    assert second["success/lift-any"] == 40 / 50
    assert (second["greedy_attempts"], second["greedy_successes"]) == (10.0, 0.0)
    assert "success/place-any" not in second


def test_what_the_buffers_hold_is_told_without_robots_too() -> None:
    heard = Heard()
    LoopReport(heard, TASKS, ReplayBuffers(TASKS, 100), None).metrics(20, loss=0.5)
    assert heard.rows == [{
        "loss": 0.5,
        "episodes_failed/lift-any": 0.0, "episodes_succeeded/lift-any": 0.0,
        "episodes_failed/place-any": 0.0, "episodes_succeeded/place-any": 0.0,
    }]  # fmt: skip
