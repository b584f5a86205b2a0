"""What a policy expected along a stored episode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.episodes import Episode
from data.frames import CAMERAS, decode_jpeg
from policy.acting.policy import Policy


def step_values(
    policy: Policy, episode: Episode, task: str, generator: np.random.Generator
) -> NDArray[np.float32]:
    """The value of the best action that the policy finds at every step, (N,) float32.

    NaN where a step lacks the state or the over-shoulder image.

    Raises:
        UnknownName: The policy was not trained on `task`.
        CorruptData: An image cannot be read.
    """
    values_N = np.full(len(episode.steps), np.nan, dtype=np.float32)
    for index, step in enumerate(episode.steps):
        jpeg = step.frames.jpegs.get(CAMERAS[0])
        if step.state is not None and jpeg is not None:
            _, values_N[index] = policy.judge(decode_jpeg(jpeg), step.state, task, generator)
    return values_N
