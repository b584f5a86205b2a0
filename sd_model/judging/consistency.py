"""Decisions that obey the relations of the tasks: the one place where contradictions are settled.

Each task's logit is judged by its own threshold, so that a frame may come out as a lifted carrot on
which nothing is lifted. A policy that is rewarded for both would learn from a contradiction, which
impersonation would hand on to every other task.

Shapes: N frames, T tasks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.tasks.feasibility import close_outcomes
from data.tasks.tasks import Outcome, TaskSet

_OUTCOMES: tuple[Outcome, Outcome] = ("failure", "success")


class Consistency:
    """Settles what detectors say of `tasks`."""

    def __init__(self, tasks: TaskSet) -> None:
        column = {name: index for index, name in enumerate(tasks.names)}
        self._follows = np.full((2, len(column), len(column)), -1, dtype=np.int8)
        """What follows of each task (last axis) from each outcome of each; -1: nothing."""
        for number, outcome in enumerate(_OUTCOMES):
            for name, index in column.items():
                for other, conclusion in close_outcomes({name: outcome}, tasks).items():
                    follows = conclusion.outcome == "success"
                    self._follows[number, index, column[other]] = follows

    def contradicted(self, decision_NT: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Frames on which two decisions cannot both be true, (N,)."""
        bad_N = np.zeros(len(decision_NT), dtype=bool)
        for index in range(decision_NT.shape[1]):
            follows_NT = self._follows[decision_NT[:, index].astype(int), index]
            bad_N |= ((follows_NT >= 0) & (follows_NT != decision_NT)).any(axis=1)
        return bad_N

    def settle(
        self, score_NT: NDArray[np.float32], threshold_T: NDArray[np.floating]
    ) -> NDArray[np.bool_]:
        """Decisions without contradiction, (N, T).

        Where there is one, the task whose score lies furthest from its threshold (as log-odds) has
        its say first, and what follows from it stands; then the next of those still open.

        Differs: the paper decides each task by itself.
        """
        decision_NT: NDArray[np.bool_] = score_NT >= threshold_T
        margin_NT = np.abs(log_odds(score_NT) - log_odds(threshold_T))
        for frame in np.flatnonzero(self.contradicted(decision_NT)):
            settled_T = np.full(len(threshold_T), -1, dtype=np.int8)
            for task in np.argsort(-margin_NT[frame], kind="stable"):
                if settled_T[task] < 0:
                    follows_T = self._follows[int(decision_NT[frame, task]), task]
                    settled_T = np.where(settled_T >= 0, settled_T, follows_T)
            decision_NT[frame] = settled_T == 1
        return decision_NT


def log_odds(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """The logarithm of the odds of each probability, finite also at 0 and 1."""
    inside = np.clip(probability.astype(np.float64), 1e-9, 1 - 1e-9)
    odds: NDArray[np.float64] = np.log(inside) - np.log1p(-inside)
    return odds
