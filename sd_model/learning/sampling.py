"""Which examples a batch holds: balanced over tasks, and over success and failure of each.

Shapes: F frames, T tasks. Outcomes are int8: 1 success, 0 failure, -1 unknown.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput

OutcomesFT = NDArray[np.int8]


class BalancedSampler:
    """Draws frames: a task uniformly, success or failure evenly, one of its episodes uniformly,
    then one such frame of it; `own_share` of them from episodes that show the task itself.

    (MT-Opt, App. 8: "we balance the data between success and failures as well as tasks".) Frames
    of one clip resemble each other, so a long clip weighs no more than a terminal frame. What
    follows from another task's outcome is plenty and mostly easy: of the failures to place, nine
    in ten show an object in the air. Left to themselves they crowd out the near misses.
    Differs: the paper draws a task's successes and failures as they come (`own_share` 0).

    Args:
        outcome_FT: Outcomes of the frames to draw from.
        episode_F: Their episodes.
        shown_F: The tasks that the episodes show or were told to do, as columns of `outcome_FT`;
            -1: none of them.
        own_share: How many of a task's draws are from episodes that show it, where there are any.

    Raises:
        InvalidInput: A task lacks successes or failures among the frames.
    """

    def __init__(
        self,
        outcome_FT: OutcomesFT,
        episode_F: NDArray[np.str_],
        shown_F: NDArray[np.intp],
        own_share: float,
    ) -> None:
        self._pools = [
            [
                _pools(outcome_FT[:, task] == outcome, shown_F == task, episode_F, own_share)
                for outcome in (0, 1)
            ]
            for task in range(outcome_FT.shape[1])
        ]
        for task, (failures, successes) in enumerate(self._pools):
            if not failures or not successes:
                success_count, failure_count = (
                    int((outcome_FT[:, task] == outcome).sum()) for outcome in (1, 0)
                )
                raise InvalidInput(
                    f"Task number {task} has {success_count} successes and {failure_count} "
                    "failures to train on.",
                    valid=["at least one of each"],
                    next_step="Record a pair of clips for it, or leave the task out.",
                )

    def draw(self, count: int, generator: np.random.Generator) -> NDArray[np.intp]:
        """Indices of `count` frames, (count,); half of them chosen for a success."""
        task_B = generator.integers(len(self._pools), size=count)
        outcome_B = generator.permutation(np.arange(count) % 2)
        drawn = []
        for task, outcome in zip(task_B, outcome_B, strict=True):
            pools = self._pools[task][outcome]
            chosen = generator.choice(len(pools), p=[share for share, _ in pools])
            episodes = pools[chosen][1]
            drawn.append(generator.choice(episodes[generator.integers(len(episodes))]))
        return np.array(drawn, dtype=np.intp)

    def balance_weights(self, outcome_FT: OutcomesFT) -> NDArray[np.float32]:
        """Weights that make every task's successes and failures count alike in the loss.

        A frame drawn for one task also teaches every other task whose outcome it shows, and
        derived failures are many. With `p[o, t]` the chance that a drawn frame has outcome `o` of
        task `t`, the weight is `1 / (2 T p[o, t])`. Since the sampler asks for each `(o, t)` with
        chance `1 / (2 T)`, weights are at most 1.

        Differs: the paper balances what is drawn and asks one task a frame.

        Args:
            outcome_FT: Outcomes of the frames the sampler draws from.

        Returns:
            (2, T) float32: failures in row 0, successes in row 1.
        """
        task_count = outcome_FT.shape[1]
        chance_F = np.zeros(len(outcome_FT))
        for share, episodes in itertools.chain(*itertools.chain(*self._pools)):
            for frames in episodes:
                chance_F[frames] += share / (2 * task_count * len(episodes) * len(frames))
        chance_2T = np.stack([chance_F @ (outcome_FT == outcome) for outcome in (0, 1)])
        weight_2T: NDArray[np.float32] = (1 / (2 * task_count * chance_2T)).astype(np.float32)
        return weight_2T


_Pool = tuple[float, list[NDArray[np.intp]]]
"""How much of what is drawn comes from here, and the frames of each episode."""


def _pools(
    wanted_F: NDArray[np.bool_],
    own_F: NDArray[np.bool_],
    episode_F: NDArray[np.str_],
    own_share: float,
) -> list[_Pool]:
    """What to draw the `wanted` frames from; nothing where there are none."""
    everything = _by_episode(np.flatnonzero(wanted_F), episode_F)
    own = _by_episode(np.flatnonzero(wanted_F & own_F), episode_F)
    if not everything:
        return []
    return [(own_share, own), (1 - own_share, everything)] if own else [(1.0, everything)]


def _by_episode(frames: NDArray[np.intp], episode_F: NDArray[np.str_]) -> list[NDArray[np.intp]]:
    _, number = np.unique(episode_F[frames], return_inverse=True)
    order = np.argsort(number, kind="stable")
    return (
        np.split(frames[order], np.flatnonzero(np.diff(number[order])) + 1) if len(frames) else []
    )
