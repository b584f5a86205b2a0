"""Which examples a batch holds: balanced over tasks, and over success and failure of each.

Shapes: F frames, T tasks. Outcomes are int8: 1 success, 0 failure, -1 unknown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput

OutcomesFT = NDArray[np.int8]


class BalancedSampler:
    """Draws frames: a task uniformly, success or failure evenly, one of its episodes uniformly,
    then one such frame of it.

    (MT-Opt, App. 8: "we balance the data between success and failures as well as tasks".) Frames
    of one clip resemble each other, so a long clip weighs no more than a terminal frame.

    Args:
        outcome_FT: Outcomes of the frames to draw from.
        episode_F: Their episodes.

    Raises:
        InvalidInput: A task lacks successes or failures among the frames.
    """

    def __init__(self, outcome_FT: OutcomesFT, episode_F: NDArray[np.str_]) -> None:
        self._members = [
            [
                _by_episode(np.flatnonzero(outcome_FT[:, task] == outcome), episode_F)
                for outcome in (0, 1)
            ]
            for task in range(outcome_FT.shape[1])
        ]
        for task, (failures, successes) in enumerate(self._members):
            if not len(failures) or not len(successes):
                raise InvalidInput(
                    f"Task number {task} has {len(successes)} successes and {len(failures)} "
                    "failures to train on.",
                    valid=["at least one of each"],
                    next_step="Record a pair of clips for it, or leave the task out.",
                )

    def draw(self, count: int, generator: np.random.Generator) -> NDArray[np.intp]:
        """Indices of `count` frames, (count,); half of them chosen for a success."""
        task_B = generator.integers(len(self._members), size=count)
        outcome_B = generator.permutation(np.arange(count) % 2)
        drawn = []
        for task, outcome in zip(task_B, outcome_B, strict=True):
            episodes = self._members[task][outcome]
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
        for outcomes in self._members:
            for episodes in outcomes:
                for frames in episodes:
                    chance_F[frames] += 1 / (2 * task_count * len(episodes) * len(frames))
        chance_2T = np.stack([chance_F @ (outcome_FT == outcome) for outcome in (0, 1)])
        weight_2T: NDArray[np.float32] = (1 / (2 * task_count * chance_2T)).astype(np.float32)
        return weight_2T


def _by_episode(frames: NDArray[np.intp], episode_F: NDArray[np.str_]) -> list[NDArray[np.intp]]:
    _, number = np.unique(episode_F[frames], return_inverse=True)
    order = np.argsort(number, kind="stable")
    return (
        np.split(frames[order], np.flatnonzero(np.diff(number[order])) + 1) if len(frames) else []
    )
