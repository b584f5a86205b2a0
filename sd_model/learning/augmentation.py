"""From camera images to what the network sees: the same object trains, scores and serves.

Shapes: N frames, V views (cameras), H and W pixels, C channels (RGB).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from data.errors import InvalidInput
from data.frames import CAMERAS, ImageHWC, Size, resize
from sd_model.config import DetectorConfig

# albumentations looks for updates online when it is imported, unless it is told not to.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations

ViewsVHWC = NDArray[np.uint8]
"""The views of one frame as they are kept: (cameras, kept_px, kept_px, 3), uint8."""


class Preprocessing:
    """Frames of any size -> kept views -> (augmented or centred) crops -> network input.

    Training draws crop, brightness and contrast, rotation and shadows (MT-Opt, App. 8) anew for
    every view: cameras stand in different light, and one geometric draw for all would keep a
    relation between the views that no other robot has.
    """

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._augment = albumentations.Compose(
            [
                albumentations.Rotate(
                    limit=config.rotation_deg,
                    border_mode=4,  # reflect: no black corners that tell the angle
                    p=config.rotation_probability,
                ),
                albumentations.RandomCrop(config.image_px, config.image_px),
                albumentations.RandomBrightnessContrast(
                    brightness_limit=config.brightness,
                    contrast_limit=config.contrast,
                    p=config.brightness_probability,
                ),
                albumentations.RandomShadow(
                    shadow_roi=(0, 0, 1, 1),
                    num_shadows_limit=(1, 3),
                    shadow_intensity_range=(0.3, 0.7),
                    p=config.shadow_probability,
                ),
            ]
        )

    def keep(self, images: Mapping[str, ImageHWC]) -> ViewsVHWC:
        """The views of one frame, scaled to the size at which they are kept.

        Raises:
            InvalidInput: A camera is missing, or an image is not (height, width, 3) uint8.
        """
        side = Size(self._config.kept_px, self._config.kept_px)
        return np.stack([resize(_checked(images, camera), side) for camera in CAMERAS])

    def augment(self, views_NVHWC: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        """Random crops of kept views, (N, V, image_px, image_px, 3), every view drawn by itself."""
        self._augment.set_random_seed(seed)
        side = self._config.image_px
        crops = np.empty((*views_NVHWC.shape[:2], side, side, 3), dtype=np.uint8)
        for frame, views_VHWC in enumerate(views_NVHWC):
            for view, image_HWC in enumerate(views_VHWC):
                crops[frame, view] = self._augment(image=image_HWC)["image"]
        return crops

    def centre(self, views_NVHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The central crops of kept views, (N, V, image_px, image_px, 3): what judging sees."""
        side = self._config.image_px
        start = (self._config.kept_px - side) // 2
        return views_NVHWC[:, :, start : start + side, start : start + side]


def to_tensor(crops_NVHWC: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Network input (N, V, 3, image_px, image_px), float32 in [-1, 1]."""
    batch = torch.from_numpy(np.ascontiguousarray(crops_NVHWC)).to(device)
    return batch.permute(0, 1, 4, 2, 3).float().div_(127.5).sub_(1.0)


def _checked(images: Mapping[str, ImageHWC], camera: str) -> ImageHWC:
    if camera not in images:
        raise InvalidInput(
            f"The frame has no image of the camera '{camera}'; a detector judges all views "
            "together.",
            valid=CAMERAS,
            next_step="Give the images of all three cameras.",
        )
    image = images[camera]
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InvalidInput(
            f"The image of '{camera}' has shape {image.shape} and type {image.dtype}.",
            valid=["(height, width, 3), uint8"],
            next_step="Give RGB images with 8 bits a channel.",
        )
    return image
