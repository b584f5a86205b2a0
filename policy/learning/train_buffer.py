"""The train buffer: labelled transitions between the Bellman updater and the trainer.

Shapes: B transitions, H height, W width, C colour, S state, A action.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Transitions with the target of their Q value; s' and the reward are no longer needed."""

    image_BHWC: NDArray[np.uint8]
    """s as replay holds it; augmented anew at each use."""
    state_BS: NDArray[np.float32]
    action_BA: NDArray[np.float32]
    task_B: NDArray[np.int64]
    success_B: NDArray[np.bool_]
    """Whether the episode as a whole succeeded at the task."""
    target_B: NDArray[np.float32]
    """In [0, 1]."""
    version_B: NDArray[np.int64]
    """The version of the target copies that made the label."""
    source_B2: NDArray[np.int64]
    """As in `Transitions`."""

    def __len__(self) -> int:
        return len(self.target_B)

    def take(self, index_N: NDArray[np.int64]) -> Self:
        """The transitions at `index_N`, copied."""
        return type(self)(**{f.name: getattr(self, f.name)[index_N] for f in fields(self)})


class TrainBuffer:
    """The newest `capacity` labelled transitions (QT-Opt, Appendix F.4 and F.5)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._columns: dict[str, NDArray[Any]] = {}
        self._next = 0
        self._length = 0
        self.dropped = 0
        """Labels that left because their target copies were too old."""

    def __len__(self) -> int:
        return self._length

    def add(self, labelled: Labelled) -> None:
        """Append, over the oldest where the buffer is full."""
        labelled = labelled.take(np.arange(max(0, len(labelled) - self._capacity), len(labelled)))
        place_B = (self._next + np.arange(len(labelled))) % self._capacity
        for field in fields(labelled):
            values = getattr(labelled, field.name)
            if field.name not in self._columns:
                self._columns[field.name] = np.empty(
                    (self._capacity, *values.shape[1:]), dtype=values.dtype
                )
            self._columns[field.name][place_B] = values
        self._next = (self._next + len(labelled)) % self._capacity
        self._length = min(self._capacity, self._length + len(labelled))

    def drop_stale(self, oldest_version: int) -> int:
        """Drop labels of versions before `oldest_version`; returns how many went.

        Labels arrive in the order of their versions, or nearly: those behind a stale one that are
        themselves fresh stay until everything older has gone.
        """
        before = self._length
        while self._length and self._oldest_version() < oldest_version:
            self._length -= 1
        self.dropped += before - self._length
        return before - self._length

    def sample(self, count: int, generator: np.random.Generator) -> Labelled:
        """`count` transitions, each as likely as the others, with repetition.

        Raises:
            InvalidInput: The buffer is empty.
        """
        if not self._length:
            raise InvalidInput(
                "The train buffer is empty.", next_step="Label transitions before training on them."
            )
        index_B = (self._first() + generator.integers(0, self._length, count)) % self._capacity
        return Labelled(**{name: column[index_B] for name, column in self._columns.items()})

    def held(self) -> Labelled | None:
        """All of them, oldest first; None while there is none."""
        if not self._length:
            return None
        index_B = (self._first() + np.arange(self._length)) % self._capacity
        return Labelled(**{name: column[index_B] for name, column in self._columns.items()})

    def _first(self) -> int:
        return (self._next - self._length) % self._capacity

    def _oldest_version(self) -> int:
        return int(self._columns["version_B"][self._first()])
