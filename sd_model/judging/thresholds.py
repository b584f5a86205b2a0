"""The score from which a task counts as done, chosen on validation data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import betaincinv, expit

Way = Literal["bounded", "balanced", "default"]

_DEFAULT = 0.5
_SHIFT = 1.0
"""How far all scores of a task may be shifted on a robot that nobody has seen [logits, standard
deviation]. From a half to two it hardly matters (figures in docs/detector_quality.md)."""
_STEP = 0.01
_LOGITS = np.arange(-8.0, 8.0 + _STEP / 2, _STEP)
"""Where thresholds are looked for."""
_MOST_MISSED = 0.02
"""A bound that misses more of validation's successes than this is not worth its price: where
failures are few it stands above the worst of them, and on robots that nobody has seen, where scores
of successes sink, it misses several times as many (figures in docs/detector_quality.md)."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A threshold and how it was chosen."""

    value: float
    """Scores of at least this count as success."""
    way: Way
    """`bounded`: the bound on false positives holds; `balanced`: too few failures to bound them, or
    a bound would miss too many successes, so the threshold is the one that all tasks share, and
    never below 0.5; `default`: 0.5, since validation lacks successes or failures."""
    failures: int
    """Independent failures (clips or robot episodes) it was chosen on."""
    false_positives: int
    """How many of them hold a frame that it accepts."""
    bound: float
    """Upper bound of the false positive rate at the configured confidence; 1 without failures."""
    needed: int
    """Independent failures that a bound needs at least, with none accepted."""


def upper_bound(errors: int, count: int, confidence: float) -> float:
    """One-sided Clopper-Pearson upper bound of a rate; 1 where `count` is 0."""
    if errors >= count:
        return 1.0
    return float(betaincinv(errors + 1, count - errors, confidence))


def failures_needed(rate: float, confidence: float) -> int:
    """Failures to judge, none accepted, before `rate` is bounded: `(1 - rate)^n <= 1 - c`."""
    return int(np.ceil(np.log(1 - confidence) / np.log(1 - rate)))


def shared_threshold(
    tasks: Sequence[tuple[NDArray[np.float32], NDArray[np.bool_]]],
    *,
    false_positive_cost: float = 1.0,
) -> float:
    """The threshold that all tasks would share: the cheapest errors, as the mean over the tasks of
    false negative rate and false positive rate times its cost.

    On robots that nobody has seen, scores of successes sink and those of failures rise, and the gap
    that a single task shows in validation, often between two frames, does not say where to. All
    tasks together say it better, and errors are counted as if all scores were shifted by chance: a
    threshold close below most successes may be the best one in validation and is no good elsewhere.

    Args:
        tasks: Scores of each task's frames whose outcome is known, and their outcomes; tasks
            without successes or failures say nothing. 0.5 where none says anything.
        false_positive_cost: What an accepted failure costs, where a missed success costs 1.
    """
    telling = [(s_N, y_N) for s_N, y_N in tasks if y_N.any() and not y_N.all()]
    if not telling:
        return _DEFAULT
    value_C = expit(_LOGITS)
    error_C = np.zeros(len(value_C))
    for score_N, success_N in telling:
        accepted_C = 1 - _below(score_N[~success_N], value_C) / (~success_N).sum()
        missed_C = _below(score_N[success_N], value_C) / success_N.sum()
        error_C += missed_C + false_positive_cost * accepted_C
    shifted_C = gaussian_filter1d(error_C, _SHIFT / _STEP, mode="nearest")
    cheapest = np.flatnonzero(shifted_C <= shifted_C.min() + 1e-9)  # a stretch where all is apart
    return float(expit(_LOGITS[cheapest].mean()))


def choose_threshold(
    score_N: NDArray[np.float32],
    success_N: NDArray[np.bool_],
    episode_N: NDArray[np.str_],
    *,
    shared: float,
    false_positive_rate: float,
    confidence: float,
) -> Threshold:
    """The threshold of one task.

    It is the one that all tasks share, raised as little as needed until the false positive rate is
    bounded below `false_positive_rate` with `confidence`. Frames of one clip are not independent,
    so the bound counts episodes, and one accepted frame spoils its episode: what is bounded is no
    smaller than the rate of frames. Where no threshold can be bounded that accepts nearly
    all successes, the shared one stands, and what would lie below 0.5 is raised to it.

    Args:
        score_N: Scores of the frames whose outcome is known.
        success_N: Their outcomes.
        episode_N: Their episodes.
        shared: See `shared_threshold`.
    """
    episodes, episode_of_failure = np.unique(episode_N[~success_N], return_inverse=True)
    needed = failures_needed(false_positive_rate, confidence)
    if not len(episodes) or not success_N.any():
        return Threshold(
            value=_DEFAULT,
            way="default",
            failures=len(episodes),
            false_positives=0,
            bound=1.0,
            needed=needed,
        )
    worst_E = np.zeros(len(episodes), dtype=np.float32)
    np.maximum.at(worst_E, episode_of_failure, score_N[~success_N])
    bounds = np.array([upper_bound(n, len(episodes), confidence) for n in range(len(episodes) + 1)])
    candidate_C = _candidates(score_N)
    candidate_C = np.append(shared, candidate_C[candidate_C > shared])
    bounded_C = bounds[len(episodes) - _below(worst_E, candidate_C)] <= false_positive_rate
    bounded_C &= _below(score_N[success_N], candidate_C) <= _MOST_MISSED * success_N.sum()
    bounded = bool(bounded_C.any())
    value = candidate_C[np.argmax(bounded_C)] if bounded else max(shared, _DEFAULT)
    accepted = len(episodes) - int(_below(worst_E, np.array([value]))[0])
    return Threshold(
        value=float(value),
        way="bounded" if bounded else "balanced",
        failures=len(episodes),
        false_positives=accepted,
        bound=float(bounds[accepted]),
        needed=needed,
    )


def _below(score_N: NDArray[np.float32], value_C: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many scores lie below each value, (C,)."""
    return np.searchsorted(np.sort(score_N).astype(np.float64), value_C, side="left")


def _candidates(score_N: NDArray[np.float32]) -> NDArray[np.float64]:
    """The middle between neighbouring scores, and a last one above every score; sorted."""
    scores = np.unique(score_N).astype(np.float64)
    middle = (scores[1:] + scores[:-1]) / 2
    above = min(1.0, (scores[-1] + 1) / 2) if scores[-1] < 1 else np.nextafter(1.0, 2.0)
    return np.append(middle, above)
