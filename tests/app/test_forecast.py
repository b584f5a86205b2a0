from typing import Any, cast

import pytest

from app.forecast import (
    collecting_time,
    detector_time,
    policy_time,
    retraining_time,
)
from app.wording import duration
from data.runs.runs import Run, RunStatus


class _Run:
    def __init__(self, kind: str, taken_s: float | None, result: Any = None, **spec: Any) -> None:
        self.kind, self.spec, self._taken_s, self._result = kind, spec, taken_s, result or {}

    def metrics(self) -> list[dict[str, Any]]:
        """Half of its time it made updates."""
        taken_ns = round((self._taken_s or 0) * 1e9)
        return [{"at_ns": taken_ns // 4}, {"at_ns": taken_ns // 2}, {"at_ns": 3 * taken_ns // 4}]

    def status(self) -> RunStatus:
        if self._taken_s is None:
            return RunStatus(state="failed", started_at_ns=1, updated_at_ns=10**12)
        ended_ns = 10**9 + round(self._taken_s * 1e9)
        return RunStatus(
            state="done", started_at_ns=10**9, updated_at_ns=ended_ns, result=self._result
        )


def _runs(*runs: _Run) -> list[Run]:
    return cast(list[Run], list(runs))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89, "89 s"), (90, "2 min"), (200, "3 min"), (4800, "1 h 20 min")],
)
def test_how_long_is_said_as_people_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_training_takes_what_the_last_one_with_its_recipe_took() -> None:
    runs = _runs(
        _Run("train-detector", None, recipe="quick"),  # failed: says nothing
        _Run("train-detector", 40, recipe=None, from_detector="a"),
        _Run("train-detector", 200, recipe="quick"),
        _Run("train-detector", 900, recipe="quick"),
    )
    assert detector_time(runs, "quick").startswith("about 3 min, as the last one")
    assert "nobody knows yet" in detector_time(runs, "paper")
    assert detector_time(runs, "quick", "three minutes").startswith("about 3 min, as the last one")
    assert detector_time(runs, "cpu", "ten minutes").startswith("ten minutes on two free cores; ")


def test_going_on_takes_a_share_or_what_going_on_took() -> None:
    whole = _Run("train-detector", 1000, recipe="cpu")
    # A fifth of 500 s of updates, and the 500 s before and after them.
    assert retraining_time(_runs(whole)) == (
        "about 10 min: the last one took 17 min, and 20% of its updates will do"
    )
    again = _Run("train-detector", 50, from_detector="a")
    assert retraining_time(_runs(again, whole)) == "about 50 s, as the last one did"
    assert "nobody knows yet" in retraining_time([])


def test_collecting_takes_by_the_episode() -> None:
    runs = _runs(
        _Run("collect", None, result={"episodes": 7}),  # failed: says nothing
        _Run("collect", 120, result={"episodes": 60}),
    )
    assert collecting_time(runs, 150) == "about 5 min, by the last one's 60 episodes"
    assert collecting_time([], 60).startswith("about 60 s, when the computer has nothing else")


def test_a_policy_takes_by_the_update() -> None:
    runs = _runs(_Run("train-policy", 600, recipe="cpu", updates=1000))
    assert policy_time(runs, "cpu", 500).startswith("about 5 min, if an update")
    assert "nobody knows yet" in policy_time(runs, "smoke", 100)
