"""What a batch is made of: tasks in equal parts, success and failure at a constant share.

Shapes: T tasks, O outcomes (failure, success), B transitions of a batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput
from policy.config import PolicyConfig
from policy.experience.replay import FAILURE, SUCCESS, ReplayBuffers
from policy.experience.trajectory import gather_transitions
from policy.experience.transitions import Transitions


class Choice(NamedTuple):
    """From which buffer each transition of a batch is to come."""

    task_B: NDArray[np.int64]
    success_B: NDArray[np.bool_]


def choose_rebalanced(
    count_TO: NDArray[np.int64],
    batch_size: int,
    success_share: float,
    generator: np.random.Generator,
) -> Choice:
    """Equal parts for every task, and `success_share` of each part from success (Sec. IV-B).

    Counts that do not divide are rounded at random, so that they are right on average and differ
    by at most one between tasks. A task with a single outcome gives that one; a task without
    experience gives nothing, and the others share its part.

    Args:
        count_TO: Transitions held for each task and outcome; at least one is not zero.
        batch_size: B.
        success_share: In [0, 1].
        generator: Rounds and orders.
    """
    available = generator.permutation(np.flatnonzero(count_TO.sum(axis=1)))
    task_B = np.sort(np.resize(available, batch_size))
    success_B = np.zeros(batch_size, dtype=np.bool_)
    for task in available.tolist():
        part = np.flatnonzero(task_B == task)
        share = success_share
        if count_TO[task, FAILURE] == 0:
            share = 1.0
        elif count_TO[task, SUCCESS] == 0:
            share = 0.0
        success_B[part[: int(len(part) * share + generator.random())]] = True
    order = generator.permutation(batch_size)
    return Choice(task_B[order], success_B[order])


def choose_random(
    count_TO: NDArray[np.int64], batch_size: int, generator: np.random.Generator
) -> Choice:
    """Every transition held is equally likely: the paper's `rand`, for comparison.

    Args:
        count_TO: Transitions held for each task and outcome; at least one is not zero.
        batch_size: B.
        generator: Draws.
    """
    probability = count_TO.ravel() / count_TO.sum()
    buffer_B = generator.choice(count_TO.size, size=batch_size, p=probability)
    return Choice(buffer_B // 2, buffer_B % 2 == SUCCESS)


def sample_batch(
    buffers: ReplayBuffers,
    batch_size: int,
    config: PolicyConfig,
    generator: np.random.Generator,
) -> Transitions:
    """A batch from `buffers`, balanced as `config` says.

    Within a buffer every transition is equally likely, but for the share of gripper commands, and
    may come more than once.

    Differs: the paper balances tasks and outcomes alone; `command_share_of_batch` at 0 does so too.

    Raises:
        InvalidInput: The buffers are empty.
    """
    count_TO = buffers.transition_counts()
    if not count_TO.any():
        raise InvalidInput(
            "There is no experience of these tasks to learn from.",
            where=f"tasks {', '.join(buffers.tasks)}",
            next_step="Collect robot episodes of these tasks, or of tasks of the same skill; where "
            "the simulator does not know how they end, let a detector judge them.",
        )
    if config.balancing == "rebal":
        choice = choose_rebalanced(count_TO, batch_size, config.success_share_of_batch, generator)
    else:
        choice = choose_random(count_TO, batch_size, generator)
    buffer_B = [
        buffers.buffer(task, success)
        for task, success in zip(choice.task_B.tolist(), choice.success_B.tolist(), strict=True)
    ]
    share = config.command_share_of_batch
    located_B = [buffer.draw(generator, command_share=share) for buffer in buffer_B]
    return gather_transitions(
        [trajectory for trajectory, _ in located_B],
        np.asarray([step for _, step in located_B], dtype=np.int64),
        choice.task_B,
        choice.success_B,
    )
