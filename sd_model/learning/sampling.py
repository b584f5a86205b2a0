"""Which examples a batch holds: balanced over tasks, and over success and failure of each.

Shapes: F frames, T tasks. Outcomes are int8: 1 success, 0 failure, -1 unknown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput

OutcomesFT = NDArray[np.int8]


class BalancedSampler:
    """Draws frames: a task uniformly, success or failure evenly, then one such frame uniformly.

    (MT-Opt, App. 8: "we balance the data between success and failures as well as tasks".)

    Raises:
        InvalidInput: A task lacks successes or failures among the frames.
    """

    def __init__(self, outcome_FT: OutcomesFT) -> None:
        self._members = [
            [np.flatnonzero(outcome_FT[:, task] == outcome) for outcome in (0, 1)]
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
        return np.array(
            [generator.choice(self._members[t][o]) for t, o in zip(task_B, outcome_B, strict=True)],
            dtype=np.intp,
        )


def balance_weights(outcome_FT: OutcomesFT) -> NDArray[np.float32]:
    """Weights that make every task's successes and failures count alike in the loss.

    A frame drawn for one task also teaches every other task whose outcome it shows, and derived
    failures are many. With `p[o, t]` the chance that a drawn frame has outcome `o` of task `t`,
    the weight is `1 / (2 T p[o, t])`. Since the sampler asks for each `(o, t)` with chance
    `1 / (2 T)`, weights are at most 1.

    Differs: the paper balances what is drawn and asks one task a frame.

    Args:
        outcome_FT: Outcomes of the frames the sampler draws from; every task has both.

    Returns:
        (2, T) float32: failures in row 0, successes in row 1.
    """
    task_count = outcome_FT.shape[1]
    chance_F = np.zeros(len(outcome_FT))
    for task in range(task_count):
        for outcome in (0, 1):
            members = outcome_FT[:, task] == outcome
            chance_F[members] += 1 / (2 * task_count * members.sum())
    chance_2T = np.stack([chance_F @ (outcome_FT == outcome) for outcome in (0, 1)])
    weight_2T: NDArray[np.float32] = (1 / (2 * task_count * chance_2T)).astype(np.float32)
    return weight_2T
