"""What each update sees, drawn from the seed and the update's number alone.

Shapes: B frames, A frames with a robot's state, V views, H and W pixels, C channels, T tasks,
S robot state values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sd_model.config import DetectorConfig
from sd_model.examples.dataset import LabelledFrames
from sd_model.examples.state_frames import StateFrames
from sd_model.learning.augmentation import Preprocessing
from sd_model.learning.sampling import BalancedSampler


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The frames of one update, augmented."""

    crops_BVHWC: NDArray[np.uint8]
    outcome_BT: NDArray[np.int8]
    """1 success, 0 failure, -1 unknown."""
    state_crops_AVHWC: NDArray[np.uint8] | None
    """Over-the-shoulder crops (V is 1) for the auxiliary regression, where it is on."""
    state_AS: NDArray[np.float32] | None


class Batches:
    """Balanced, augmented batches of the training frames.

    Args:
        frames: All frames of the manifest.
        training_indices: Those that may train, from `training_frames`.
        views_FVHWC: Kept views of all frames.
        states: Frames with robot states, where the auxiliary regression is on.
    """

    def __init__(
        self,
        frames: LabelledFrames,
        training_indices: NDArray[np.intp],
        views_FVHWC: NDArray[np.uint8],
        states: StateFrames | None,
        config: DetectorConfig,
        seed: int,
    ) -> None:
        self._outcome_FT = frames.outcome_FT
        self._indices = training_indices
        self._views_FVHWC = views_FVHWC
        self._states = states
        self._config = config
        self._seed = seed
        self._sampler = BalancedSampler(frames.outcome_FT[training_indices])
        self._preprocessing = Preprocessing(config)

    def draw(self, update: int) -> Batch:
        """The batch of one update; the same number gives the same batch."""
        generator = np.random.default_rng([self._seed, update])
        drawn = self._sampler.draw(self._config.batch_size, generator)
        chosen = np.sort(self._indices[drawn])  # in the order of the file
        crops_BVHWC = self._preprocessing.augment(
            self._views_FVHWC[chosen], int(generator.integers(2**31))
        )
        state_crops_AVHWC = state_AS = None
        if self._states is not None:
            count = len(self._states.state_NS)
            picked = np.sort(generator.integers(count, size=self._config.auxiliary_batch_size))
            state_crops_AVHWC = self._preprocessing.augment(
                self._states.image_NHWC[picked][:, None], int(generator.integers(2**31))
            )
            state_AS = self._states.state_NS[picked]
        return Batch(
            crops_BVHWC=crops_BVHWC,
            outcome_BT=self._outcome_FT[chosen],
            state_crops_AVHWC=state_crops_AVHWC,
            state_AS=state_AS,
        )
