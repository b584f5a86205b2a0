"""Which tasks an episode may teach beside its own (MT-Opt, Sec. IV-B and App. 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data.tasks.tasks import TaskSet
from policy.config import Strategy


class TaskOutcome(NamedTuple):
    """One task an episode is to teach, and whether the episode succeeded at it."""

    task: str
    success: bool


def impersonate(
    commanded_task: str,
    rewards: Mapping[str, bool],
    tasks: TaskSet,
    *,
    strategy: Strategy,
    p_success: float,
    p_failure: float,
    generator: np.random.Generator,
) -> list[TaskOutcome]:
    """Expand one episode into what it teaches each task (Algorithm 1 of MT-Opt, App. 7.3).

    The commanded task itself is always kept where it has a reward. Another task is a candidate
    under `all`, or under `skill` where it belongs to the commanded task's skill; a candidate is
    routed to training with probability `p_success` if the episode succeeded at it, else with
    probability `p_failure`. `skill` with both at 1 is the paper's best strategy.

    Args:
        commanded_task: The task the episode was collected for; known to `tasks`.
        rewards: Success of the terminal frame, for each task that may be taught.
        tasks: Every task of the workspace, for the skills they belong to.
        strategy: `orig` (no impersonation), `all`, or `skill`.
        p_success: The paper's p_s, in [0, 1].
        p_failure: The paper's p_f, in [0, 1].
        generator: Draws one number for each candidate, whatever the probabilities.

    Returns:
        The tasks taught, in the order of `rewards`.

    Raises:
        UnknownName: A task that `tasks` does not have.
    """
    skill = tasks[commanded_task].skill

    def is_taught(task: str, success: bool) -> bool:
        if task == commanded_task:
            return True
        candidate = strategy == "all" or (strategy == "skill" and tasks[task].skill == skill)
        return candidate and generator.random() < (p_success if success else p_failure)

    return [
        TaskOutcome(task, success) for task, success in rewards.items() if is_taught(task, success)
    ]
