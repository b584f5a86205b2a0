"""From camera images to what the network sees: the same object trains, scores and serves.

Shapes: N frames, V views (cameras), H and W pixels, C channels (RGB).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from data.episodes.frames import CAMERAS, ImageHWC, Size, resize
from data.errors import InvalidInput
from sd_model.config import DetectorConfig
from sd_model.looking.cutting import cut
from sd_model.looking.finder import Finder

# albumentations looks for updates online when it is imported, unless it is told not to.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations


class Looks(NamedTuple):
    """What is seen of N frames, uint8: every view whole, and what lies round the gripper in it."""

    whole_NVHWC: NDArray[np.uint8]
    cut_NVHWC: NDArray[np.uint8]
    """Of 0 x 0 pixels where the detector takes no second look."""
    place_NVHWC: NDArray[np.uint8]
    """Round the place where objects are put down; of 0 x 0 pixels where it does not look there."""


class Preprocessing:
    """Frames of any size -> kept looks -> (augmented or centred) crops -> network input.

    Training draws crop, brightness and contrast, rotation and shadows (MT-Opt, App. 8) anew for
    every view: cameras stand in different light, and one geometric draw for all would keep a
    relation between the views that no other robot has. Shadows fall on whole views alone; on a
    close look one of them would hide what is held.

    Args:
        config: Sizes and draws.
        finder: Says where to look closely; needed where `config.cut_px` is not 0.

    Raises:
        InvalidInput: There is a second look and nothing to find it with.
    """

    def __init__(self, config: DetectorConfig, finder: Finder | None) -> None:
        if config.cut_px and finder is None:
            raise InvalidInput(
                "A detector with a second look needs a finder of the gripper.",
                next_step="Give the finder of its folder, or set cut_px to 0.",
            )
        self._config = config
        self._finder = finder
        geometry = albumentations.Rotate(
            limit=config.rotation_deg,
            border_mode=4,  # reflect: no black corners that tell the angle
            p=config.rotation_probability,
        )
        colour = [
            albumentations.RandomBrightnessContrast(
                brightness_limit=config.brightness,
                contrast_limit=config.contrast,
                p=config.brightness_probability,
            )
        ]
        if config.saturation or config.hue:
            colour.append(
                albumentations.ColorJitter(
                    brightness=(1, 1), contrast=(1, 1), saturation=config.saturation,
                    hue=config.hue, p=config.brightness_probability,
                )
            )  # fmt: skip
        shadow = albumentations.RandomShadow(
            shadow_roi=(0, 0, 1, 1),
            num_shadows_limit=(1, 3),
            shadow_intensity_range=(0.3, 0.7),
            p=config.shadow_probability,
        )
        crop = albumentations.RandomCrop(config.image_px, config.image_px)
        self._augment_whole = albumentations.Compose([geometry, crop, *colour, shadow])
        self._augment_cut, self._augment_place = (
            albumentations.Compose([geometry, albumentations.RandomCrop(side, side), *colour])
            if side
            else None
            for side in (config.cut_px, config.place_px)
        )

    def keep(self, frames: Sequence[Mapping[str, ImageHWC]]) -> Looks:
        """The frames as they are kept: whole views scaled down, and what lies round the gripper.

        Raises:
            InvalidInput: A camera is missing, or an image is not (height, width, 3) uint8.
        """
        whole_NVHWC = np.stack([keep_whole(images, self._config) for images in frames])
        return Looks(whole_NVHWC, *self.keep_closer(frames, whole_NVHWC))

    def keep_closer(
        self, frames: Sequence[Mapping[str, ImageHWC]], whole_NVHWC: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What lies round gripper and place, (N, V, side, side, 3) each.

        Args:
            frames: Images of any size.
            whole_NVHWC: The same as they are kept, where both are looked for.
        """
        config = self._config
        cuts, places = (
            np.empty((len(frames), len(CAMERAS), side, side, 3), dtype=np.uint8)
            for side in (config.kept_cut_px, config.kept_place_px)
        )
        if self._finder is not None:
            position_NMV2 = self._finder.find(whole_NVHWC)
            _cut_round(frames, position_NMV2[:, 0], config.kept_cut_share, cuts)
            if config.place_px:
                _cut_round(frames, position_NMV2[:, 1], config.kept_place_share, places)
        return cuts, places

    def augment(self, looks: Looks, seed: int) -> Looks:
        """Random crops of kept looks, every view drawn by itself."""
        whole = _distorted(self._augment_whole, looks.whole_NVHWC, self._config.image_px, seed)
        cuts, places = looks.cut_NVHWC, looks.place_NVHWC
        if self._augment_cut is not None:
            cuts = _distorted(self._augment_cut, cuts, self._config.cut_px, seed + 1)
        if self._augment_place is not None:
            places = _distorted(self._augment_place, places, self._config.place_px, seed + 2)
        return Looks(whole, cuts, places)

    def centre(self, looks: Looks) -> Looks:
        """The central crops of kept looks: what judging sees."""
        return Looks(
            _central(looks.whole_NVHWC, self._config.image_px),
            _central(looks.cut_NVHWC, self._config.cut_px),
            _central(looks.place_NVHWC, self._config.place_px),
        )


def keep_whole(images: Mapping[str, ImageHWC], config: DetectorConfig) -> NDArray[np.uint8]:
    """The whole views of one frame as they are kept, (V, kept_px, kept_px, 3) uint8.

    Raises:
        InvalidInput: A camera is missing, or an image is not (height, width, 3) uint8.
    """
    side = Size(config.kept_px, config.kept_px)
    return np.stack([resize(_checked(images, camera), side) for camera in CAMERAS])


def _cut_round(
    frames: Sequence[Mapping[str, ImageHWC]],
    position_NV2: NDArray[np.float32],
    share: float,
    cuts_NVHWC: NDArray[np.uint8],
) -> None:
    """Fill `cuts_NVHWC` with what lies round the positions."""
    for images, position_V2, cut_VHWC in zip(frames, position_NV2, cuts_NVHWC, strict=True):
        for view, camera in enumerate(CAMERAS):
            cut_VHWC[view] = cut(
                images[camera], position_V2[view], share=share, side_px=cut_VHWC.shape[1]
            )


def _distorted(
    augment: albumentations.Compose, views_NVHWC: NDArray[np.uint8], side: int, seed: int
) -> NDArray[np.uint8]:
    augment.set_random_seed(seed)
    crops = np.empty((*views_NVHWC.shape[:2], side, side, 3), dtype=np.uint8)
    for frame, views_VHWC in enumerate(views_NVHWC):
        for view, image_HWC in enumerate(views_VHWC):
            crops[frame, view] = augment(image=image_HWC)["image"]
    return crops


def _central(views_NVHWC: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    start = (views_NVHWC.shape[2] - side) // 2
    return views_NVHWC[:, :, start : start + side, start : start + side]


def to_tensors(
    looks: Looks, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Network input: whole views, cuts and places, (N, V, 3, side, side) each, in [-1, 1]."""
    whole, cuts, places = (
        torch.from_numpy(np.ascontiguousarray(each_NVHWC))
        .to(device)
        .permute(0, 1, 4, 2, 3)
        .float()
        .div_(127.5)
        .sub_(1.0)
        for each_NVHWC in looks
    )
    return whole, cuts, places


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
