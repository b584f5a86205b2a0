"""Scoring frames with a network: the one path that training, reports and serving share.

Shapes: N frames, V views, H and W pixels, C channels, T tasks.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sd_model.learning.augmentation import Looks, Preprocessing, to_tensors
from sd_model.learning.network import DetectorNetwork

_BATCH = 64


def score_looks(
    network: DetectorNetwork,
    preprocessing: Preprocessing,
    looks: Looks,
    device: torch.device,
) -> NDArray[np.float32]:
    """Probabilities of success, (N, T) float32, from kept looks (see `Preprocessing.keep`).

    The network is left in evaluation mode. Runs in float32, so that a score does not depend on
    what else was scored beside it.
    """
    network.eval()
    scores = [np.empty((0, network.task_count), dtype=np.float32)]
    with torch.inference_mode():
        for start in range(0, len(looks.whole_NVHWC), _BATCH):
            chunk = Looks(*(each[start : start + _BATCH] for each in looks))
            logits_NT = network(*to_tensors(preprocessing.centre(chunk), device))
            scores.append(torch.sigmoid(logits_NT).float().cpu().numpy())
    return np.concatenate(scores)
