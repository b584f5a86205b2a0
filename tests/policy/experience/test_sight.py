import numpy as np
import pytest

from data.cells.calibration import project, projections_of
from data.cells.robots import SIMULATED_FLEET
from data.episodes.gripper import GripperReading
from data.errors import InvalidInput
from policy.config import load_recipe
from policy.experience.sight import ABOVE_FLOOR_M, ground_view, see_frame

GROUND = load_recipe("cpu")
VIEW = load_recipe("smoke")
FROM_ABOVE = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
"""One metre of floor fills the image; x runs along its columns and y along its rows."""


def _painted(x_m: float, y_m: float) -> np.ndarray:
    """Grey, with a white square of 2 cm round a place of the floor."""
    image_HWC = np.full((500, 500, 3), 100, dtype=np.uint8)
    row, column = round(500 * y_m), round(500 * x_m)
    image_HWC[row - 5 : row + 5, column - 5 : column + 5] = 255
    return image_HWC


def test_the_floor_under_the_fingertips_is_in_the_middle() -> None:
    gripper = GripperReading(0.0, 0.4, 0.6, 0.2, 0.3)
    seen_HWC = ground_view(_painted(0.4, 0.6), gripper, FROM_ABOVE, GROUND)
    assert seen_HWC.shape == (80, 80, 3)
    # 2 cm are four pixels of 5 mm.
    assert (seen_HWC[38:42, 38:42] == 255).all()
    assert (seen_HWC == 255).all(axis=2).sum() == 16


def test_columns_run_along_x_and_rows_along_y() -> None:
    gripper = GripperReading(0.0, 0.4, 0.6, 0.2, 0.0)
    seen_HWC = ground_view(_painted(0.5, 0.55), gripper, FROM_ABOVE, GROUND)
    rows, columns = np.nonzero((seen_HWC == 255).all(axis=2))
    # 10 cm along x are 20 columns, 5 cm against y are 10 rows.
    assert (rows.mean(), columns.mean()) == (29.5, 59.5)


def test_a_real_camera_shows_floor_and_held_things_where_its_projection_says() -> None:
    projection_34 = projections_of(SIMULATED_FLEET[0])["over_shoulder"]
    for closed, height_m in ((0.0, ABOVE_FLOOR_M), (1.0, 0.15 + ABOVE_FLOOR_M)):
        gripper = GripperReading(closed, 0.5, -0.2, 0.15, 0.0)
        ((u, v),) = project(projection_34, np.array([[0.5, -0.2, height_m]]))
        image_HWC = np.zeros((512, 640, 3), dtype=np.uint8)
        row, column = round(512 * v), round(640 * u)
        image_HWC[row - 6 : row + 6, column - 6 : column + 6] = 255
        seen_HW = ground_view(image_HWC, gripper, projection_34, GROUND)[..., 0]
        rows, columns = np.nonzero(seen_HW > 128)
        assert (rows.mean(), columns.mean()) == pytest.approx((39.5, 39.5), abs=1)


def test_each_sight_has_its_state() -> None:
    gripper = GripperReading(1.0, 0.4, 0.6, 0.2, 0.3)
    image, state = see_frame(_painted(0.4, 0.6), gripper, FROM_ABOVE, GROUND)
    assert image.shape == (80, 80, 3)
    assert state == pytest.approx([1.0, 0.2, 0.4, 0.6, 0.3])
    image, state = see_frame(_painted(0.4, 0.6), gripper, None, VIEW)
    assert image.shape == (32, 32, 3)
    assert state == pytest.approx([1.0, 0.2])


def test_the_ground_needs_a_calibrated_camera() -> None:
    with pytest.raises(InvalidInput, match="not calibrated"):
        see_frame(_painted(0.4, 0.6), GripperReading(0.0, 0.4, 0.6, 0.2, 0.0), None, GROUND)
