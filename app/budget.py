"""How much of a task was recorded, against what a detector needs, and what would help most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.wording import counted, listed
from data.catalog.counts import Census
from data.recording.sealing import PERIOD_S

BUDGET_S = 30 * 60
"""About half an hour of pictures a task (MT-Opt, Sec. V)."""
_FEW_PAIRS = 3
"""A robot with fewer complete pairs of a task says little about it."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What was recorded of one task."""

    recorded_s: float
    """Length of its clips in use [s]."""
    pairs: Counter[str]
    """Complete pairs by robot."""

    @property
    def share(self) -> float:
        """Of the budget, at most 1."""
        return min(1.0, self.recorded_s / BUDGET_S)

    @property
    def words(self) -> str:
        """Minutes and pairs, in a sentence."""
        minutes, seconds = divmod(round(self.recorded_s), 60)
        of = f"{minutes}:{seconds:02d} of about {BUDGET_S // 60} minutes"
        if not self.pairs:
            return f"{of}, no complete pair yet"
        if len(self.pairs) > 1 and len(alike := set(self.pairs.values())) == 1:
            shared = [f"{alike.pop()} on each of {len(self.pairs)} robots"]
        else:
            shared = [f"{count} on {robot}" for robot, count in sorted(self.pairs.items())]
        return f"{of}, {counted(self.pairs.total(), 'complete pair')}: {listed(shared)}"


def measure_progress(task: str, census: Census, pairs: Mapping[tuple[str, str], int]) -> Progress:
    """The progress of `task`, given every episode counted and complete pairs by (task, robot)."""
    return Progress(
        recorded_s=PERIOD_S * census.clip_frames[task],
        pairs=Counter({robot: count for (name, robot), count in pairs.items() if name == task}),
    )


def robot_to_show(progress: Progress, robots: Sequence[str]) -> str | None:
    """The robot on which the next pair would help most; None where any will do."""
    pairs = progress.pairs
    unused = next((robot for robot in robots if robot not in pairs), None)
    if len(pairs) < 2:
        return unused if pairs else None
    fewest = min(sorted(pairs), key=lambda robot: pairs[robot])
    return fewest if pairs[fewest] < _FEW_PAIRS else unused


def what_helps_most(progress: Progress, robots: Sequence[str]) -> str:
    """The one thing to record next that the detector of this task would gain most from."""
    if not progress.pairs:
        return "The first pair: nothing can be learned without a success and a failure."
    robot = robot_to_show(progress, robots)
    if len(progress.pairs) == 1:
        where = f" ({robot})" if robot else ""
        return (
            f"A pair on a second robot{where}: one robot is held out, and only it shows how far "
            "the detector can be trusted."
        )
    if robot is None:
        return (
            "Near misses: failures that almost look like success, in scenes that were not shown "
            "yet."
        )
    if robot in progress.pairs:
        return f"More scenes on {robot}: it has {counted(progress.pairs[robot], 'pair')} so far."
    return f"A robot that was not shown yet, such as {robot}: new robots teach the most."
