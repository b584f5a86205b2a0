"""How far a detector can be trusted: the columns of the paper's Table 3, with intervals."""

from __future__ import annotations

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


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """One task on one robot: a row of the paper's Table 3.

    `total`, `success`, `failure` and the false rates count frames that were labelled for the task
    itself. The other-task rates count frames that were labelled for other tasks only, and whose
    outcome of this task follows from those labels through the relations: a labelled success of
    lift-carrot is a failure of lift-banana, and the detector that scores it as a banana makes an
    other-task false positive of lift-banana.
    """

    total: int
    success: int
    failure: int
    success_rate: float | None
    """Share of successes among the labelled frames; None where there are none."""
    false_negative: Rate
    """Labelled successes that were judged failures."""
    false_positive: Rate
    """Labelled failures that were judged successes."""
    other_false_negative: Rate
    """Derived successes that were judged failures."""
    other_false_positive: Rate
    """Derived failures that were judged successes."""
    auc: float | None
    """Chance that a success scores above a failure, labelled or derived; None without both."""


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
    derived_N: NDArray[np.bool_],
    episode_N: NDArray[np.str_],
) -> Metrics:
    """The metrics of one task from every frame of which its outcome is known.

    Args:
        score_N: Scores in [0, 1].
        decision_N: Whether each was judged a success.
        success_N: Whether it is one.
        derived_N: Whether the outcome was derived from a label of another task.
        episode_N: Episode of each frame.
    """

    def rate(of_N: NDArray[np.bool_]) -> Rate:
        return error_rate(decision_N[of_N] != success_N[of_N], episode_N[of_N])

    total = int((~derived_N).sum())
    success = int((success_N & ~derived_N).sum())
    return Metrics(
        total=total,
        success=success,
        failure=total - success,
        success_rate=success / total if total else None,
        false_negative=rate(success_N & ~derived_N),
        false_positive=rate(~success_N & ~derived_N),
        other_false_negative=rate(success_N & derived_N),
        other_false_positive=rate(~success_N & derived_N),
        auc=area_under_curve(score_N, success_N),
    )
