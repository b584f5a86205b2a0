"""The replay buffers: for each task, the episodes that succeeded at it and those that failed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput, unknown_name
from policy.experience.trajectory import Trajectory

FAILURE, SUCCESS = 0, 1
"""Columns of every table of counts by task and outcome."""


class OutcomeBuffer:
    """The newest trajectories of one task and outcome, within a capacity in transitions.

    Transitions are numbered from the first that was ever added, so that adding one trajectory costs
    no more where many are held.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._trajectories: list[Trajectory] = []
        self._bounds = [0]
        """Trajectory i holds the numbers from bound i up to bound i + 1."""
        self._commands: list[NDArray[np.int64]] = []
        self._command_bounds = [0]
        """The same for the steps that open, close or terminate."""

    def __len__(self) -> int:
        """The number of transitions held."""
        return self._bounds[-1] - self._bounds[0]

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """What is held, oldest first."""
        return tuple(self._trajectories)

    def add(self, trajectory: Trajectory) -> None:
        """Append `trajectory`, then drop the oldest while the capacity is exceeded.

        The newest is kept even if it exceeds the capacity alone.
        """
        commands = trajectory.commands()
        self._trajectories.append(trajectory)
        self._commands.append(commands)
        self._bounds.append(self._bounds[-1] + len(trajectory))
        self._command_bounds.append(self._command_bounds[-1] + len(commands))
        fitting = bisect_left(self._bounds, self._bounds[-1] - self._capacity)
        leaving = min(fitting, len(self._trajectories) - 1)
        for held in (self._trajectories, self._commands, self._bounds, self._command_bounds):
            del held[:leaving]

    def draw(
        self, generator: np.random.Generator, *, command_share: float
    ) -> tuple[Trajectory, int]:
        """A trajectory and one of its steps, each held transition as likely as the others.

        Args:
            generator: Draws.
            command_share: Probability of a step that opens, closes or terminates, where there is
                one; 0 draws them as often as they come.
        """
        commands = self._command_bounds[-1] - self._command_bounds[0]
        if command_share and commands and generator.random() < command_share:
            position, index = _find(self._command_bounds, int(generator.integers(commands)))
            return self._trajectories[position], int(self._commands[position][index])
        return self.locate(int(generator.integers(len(self))))

    def locate(self, index: int) -> tuple[Trajectory, int]:
        """The trajectory of a transition, counted from the oldest, and its step within it.

        Args:
            index: In [0, len(self)).
        """
        position, step = _find(self._bounds, index)
        return self._trajectories[position], step


def _find(bounds: Sequence[int], index: int) -> tuple[int, int]:
    """Between which bounds the number `index` after the first one lies, and how far in."""
    number = bounds[0] + index
    position = bisect_right(bounds, number) - 1
    return position, number - bounds[position]


class ReplayBuffers:
    """One `OutcomeBuffer` for each task and outcome (MT-Opt, Fig. 10).

    A trajectory is stored once, however many tasks it teaches: the buffers hold references, and
    its memory is free again when the last buffer has dropped it. Each buffer drops its own oldest,
    so that plenty for one task never pushes out another task's few successes.

    Args:
        tasks: The policy's tasks, in the order of their one-hot codes.
        capacity: Transitions kept for each task and outcome.
    """

    def __init__(self, tasks: Sequence[str], capacity: int) -> None:
        if not tasks:
            raise InvalidInput("A policy needs at least one task.", next_step="Choose tasks.")
        self.tasks = tuple(tasks)
        self._index = {task: index for index, task in enumerate(self.tasks)}
        self._buffers = [(OutcomeBuffer(capacity), OutcomeBuffer(capacity)) for _ in self.tasks]

    def add(self, trajectory: Trajectory, task: str, *, success: bool) -> None:
        """File `trajectory` under `task` and its outcome. Raises `UnknownName`."""
        if task not in self._index:
            raise unknown_name("task", task, self.tasks, where="replay buffers")
        self.buffer(self._index[task], success).add(trajectory)

    def buffer(self, task_index: int, success: bool) -> OutcomeBuffer:
        """The buffer of one task, by its index, and outcome."""
        return self._buffers[task_index][SUCCESS if success else FAILURE]

    def transition_counts(self) -> NDArray[np.int64]:
        """Transitions held, shape (tasks, 2): failure and success."""
        return np.asarray([[len(b) for b in pair] for pair in self._buffers], dtype=np.int64)

    def episode_counts(self) -> NDArray[np.int64]:
        """Episodes held, shape (tasks, 2): failure and success."""
        return np.asarray(
            [[len(b.trajectories) for b in pair] for pair in self._buffers], dtype=np.int64
        )
