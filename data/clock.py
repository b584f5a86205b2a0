"""The clocks of a recording: wall time that never steps, and deadlines that do not drift."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """Wall time read once and carried on by the monotonic clock.

    What it tells keeps order and intervals when somebody sets the computer's clock; `set` takes
    over the new wall time, between two recordings.

    Args:
        wall_ns: Wall clock [ns since the Unix epoch].
        monotonic_ns: Monotonic clock [ns].
    """

    def __init__(
        self,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self.set()

    def set(self) -> None:
        """Take over the wall time of now."""
        self._ahead_ns = self._wall_ns() - self._monotonic_ns()

    def at(self, monotonic_ns: int) -> int:
        """The wall time [ns since the Unix epoch] of a reading of the monotonic clock [ns]."""
        return monotonic_ns + self._ahead_ns

    def __call__(self) -> int:
        """Now [ns since the Unix epoch]."""
        return self.at(self._monotonic_ns())


class Deadlines:
    """Absolute deadlines, one a period, so that delays do not add up."""

    def __init__(self, period_s: float, clock: Callable[[], float]) -> None:
        self._period_s = period_s
        self._clock = clock
        self._next_s = clock()

    def restart(self, after_s: float = 0.0) -> None:
        """Put the first deadline `after_s` from now."""
        self._next_s = self._clock() + after_s

    def due_in(self) -> float:
        """Seconds until the next deadline; 0 where it has passed."""
        return max(0.0, self._next_s - self._clock())

    def move_on(self) -> int:
        """Go to the next deadline in the future; how many were missed beside the one now due."""
        missed = max(0, int((self._clock() - self._next_s) / self._period_s))
        self._next_s += (missed + 1) * self._period_s
        return missed
