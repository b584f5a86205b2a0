import numpy as np

from app.scene_check import check_new_pair, check_same_scene


def _grey(value: int) -> dict[str, np.ndarray]:
    return {"left": np.full((26, 32, 3), value, dtype=np.uint8)}


def test_a_scene_like_the_last_is_said_with_its_measured_change() -> None:
    scene, objects = check_new_pair(_grey(100), _grey(102))  # 2 of 255 is 0.8%
    assert not scene.fine and not objects.fine
    assert "looks like the last pair (0.8% changed" in scene.text
    assert "Hardly anything has moved (0.8%)" in objects.text


def test_another_light_makes_a_new_scene_and_ends_a_pair() -> None:
    assert all(line.fine for line in check_new_pair(_grey(100), _grey(110)))
    [line] = check_same_scene(_grey(100), _grey(110))  # 10 of 255 is 3.9%
    assert not line.fine and "changed by 3.9%" in line.text
    assert check_same_scene(_grey(100), _grey(101))[0].fine
