from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from data.episodes.frames import CAMERAS
from data.errors import InvalidInput
from sd_model.config import load_recipe
from sd_model.learning.augmentation import Looks, Preprocessing, to_tensors

CONFIG = load_recipe("smoke")
PLAIN = load_recipe(
    "smoke", {"brightness_probability": 0, "rotation_probability": 0, "shadow_probability": 0}
)


def looks(count: int, config=CONFIG) -> Looks:
    """Frames whose three views are the same picture; no second look."""
    generator = np.random.default_rng(0)
    side = config.kept_px
    picture = generator.integers(0, 255, (side, side, 3), dtype=np.uint8)
    whole = np.broadcast_to(picture, (count, len(CAMERAS), side, side, 3)).copy()
    nothing = np.empty((count, len(CAMERAS), 0, 0, 3), dtype=np.uint8)
    return Looks(whole, nothing, nothing)


def test_the_same_seed_draws_the_same_distortions() -> None:
    preprocessing = Preprocessing(CONFIG, None)

    first = preprocessing.augment(looks(4), seed=5).whole_NVHWC
    other = preprocessing.augment(looks(4), seed=6).whole_NVHWC
    again = Preprocessing(CONFIG, None).augment(looks(4), seed=5).whole_NVHWC

    assert first.shape == (4, 3, 48, 48, 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_view_is_drawn_by_itself() -> None:
    crops_NVHWC = Preprocessing(PLAIN, None).augment(looks(16), seed=0).whole_NVHWC

    same = [(a == b).all() for a, b in zip(crops_NVHWC[:, 0], crops_NVHWC[:, 1], strict=True)]

    assert sum(same) < 8


def test_crops_without_distortion_are_parts_of_the_picture() -> None:
    picture = looks(1, PLAIN)
    crop = Preprocessing(PLAIN, None).augment(picture, seed=3).whole_NVHWC[0, 0]

    windows = np.lib.stride_tricks.sliding_window_view(picture.whole_NVHWC[0, 0], (48, 48, 3))

    assert (windows == crop).all(axis=(-3, -2, -1)).any()


def test_judging_sees_the_centre() -> None:
    kept = looks(2)
    margin = (CONFIG.kept_px - CONFIG.image_px) // 2
    inside = slice(margin, margin + CONFIG.image_px)

    crops = Preprocessing(CONFIG, None).centre(kept).whole_NVHWC

    np.testing.assert_array_equal(crops, kept.whole_NVHWC[:, :, inside, inside])


def test_frames_of_any_size_are_kept_in_the_order_of_the_cameras() -> None:
    grey = {camera: 40 * n for n, camera in enumerate(CAMERAS)}
    images = {
        camera: np.full((90 + n, 120, 3), grey[camera], dtype=np.uint8)
        for n, camera in reversed(list(enumerate(CAMERAS)))
    }

    kept = Preprocessing(CONFIG, None).keep([images])

    assert kept.whole_NVHWC.shape == (1, 3, CONFIG.kept_px, CONFIG.kept_px, 3)
    assert kept.whole_NVHWC[0, :, 0, 0, 0].tolist() == [0, 40, 80]
    assert kept.cut_NVHWC.shape == (1, 3, 0, 0, 3)


def test_a_missing_camera_is_named() -> None:
    with pytest.raises(InvalidInput, match="'right'"):
        Preprocessing(CONFIG, None).keep(
            [{camera: np.zeros((8, 8, 3), dtype=np.uint8) for camera in CAMERAS[:2]}]
        )


def test_an_image_of_the_wrong_kind_is_refused() -> None:
    images = {camera: np.zeros((8, 8, 3), dtype=np.float32) for camera in CAMERAS}

    with pytest.raises(InvalidInput, match="float32"):
        Preprocessing(CONFIG, None).keep([images])


def test_pixels_become_about_minus_one_to_one() -> None:
    crops = np.zeros((1, 3, 48, 48, 3), dtype=np.uint8)
    crops[..., 2] = 255

    tensor, _, _ = to_tensors(Looks(crops, crops, crops), torch.device("cpu"))

    assert tensor.shape == (1, 3, 3, 48, 48)
    assert tensor[0, 0, :, 0, 0].tolist() == [-1.0, -1.0, 1.0]


def test_the_library_is_told_not_to_look_for_updates() -> None:
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


class Corner:
    """A finder that finds the gripper lower right and the place upper left."""

    def find(self, views_NVHWC):
        position_NMV2 = np.empty((len(views_NVHWC), 2, len(CAMERAS), 2), dtype=np.float32)
        position_NMV2[:, 0], position_NMV2[:, 1] = 0.75, 0.25
        return position_NMV2


def test_the_second_look_is_cut_where_the_finder_says() -> None:
    config = load_recipe(
        "smoke",
        {"cut_px": 24, "cut_share": 0.2, "place_px": 48, "place_share": 0.4, "cut_margin": 0},
    )
    image = np.zeros((80, 100, 3), dtype=np.uint8)
    image[50:70, 65:85] = (255, 0, 0)  # about the middle of the lower right quarter
    image[:40, 5:45] = (0, 0, 255)  # and of the upper left one

    kept = Preprocessing(config, Corner()).keep([dict.fromkeys(CAMERAS, image)])

    assert kept.cut_NVHWC.shape == (1, 3, 24, 24, 3)
    assert (kept.cut_NVHWC[..., 0] > 200).mean() > 0.95
    assert kept.place_NVHWC.shape == (1, 3, 48, 48, 3)
    assert (kept.place_NVHWC[..., 2] > 200).mean() > 0.95


def test_a_second_look_without_a_finder_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs a finder"):
        Preprocessing(load_recipe("smoke", {"cut_px": 24}), None)
