"""The replay buffers: for each task, the episodes that succeeded at it and those that failed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput, unknown_name
from policy.experience.trajectory import Trajectory

FAILURE, SUCCESS = 0, 1
"""Columns of every table of counts by task and outcome."""


class OutcomeBuffer:
    """The newest trajectories of one task and outcome, within a capacity in transitions."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._trajectories: list[Trajectory] = []
        self._ends = np.zeros(0, dtype=np.int64)
        self._commands: list[NDArray[np.int64]] = []
        self._command_ends = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        """The number of transitions held."""
        return int(self._ends[-1]) if self._ends.size else 0

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """What is held, oldest first."""
        return tuple(self._trajectories)

    def add(self, trajectory: Trajectory) -> None:
        """Append `trajectory`, then drop the oldest while the capacity is exceeded.

        The newest is kept even if it exceeds the capacity alone.
        """
        self._trajectories.append(trajectory)
        self._commands.append(trajectory.commands())
        excess = len(self) + len(trajectory) - self._capacity
        leaving = 0
        while excess > 0 and leaving < len(self._trajectories) - 1:
            excess -= len(self._trajectories[leaving])
            leaving += 1
        del self._trajectories[:leaving]
        del self._commands[:leaving]
        self._ends = np.cumsum([len(held) for held in self._trajectories])
        self._command_ends = np.cumsum([len(steps) for steps in self._commands])

    def draw(
        self, generator: np.random.Generator, *, command_share: float
    ) -> tuple[Trajectory, int]:
        """A trajectory and one of its steps, each held transition as likely as the others.

        Args:
            generator: Draws.
            command_share: Probability of a step that opens, closes or terminates, where there is
                one; 0 draws them as often as they come.
        """
        if command_share and self._command_ends[-1] and generator.random() < command_share:
            index = int(generator.integers(self._command_ends[-1]))
            position = int(np.searchsorted(self._command_ends, index, side="right"))
            steps = self._commands[position]
            step = int(steps[index - int(self._command_ends[position]) + len(steps)])
            return self._trajectories[position], step
        return self.locate(int(generator.integers(len(self))))

    def locate(self, index: int) -> tuple[Trajectory, int]:
        """The trajectory of a transition, counted from the oldest, and its step within it.

        Args:
            index: In [0, len(self)).
        """
        position = int(np.searchsorted(self._ends, index, side="right"))
        trajectory = self._trajectories[position]
        return trajectory, index - int(self._ends[position]) + len(trajectory)


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
