"""What the loop says of itself: its training's figures, its experience, its robots' success."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from policy.acting.fleet import Counts
from policy.experience.replay import FAILURE, SUCCESS, ReplayBuffers

_NEWEST = 50
"""Episodes over which the success of a task is told."""


class Report(Protocol):
    """Where a training says how far it is."""

    def progress(self, fraction: float, message: str) -> None:
        """May raise to cancel."""

    def metrics(self, step: int, **values: float) -> None:
        """Numbers of one moment."""


class LoopReport:
    """A report that adds to every metrics row what the buffers hold and how the fleet does.

    `success/<task>` is that of the newest `_NEWEST` episodes in which the policy acted without
    noise, judged by the simulator's truth.

    Args:
        report: Hears everything.
        tasks: In the order of the buffers' and the fleet's counts.
        buffers: Counted for each row.
        counts: The fleet's, where robots collect.
    """

    def __init__(
        self, report: Report, tasks: Sequence[str], buffers: ReplayBuffers, counts: Counts | None
    ) -> None:
        self._report = report
        self._buffers = buffers
        self._counts = counts
        self._newest = {task: deque[bool](maxlen=_NEWEST) for task in tasks}

    def progress(self, fraction: float, message: str) -> None:
        """Pass on."""
        self._report.progress(fraction, message)

    def metrics(self, step: int, **values: float) -> None:
        """Pass on, with the counts."""
        for task, count_O in zip(self._newest, self._buffers.episode_counts(), strict=True):
            values[f"episodes_failed/{task}"] = float(count_O[FAILURE])
            values[f"episodes_succeeded/{task}"] = float(count_O[SUCCESS])
        if self._counts is not None:
            values["collected"] = float(self._counts.collected.value)
            greedy = self._counts.take_greedy()
            values["greedy_attempts"] = float(sum(attempts for attempts, _ in greedy))
            values["greedy_successes"] = float(sum(successes for _, successes in greedy))
            for (task, newest), (attempts, successes) in zip(
                self._newest.items(), greedy, strict=True
            ):
                newest.extend([True] * successes + [False] * (attempts - successes))
                if newest:
                    values[f"success/{task}"] = sum(newest) / len(newest)
        self._report.metrics(step, **values)
