from dataclasses import replace

import numpy as np

from policy.config import PolicyConfig, load_recipe
from policy.learning.augmentation import central_view, draw_view, see


def _numbered(count: int, config: PolicyConfig) -> np.ndarray:
    """Images whose red is the column and whose green is the row."""
    width, height = config.frame_size
    image = np.zeros((count, height, width, 3), dtype=np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    return image


def test_central_view_of_a_square_image_is_the_image() -> None:
    config = load_recipe("smoke")
    image = _numbered(2, config)
    np.testing.assert_array_equal(see(image, central_view(2, config), config), image)


def test_shift_moves_by_at_most_the_border_and_repeats_the_edge() -> None:
    config = load_recipe("smoke")  # 32 px, shifts of up to 2 px
    image = _numbered(400, config)
    seen = see(image, draw_view(400, config, np.random.default_rng(0)), config)
    assert seen.shape == (400, 32, 32, 3)
    shift_x = seen[:, 16, 16, 0].astype(int) - 16
    shift_y = seen[:, 16, 16, 1].astype(int) - 16
    assert set(shift_x) == set(shift_y) == {-2, -1, 0, 1, 2}
    left = seen[int(np.flatnonzero(shift_x == -2)[0])]
    assert left[16, :4, 0].tolist() == [0, 0, 0, 1]


def test_paper_cuts_472_out_of_640_by_512() -> None:
    config = load_recipe("paper", {"brightness": 0.0, "contrast": 0.0})
    image = np.zeros((1, 512, 640, 3), dtype=np.uint8)
    image[0, 20 : 20 + 472, 84 : 84 + 472] = 255
    assert see(image, central_view(1, config), config).min() == 255
    view = draw_view(2000, config, np.random.default_rng(0))
    assert (view.top_B.min(), view.top_B.max()) == (0, 40)
    assert (view.left_B.min(), view.left_B.max()) == (0, 168)


def test_brightness_is_added_to_every_channel() -> None:
    config = load_recipe("smoke", {"brightness": 0.2})
    view = draw_view(1, config, np.random.default_rng(0))
    grey = np.full((1, 32, 32, 3), 100, dtype=np.uint8)
    expected = round(100 + 255 * float(view.brightness_B[0]))
    assert set(see(grey, view, config).flatten().tolist()) == {expected}


def test_contrast_scales_about_the_mean_of_each_channel() -> None:
    config = load_recipe("smoke", {"contrast": 0.5})
    view = replace(central_view(1, config), contrast_B=np.float32([0.5]))
    image = np.full((1, 32, 32, 3), 40, dtype=np.uint8)
    image[:, :16] = 200  # half of it: the mean is 120
    seen = see(image, view, config)
    assert seen[0, 0, 0].tolist() == [160] * 3
    assert seen[0, -1, 0].tolist() == [80] * 3


def test_saturation_scales_about_grey() -> None:
    config = load_recipe("smoke", {"contrast": 0.5})
    view = replace(central_view(1, config), saturation_B=np.float32([0.5]))
    red = np.full((1, 32, 32, 3), (200, 0, 0), dtype=np.uint8)
    # Its grey is 0.299 * 200 = 59.8, and every channel goes half of the way there.
    assert see(red, view, config)[0, 0, 0].tolist() == [130, 30, 30]
