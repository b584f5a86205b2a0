"""A detector in the place of LeRobot's reward classifier.

Shapes: B frame sets, C colours, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data.episodes.frames import CAMERAS, ImageHWC
from data.errors import InvalidInput, unknown_name
from sd_model.judging.detector import Detector


class RewardClassifier(nn.Module):
    """Says of batches of LeRobot's observations whether the task succeeded.

    Has what LeRobot asks of its own `Classifier` where rewards are made: `predict_reward`.

    Args:
        detector: Judges.
        task: One of the detector's.
        cameras: Per camera of ours, the batch's key; by default `observation.images.<camera>`.
        robot: Whose cell it is, where the detector has met it (`Detector.robots`).

    Raises:
        UnknownName: The detector does not judge the task.
    """

    def __init__(
        self,
        detector: Detector,
        task: str,
        *,
        cameras: Mapping[str, str] | None = None,
        robot: str | None = None,
    ) -> None:
        super().__init__()
        if task not in detector.tasks:
            raise unknown_name("task of the detector", task, detector.tasks)
        self._detector = detector
        self._robot = robot
        self._column = detector.tasks.index(task)
        self._keys = {
            camera: (cameras or {}).get(camera, f"observation.images.{camera}")
            for camera in CAMERAS
        }

    def probability(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Of success, (B,), from images (B, C, H, W) in [0, 1] or uint8. Raises `InvalidInput`."""
        return torch.from_numpy(self._scores(batch)[:, self._column].copy())

    def _scores(self, batch: Mapping[str, Tensor]) -> NDArray[np.float32]:
        views = {camera: self._images(batch, key) for camera, key in self._keys.items()}
        count = len(views[CAMERAS[0]])
        frames = [{camera: images[index] for camera, images in views.items()}
                  for index in range(count)]  # fmt: skip
        return self._detector.score(frames, [self._robot] * count)

    def predict_reward(self, batch: Mapping[str, Tensor], threshold: float | None = None) -> Tensor:
        """1 for success and 0 for failure, (B,) float32: as the detector decides, or, where a
        threshold is given, by that alone."""
        if threshold is not None:
            return (self.probability(batch) >= threshold).float()
        decision_BT = self._detector.decide(self._scores(batch))
        return torch.from_numpy(decision_BT[:, self._column]).float()

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """`predict_reward` as the detector decides."""
        return self.predict_reward(batch)

    def _images(self, batch: Mapping[str, Tensor], key: str) -> list[ImageHWC]:
        if key not in batch:
            raise InvalidInput(f"The batch has no '{key}'.", valid=sorted(batch))
        images_BCHW = batch[key].detach().cpu()
        if images_BCHW.is_floating_point():
            images_BCHW = (images_BCHW * 255).round().clamp(0, 255).to(torch.uint8)
        return list(images_BCHW.permute(0, 2, 3, 1).contiguous().numpy())
