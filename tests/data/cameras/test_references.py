import numpy as np

from data.cameras.references import keep_reference, load_reference, swapped
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg


def _views(*, light: int = 0) -> dict[str, np.ndarray]:
    """Three views that differ in where they are bright."""
    views = {}
    for number, camera in enumerate(CAMERAS):
        image = np.full((52, 64, 3), 60 + light, dtype=np.uint8)
        image[:, 20 * number : 20 * number + 20] = 180 + light
        views[camera] = image
    return views


def test_reference_pictures_are_kept_per_camera(workspace) -> None:
    assert load_reference(workspace, "cell-a") is None
    jpegs = {camera: encode_jpeg(image) for camera, image in _views().items()}
    frames = EncodedFrameSet(jpegs=jpegs, timestamps_ns=dict.fromkeys(jpegs, 1))
    keep_reference(workspace, "cell-a", frames)
    kept = load_reference(workspace, "cell-a")
    assert kept is not None and swapped(kept, _views()) == {}


def test_swapped_cameras_are_named_also_in_another_light() -> None:
    now = _views(light=25)
    now["left"], now["right"] = now["right"], now["left"]
    assert swapped(_views(), now) == {"left": "right", "right": "left"}
    assert swapped(_views(), _views(light=25)) == {}


def test_a_camera_that_shows_something_else_is_not_a_swap() -> None:
    now = _views() | {"left": np.zeros((52, 64, 3), dtype=np.uint8)}
    assert swapped(_views(), now) == {}
