"""Where points of a robot's base frame appear in the images of its cameras.

Image positions are shares of the image's width and height, (0, 0) at the top left corner, so that
they hold for every size at which a camera's whole view is stored.

Shapes: N points; a projection is a (3, 4) matrix on homogeneous points of the base frame [m].
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from data.cells.robots import Robot
from data.cells.simulated.layout import PLATE, PLATE_THICKNESS_M
from data.cells.simulated.projections import robot_projections
from data.errors import InvalidInput

FEWEST_POINTS = 6
"""A projection has eleven unknowns, and each point gives two equations."""


def projections_of(robot: Robot) -> Mapping[str, NDArray[np.float64]]:
    """The projection of each calibrated camera of `robot`; a simulated robot knows all its own."""
    if robot.kind == "simulated":
        return robot_projections(robot.variation)
    return {camera: np.array(rows, np.float64) for camera, rows in robot.projections.items()}


def place_of(robot: Robot) -> NDArray[np.float64]:
    """The middle of the place where objects are put down, (3,) in the base frame [m].

    A simulated robot knows it; NaN where nobody says.
    """
    if robot.kind == "simulated":
        return np.array([PLATE.x_m, PLATE.y_m, PLATE_THICKNESS_M])
    return np.full(3, np.nan)


def project(
    projection_34: NDArray[np.float64], point_N3: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Image positions of points, (N, 2): share of the width, share of the height.

    Args:
        projection_34: Of one camera.
        point_N3: In the robot's base frame [m], in front of the camera.
    """
    homogeneous_N3 = point_N3 @ projection_34[:, :3].T + projection_34[:, 3]
    return homogeneous_N3[:, :2] / homogeneous_N3[:, 2:]


def point_on_floor(
    projection_34: NDArray[np.float64], position_2: tuple[float, float]
) -> tuple[float, float]:
    """Where on the bins' floor a camera sees this position: x and y [m]. The inverse of `project`.

    Args:
        projection_34: Of the camera, which must not look along the floor.
        position_2: Share of the image's width, share of its height.
    """
    # On the floor z = 0, so that three columns say all; what is sought is known up to its scale.
    x, y, scale = np.linalg.solve(projection_34[:, [0, 1, 3]], [*position_2, 1.0])
    return float(x / scale), float(y / scale)


def fit_projection(
    point_N3: NDArray[np.floating], position_N2: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The projection that shows each point at its position, (3, 4): direct linear transform.

    Both sides are centred and scaled first, as Hartley advises, so that the least squares weigh
    every equation alike. The last row's first three values have unit length.

    Args:
        point_N3: Fingertips in the robot's base frame [m].
        position_N2: Where a person saw them, as shares of the image.

    Raises:
        InvalidInput: Too few points, or all of them on one plane, which leaves the camera open.
    """
    if len(point_N3) < FEWEST_POINTS:
        raise InvalidInput(
            f"A camera cannot be calibrated from {len(point_N3)} points.",
            valid=[f"at least {FEWEST_POINTS}; thirty are better"],
            next_step="Mark the fingertips in more pictures, at several heights.",
        )
    from_base, point_N3 = _normalised(np.asarray(point_N3, dtype=np.float64))
    from_image, position_N2 = _normalised(np.asarray(position_N2, dtype=np.float64))
    homogeneous_N4 = np.column_stack([point_N3, np.ones(len(point_N3))])
    zero_N4 = np.zeros_like(homogeneous_N4)
    across_N12 = np.hstack([homogeneous_N4, zero_N4, -position_N2[:, :1] * homogeneous_N4])
    down_N12 = np.hstack([zero_N4, homogeneous_N4, -position_N2[:, 1:] * homogeneous_N4])
    _, singular, basis = np.linalg.svd(np.vstack([across_N12, down_N12]))
    if singular[-2] < 1e-4 * singular[0]:
        raise InvalidInput(
            "The points lie on one plane or line, which leaves the camera's place open.",
            next_step="Mark the fingertips at several heights and places.",
        )
    projection_34 = np.linalg.inv(from_image) @ basis[-1].reshape(3, 4) @ from_base
    depth_N = homogeneous_N4 @ np.linalg.inv(from_base).T @ projection_34[2]
    size = np.linalg.norm(projection_34[2, :3]) * np.sign(np.median(depth_N))
    fitted_34: NDArray[np.float64] = projection_34 / size
    return fitted_34


def _normalised(value_ND: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The homogeneous transform to mean 0 and deviation 1, and the values so transformed."""
    mean_D = value_ND.mean(axis=0)
    scale = 1.0 / max(float(value_ND.std()), 1e-9)
    size = value_ND.shape[1]
    transform = np.eye(size + 1) * scale
    transform[-1, -1] = 1.0
    transform[:size, -1] = -scale * mean_D
    return transform, (value_ND - mean_D) * scale
