"""Batches of transitions: what replay hands to learning.

Shapes: B transitions, H height, W width, C colour, S state, A action.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Transitions:
    """A batch of (s, a, r, s'), each belonging to one task (MT-Opt, Sec. IV-A).

    Images have the size `PolicyConfig.frame_size`; augmentation cuts the network's input from them.
    """

    image_BHWC: NDArray[np.uint8]
    """What `policy.experience.sight` shows before the action, RGB."""
    state_BS: NDArray[np.float32]
    """The state before the action, as `policy.experience.sight` gives it."""
    action_BA: NDArray[np.float32]
    """The action, laid out as `data.cells.protocol.ActionA`."""
    task_B: NDArray[np.int64]
    """The task the transition trains: its index in the policy's tasks."""
    reward_B: NDArray[np.float32]
    """1 on the last transition of a successful episode, else 0; step penalties come later."""
    done_B: NDArray[np.bool_]
    """Whether the action ended the episode, so that s' has no value."""
    success_B: NDArray[np.bool_]
    """Whether the episode as a whole succeeded at the task (what batches are balanced over)."""
    steps_left_B: NDArray[np.int64]
    """Actions that followed in the episode; 0 where `done_B`."""
    next_image_BHWC: NDArray[np.uint8]
    """What it shows after the action, RGB."""
    next_state_BS: NDArray[np.float32]
    """The state after the action."""
    source_B2: NDArray[np.int64]
    """Where it is found again: the number of its trajectory in replay, and its step there."""

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) != 1:
            raise InvalidInput(
                f"The arrays of a batch of transitions differ in length: {lengths}.",
                next_step="Give every field one entry per transition.",
            )

    def __len__(self) -> int:
        return len(self.task_B)
