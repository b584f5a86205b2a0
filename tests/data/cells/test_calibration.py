import numpy as np
import pytest

from data.cells.calibration import fit_projection, point_on_floor, project, projections_of
from data.cells.robots import SIMULATED_FLEET, Robot
from data.cells.simulated.projections import robot_projections
from data.episodes.frames import CAMERAS
from data.errors import InvalidInput

# A camera at (0, 0, 1) m that looks straight down, x to the right and y up in the image; a point on
# the floor one metre aside of the middle lies one image's width from it.
DOWN_34 = np.array([[1.0, 0.0, -0.5, 0.5], [0.0, -1.0, -0.5, 0.5], [0.0, 0.0, -1.0, 1.0]])
SEEN_N3 = np.random.default_rng(0).uniform([-0.4, -0.4, 0.0], [0.4, 0.4, 0.5], (30, 3))


def test_a_point_below_the_camera_is_in_the_middle() -> None:
    assert project(DOWN_34, np.array([[0.0, 0.0, 0.3]])).tolist() == [[0.5, 0.5]]


def test_twice_as_near_is_twice_as_far_from_the_middle() -> None:
    floor, half_up = project(DOWN_34, np.array([[0.2, 0.1, 0.0], [0.2, 0.1, 0.5]]))
    np.testing.assert_allclose(floor, [0.7, 0.4])
    np.testing.assert_allclose(half_up, [0.9, 0.3])


def test_a_point_on_the_floor_is_found_from_where_it_appears() -> None:
    assert point_on_floor(DOWN_34, (0.7, 0.4)) == pytest.approx((0.2, 0.1))
    seen_34 = robot_projections(3)["over_shoulder"]
    [[across, down]] = project(seen_34, np.array([[0.5, 0.15, 0.0]]))
    assert point_on_floor(seen_34, (across, down)) == pytest.approx((0.5, 0.15))


def test_a_projection_is_found_from_where_points_appear() -> None:
    found_34 = fit_projection(SEEN_N3, project(DOWN_34, SEEN_N3))
    np.testing.assert_allclose(found_34, DOWN_34, atol=1e-9)


def test_clicks_that_are_a_little_off_move_it_little() -> None:
    off_N2 = np.random.default_rng(1).normal(0, 0.002, (30, 2))
    found_34 = fit_projection(SEEN_N3, project(DOWN_34, SEEN_N3) + off_N2)
    error_N2 = project(found_34, SEEN_N3) - project(DOWN_34, SEEN_N3)
    assert np.abs(error_N2).max() < 0.005


def test_too_few_points_are_refused() -> None:
    with pytest.raises(InvalidInput, match="from 5 points"):
        fit_projection(SEEN_N3[:5], project(DOWN_34, SEEN_N3[:5]))


def test_points_on_one_plane_are_refused() -> None:
    flat_N3 = SEEN_N3 * [1, 1, 0]
    with pytest.raises(InvalidInput, match="one plane"):
        fit_projection(flat_N3, project(DOWN_34, flat_N3))


def test_a_simulated_robot_knows_its_projections() -> None:
    found = projections_of(SIMULATED_FLEET[1])
    assert all((found[camera] == robot_projections(2)[camera]).all() for camera in CAMERAS)


def test_a_real_robot_has_those_it_was_given() -> None:
    sources = dict.fromkeys(CAMERAS, "0")
    rows = DOWN_34.tolist()
    robot = Robot(name="arm", kind="hardware", cameras=sources, projections={"left": rows})
    assert {name: each.tolist() for name, each in projections_of(robot).items()} == {"left": rows}


def test_a_projection_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"'left' has shape \(2, 4\)"):
        Robot(name="arm", kind="simulated", projections={"left": DOWN_34[:2].tolist()})
