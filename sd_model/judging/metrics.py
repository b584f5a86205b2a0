"""How far a detector can be trusted: the columns of the paper's Table 3, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri


class Interval(NamedTuple):
    """A 95% interval of a rate."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share of frames with its 95% Wilson interval.

    The frames of one clip resemble each other, so the interval counts episodes, not frames: the
    rate is that of the frames, the certainty that of as many independent looks as there were
    episodes. This is the cautious end (all frames of a clip err together).
    """

    errors: int
    """Frames judged wrongly."""
    count: int
    """Frames judged."""
    episodes: int
    """Episodes they come from: the effective count."""
    interval: Interval

    @property
    def value(self) -> float | None:
        """The rate; None where nothing was judged."""
        return self.errors / self.count if self.count else None

    @property
    def source(self) -> str:
        """`frames of 2 episodes`, a clip being one; empty where each gave one frame."""
        if self.count == self.episodes:
            return ""
        return f"frames of {self.episodes} episode{'s' if self.episodes != 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class MeanRate:
    """The plain mean of a rate over tasks, with its 95% interval."""

    value: float | None
    """None where no task has a rate."""
    interval: Interval
    tasks: int
    """Tasks that have a rate: what the mean is over."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """One task on one robot: a row of the paper's Table 3.

    `total`, `success`, `failure` and the false rates count the frames of episodes in which the task
    itself was shown or commanded. The other-task rates count the frames of all other tasks'
    episodes whose outcome of this task is known: labelled, or through the relations. A lifted
    carrot is a failure of lift-banana, and the detector that takes it for a banana makes an
    other-task false positive of lift-banana.
    """

    total: int
    success: int
    failure: int
    success_rate: float | None
    """Share of successes among the task's own frames; None where there are none."""
    false_negative: Rate
    """Successes that were judged failures."""
    false_positive: Rate
    """Failures that were judged successes."""
    other_false_negative: Rate
    """Successes on frames of other tasks that were judged failures."""
    other_false_positive: Rate
    """Failures on frames of other tasks that were judged successes."""
    auc: float | None
    """Chance that a success scores above a failure, own or of other tasks; None without both."""


def wilson(errors: float, count: int, *, confidence: float = 0.95) -> Interval:
    """Two-sided Wilson score interval of `errors / count`; (0, 1) where `count` is 0.

    `errors` may be a fraction: a rate of frames carried over to an effective count.
    """
    if count == 0:
        return Interval(0.0, 1.0)
    z = float(ndtri((1 + confidence) / 2))
    rate = errors / count
    centre = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    spread = z / (1 + z**2 / count) * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return Interval(
        float(centre - spread) if errors > 0 else 0.0,
        float(centre + spread) if errors < count else 1.0,
    )


def error_rate(wrong_N: NDArray[np.bool_], episode_N: NDArray[np.str_]) -> Rate:
    """The rate of `wrong_N` with its interval on episodes."""
    count, errors = len(wrong_N), int(wrong_N.sum())
    episodes = len(np.unique(episode_N))
    share = errors / count if count else 0.0
    return Rate(
        errors=errors,
        count=count,
        episodes=episodes,
        interval=wilson(share * episodes, episodes),
    )


def area_under_curve(score_N: NDArray[np.float32], success_N: NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve, ties counted half (Mann-Whitney); None without both outcomes."""
    successes, failures = int(success_N.sum()), int((~success_N).sum())
    if not successes or not failures:
        return None
    failure_scores = np.sort(score_N[~success_N])
    below_S = np.searchsorted(failure_scores, score_N[success_N], side="left")
    not_above_S = np.searchsorted(failure_scores, score_N[success_N], side="right")
    return float((below_S + not_above_S).sum()) / (2 * successes * failures)


def task_metrics(
    score_N: NDArray[np.float32],
    decision_N: NDArray[np.bool_],
    success_N: NDArray[np.bool_],
    own_N: NDArray[np.bool_],
    episode_N: NDArray[np.str_],
) -> Metrics:
    """The metrics of one task from every frame of which its outcome is known.

    Args:
        score_N: Scores in [0, 1].
        decision_N: Whether each was judged a success.
        success_N: Whether it is one.
        own_N: Whether the frame's episode shows this task, or the robot was told to do it.
        episode_N: Episode of each frame.
    """

    def rate(of_N: NDArray[np.bool_]) -> Rate:
        return error_rate(decision_N[of_N] != success_N[of_N], episode_N[of_N])

    total = int(own_N.sum())
    success = int((success_N & own_N).sum())
    return Metrics(
        total=total,
        success=success,
        failure=total - success,
        success_rate=success / total if total else None,
        false_negative=rate(success_N & own_N),
        false_positive=rate(~success_N & own_N),
        other_false_negative=rate(success_N & ~own_N),
        other_false_positive=rate(~success_N & ~own_N),
        auc=area_under_curve(score_N, success_N),
    )


def mean_of_own(rates: Sequence[Rate]) -> MeanRate:
    """The mean over tasks of rates that share no episode, such as each task's own.

    The distances from each rate to the ends of its interval are squared and added (Newcombe's
    "square and add"), so that many tasks without an error have a mean that is more certain than
    each of them.
    """
    known = [rate for rate in rates if rate.value is not None]
    below = sum((_value(rate) - rate.interval.low) ** 2 for rate in known) ** 0.5
    above = sum((rate.interval.high - _value(rate)) ** 2 for rate in known) ** 0.5
    return _mean(known, below, above)


def mean_of_other(rates: Sequence[Rate]) -> MeanRate:
    """The mean over tasks of rates that are measured on the same episodes.

    Those may err together, so the interval is the mean of the intervals: the cautious end.
    """
    known = [rate for rate in rates if rate.value is not None]
    below = sum(_value(rate) - rate.interval.low for rate in known)
    above = sum(rate.interval.high - _value(rate) for rate in known)
    return _mean(known, below, above)


def _mean(known: Sequence[Rate], below: float, above: float) -> MeanRate:
    count = len(known)
    if not count:
        return MeanRate(value=None, interval=Interval(0.0, 1.0), tasks=0)
    mean = sum(map(_value, known)) / count
    ends = Interval(max(0.0, mean - below / count), min(1.0, mean + above / count))
    return MeanRate(value=mean, interval=ends, tasks=count)


def _value(rate: Rate) -> float:
    return rate.errors / rate.count
