import numpy as np
import pytest

from data.cameras.likeness import picture_change, scene_change


def _grey(value: int) -> np.ndarray:
    return np.full((52, 64, 3), value, dtype=np.uint8)


def test_other_light_changes_the_scene_and_the_picture_alike() -> None:
    before, after = (
        {"left": _grey(51), "right": _grey(51)},
        {"left": _grey(102), "right": _grey(51)},
    )
    assert scene_change(before, after) == pytest.approx(0.1)  # 51 of 255 in one of two cameras
    assert picture_change(before, after) == pytest.approx(0.1)


def test_an_object_that_moves_changes_the_picture_alone() -> None:
    after = _grey(0)
    after[:, :16] = 255  # a quarter of the picture
    assert scene_change({"left": _grey(0)}, {"left": after}) == 0
    assert picture_change({"left": _grey(0)}, {"left": after}) == pytest.approx(0.25)


def test_pictures_of_other_sizes_are_compared() -> None:
    large = np.full((104, 128, 3), 51, dtype=np.uint8)
    assert scene_change({"left": _grey(51)}, {"left": large}) == 0
