from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from data.errors import InvalidInput
from data.frames import CAMERAS
from sd_model.config import load_recipe
from sd_model.learning.augmentation import Preprocessing, to_tensor

CONFIG = load_recipe("smoke")
PLAIN = load_recipe(
    "smoke", {"brightness_probability": 0, "rotation_probability": 0, "shadow_probability": 0}
)


def views(count: int, config=CONFIG):
    """Frames whose three views are the same picture."""
    generator = np.random.default_rng(0)
    side = config.kept_px
    picture = generator.integers(0, 255, (side, side, 3), dtype=np.uint8)
    return np.broadcast_to(picture, (count, len(CAMERAS), side, side, 3)).copy()


def test_the_same_seed_draws_the_same_distortions() -> None:
    preprocessing = Preprocessing(CONFIG)

    first = preprocessing.augment(views(4), seed=5)
    other = preprocessing.augment(views(4), seed=6)
    again = Preprocessing(CONFIG).augment(views(4), seed=5)

    assert first.shape == (4, 3, 48, 48, 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_view_is_drawn_by_itself() -> None:
    crops_NVHWC = Preprocessing(PLAIN).augment(views(16), seed=0)

    same = [(a == b).all() for a, b in zip(crops_NVHWC[:, 0], crops_NVHWC[:, 1], strict=True)]

    assert sum(same) < 8


def test_crops_without_distortion_are_parts_of_the_picture() -> None:
    picture = views(1, PLAIN)
    crop = Preprocessing(PLAIN).augment(picture, seed=3)[0, 0]

    windows = np.lib.stride_tricks.sliding_window_view(picture[0, 0], (48, 48, 3))

    assert (windows == crop).all(axis=(-3, -2, -1)).any()


def test_judging_sees_the_centre() -> None:
    kept = views(2)
    margin = (CONFIG.kept_px - CONFIG.image_px) // 2

    crops = Preprocessing(CONFIG).centre(kept)

    np.testing.assert_array_equal(
        crops, kept[:, :, margin : margin + CONFIG.image_px, margin : margin + CONFIG.image_px]
    )


def test_frames_of_any_size_are_kept_in_the_order_of_the_cameras() -> None:
    grey = {camera: 40 * n for n, camera in enumerate(CAMERAS)}
    images = {
        camera: np.full((90 + n, 120, 3), grey[camera], dtype=np.uint8)
        for n, camera in reversed(list(enumerate(CAMERAS)))
    }

    kept = Preprocessing(CONFIG).keep(images)

    assert kept.shape == (3, CONFIG.kept_px, CONFIG.kept_px, 3)
    assert kept[:, 0, 0, 0].tolist() == [0, 40, 80]


def test_a_missing_camera_is_named() -> None:
    with pytest.raises(InvalidInput, match="'right'"):
        Preprocessing(CONFIG).keep(
            {camera: np.zeros((8, 8, 3), dtype=np.uint8) for camera in CAMERAS[:2]}
        )


def test_an_image_of_the_wrong_kind_is_refused() -> None:
    images = {camera: np.zeros((8, 8, 3), dtype=np.float32) for camera in CAMERAS}

    with pytest.raises(InvalidInput, match="float32"):
        Preprocessing(CONFIG).keep(images)


def test_pixels_become_about_minus_one_to_one() -> None:
    crops = np.zeros((1, 3, 48, 48, 3), dtype=np.uint8)
    crops[..., 2] = 255

    tensor = to_tensor(crops, torch.device("cpu"))

    assert tensor.shape == (1, 3, 3, 48, 48)
    assert tensor[0, 0, :, 0, 0].tolist() == [-1.0, -1.0, 1.0]


def test_the_library_is_told_not_to_look_for_updates() -> None:
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"
