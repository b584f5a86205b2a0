"""Scoring frames with a network: the one path that training, reports and serving share.

Shapes: N frames, V views, H and W pixels, C channels, T tasks.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sd_model.learning.augmentation import Preprocessing, to_tensor
from sd_model.learning.network import DetectorNetwork

_BATCH = 64


def score_views(
    network: DetectorNetwork,
    preprocessing: Preprocessing,
    views_NVHWC: NDArray[np.uint8],
    device: torch.device,
) -> NDArray[np.float32]:
    """Probabilities of success, (N, T) float32, from kept views (see `Preprocessing.keep`).

    The network is left in evaluation mode. Runs in float32, so that a score does not depend on
    what else was scored beside it.
    """
    network.eval()
    scores = [np.empty((0, network.task_count), dtype=np.float32)]
    with torch.inference_mode():
        for start in range(0, len(views_NVHWC), _BATCH):
            crops_NVHWC = preprocessing.centre(views_NVHWC[start : start + _BATCH])
            logits_NT = network(to_tensor(crops_NVHWC, device))
            scores.append(torch.sigmoid(logits_NT).float().cpu().numpy())
    return np.concatenate(scores)
