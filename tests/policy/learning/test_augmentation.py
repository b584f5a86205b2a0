from dataclasses import replace

import numpy as np

from policy.config import PolicyConfig, load_recipe
from policy.learning.augmentation import central_view, draw_view, see, turn


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


def test_mixing_gives_each_channel_a_share_of_the_others() -> None:
    config = load_recipe("smoke", {"colour_mix": 0.1})
    mix = np.float32([[[1, 0.5, 0], [0, 1, 0], [0, 0, 1]]])
    view = replace(central_view(1, config), mix_BCC=mix)
    image = np.full((1, 32, 32, 3), (100, 40, 10), dtype=np.uint8)
    # Red gets half of the green beside all of its own: 100 + 20.
    assert see(image, view, config)[0, 0, 0].tolist() == [120, 40, 10]


def test_colours_change_in_the_order_light_brightness_saturation_contrast() -> None:
    config = load_recipe("smoke", {"colour_mix": 0.1})
    view = replace(
        central_view(1, config),
        mix_BCC=np.float32([np.diag([2, 1, 1])]),
        brightness_B=np.float32([10 / 255]),
        saturation_B=np.float32([0]),
        contrast_B=np.float32([0.5]),
    )
    image = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    image[:, :16, :, 0] = 50
    # Light and brightness: red 110 and 10, the others 10; grey: 0.299 * 110 + 0.701 * 10 = 39.9 and
    # 10; half of the way to their mean, 24.95: 32.425 and 17.475.
    seen = see(image, view, config)
    assert seen[0, 0, 0].tolist() == [32] * 3
    assert seen[0, -1, 0].tolist() == [17] * 3


def test_half_of_the_grippers_are_seen_after_half_a_turn() -> None:
    config = load_recipe("cpu", {"turn_rad": 0.0})
    view = draw_view(400, config, np.random.default_rng(0))
    state_BS = np.tile(np.float32([0, 0.1, 0.5, -0.2, 0.3]), (400, 1))
    turned_BS = turn(state_BS, view, config)
    np.testing.assert_array_equal(turned_BS[:, :4], state_BS[:, :4])
    turns = np.unique(turned_BS[:, 4], return_counts=True)
    np.testing.assert_allclose(turns[0], [0.3, 0.3 + np.pi], rtol=1e-6)
    assert 160 < turns[1][0] < 240


def test_a_state_without_a_turn_stays_as_it_is() -> None:
    config = load_recipe("smoke", {"turn_rad": 0.1})
    state_BS = np.zeros((3, 2), dtype=np.float32)
    view = draw_view(3, config, np.random.default_rng(0))
    np.testing.assert_array_equal(turn(state_BS, view, config), state_BS)
