"""What each update sees, drawn from the seed and the update's number alone.

Shapes: B frames, T tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sd_model.examples.dataset import LabelledFrames, StoredLooks
from sd_model.learning.augmentation import Looks, Preprocessing
from sd_model.learning.sampling import BalancedSampler


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The frames of one update, augmented."""

    looks: Looks
    """Of B frames."""
    outcome_BT: NDArray[np.int8]
    """1 success, 0 failure, -1 unknown."""
    closed_B: NDArray[np.float32]
    """How far the jaws are closed, 0 to 1; NaN where no robot says."""


class Batches:
    """Balanced, augmented batches of the training frames.

    Args:
        frames: All frames of the manifest.
        training_indices: Those that may train, from `training_frames`.
        stored: Kept looks of all frames.
        own_share: See `BalancedSampler`.
    """

    def __init__(
        self,
        frames: LabelledFrames,
        training_indices: NDArray[np.intp],
        stored: StoredLooks,
        preprocessing: Preprocessing,
        *,
        batch_size: int,
        own_share: float,
        seed: int,
    ) -> None:
        self._outcome_FT = frames.outcome_FT
        self._indices = training_indices
        self._stored = stored
        self._closed_F = stored.closed
        self._preprocessing = preprocessing
        self._batch_size = batch_size
        self._seed = seed
        self.sampler = BalancedSampler(
            frames.outcome_FT[training_indices],
            frames.episode_F[training_indices],
            frames.shown_F[training_indices],
            own_share,
        )

    def draw(self, update: int) -> Batch:
        """The batch of one update; the same number gives the same batch."""
        generator = np.random.default_rng([self._seed, update])
        drawn = self.sampler.draw(self._batch_size, generator)
        chosen = np.sort(self._indices[drawn])  # in the order of the file
        looks = self._preprocessing.augment(
            self._stored.take(chosen), int(generator.integers(2**31))
        )
        return Batch(
            looks=looks, outcome_BT=self._outcome_FT[chosen], closed_B=self._closed_F[chosen]
        )
