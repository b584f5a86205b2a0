"""What the network is shown of a frame: the whole view, or the floor round the fingertips.

Shapes: H height, W width, C colour; a projection is (3, 4), see `data.cells.calibration`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.cells.protocol import STATE_SIZE
from data.episodes.frames import ImageHWC, resize
from data.episodes.gripper import GripperReading
from data.errors import InvalidInput
from policy.config import PolicyConfig

ABOVE_FLOOR_M = 0.02
"""Objects that lie in the bin are cut by a plane at this height; so are held ones, above the
fingertips."""
GROUND_STATE_SIZE = 5
"""Gripper closed, height [m], x [m], y [m], turn [rad] in the robot's base frame."""

SIGHT_VERSION = 1
"""Raised when the same frame would be shown in another way: what is kept of frames is made anew."""

Projection = NDArray[np.float64]


def state_size(config: PolicyConfig) -> int:
    """S: how many numbers go with what is seen."""
    return GROUND_STATE_SIZE if config.sight == "ground" else STATE_SIZE


def see_frame(
    image_HWC: ImageHWC,
    gripper: GripperReading,
    projection_34: Projection | None,
    config: PolicyConfig,
) -> tuple[ImageHWC, NDArray[np.float32]]:
    """The image for replay, of `config.frame_size`, and the state that goes with it.

    With `view` the state is gripper closed and height [m], shape (2,), as in the papers. With
    `ground` it is followed by x, y [m] and turn [rad] of the fingertips, shape (5,).

    Args:
        image_HWC: The whole view of the policy's camera, RGB, uint8, any size.
        gripper: The robot's reading at that moment.
        projection_34: Of the policy's camera; `ground` cannot do without.
        config: Which sight, and its sizes.

    Raises:
        InvalidInput: `ground` without a projection.

    Differs: the papers show the network the camera's view alone.
    """
    if config.sight == "view":
        return resize(image_HWC, config.frame_size), gripper.state()
    if projection_34 is None:
        raise InvalidInput(
            "The robot's camera is not calibrated, so that the floor under its gripper cannot be "
            "found in the image.",
            next_step="Set sight = 'view', or write the camera's projection into robots.json "
            "(three rows of four numbers, see data/cells/calibration.py).",
        )
    pose = gripper.pose()
    state_S = np.concatenate([gripper.state(), pose[[0, 1, 3]]])
    return ground_view(image_HWC, gripper, projection_34, config), state_S


def ground_view(
    image_HWC: ImageHWC, gripper: GripperReading, projection_34: Projection, config: PolicyConfig
) -> ImageHWC:
    """The floor round the fingertips as from straight above, RGB, uint8, `config.frame_size`.

    Columns run along the base frame's x and rows along its y; the fingertips are over the middle.
    While the gripper is closed the plane lies at what it holds instead of at the floor. What is
    higher than the plane appears shifted away from the camera; what the camera does not see is
    black.
    """
    width, height = config.frame_size
    pixel_m = config.ground_pixel_mm / 1000
    z_m = gripper.z_m + ABOVE_FLOOR_M if gripper.closed > 0.5 else ABOVE_FLOOR_M
    base_from_pixel = np.array(
        [
            [pixel_m, 0, gripper.x_m - pixel_m * width / 2],
            [0, pixel_m, gripper.y_m - pixel_m * height / 2],
            [0, 0, z_m],
            [0, 0, 1],
        ]
    )
    rows, columns, _ = image_HWC.shape
    image_from_pixel = np.diag([columns, rows, 1.0]) @ projection_34 @ base_from_pixel
    coefficients = (image_from_pixel / image_from_pixel[2, 2]).ravel()[:8]
    seen = Image.fromarray(image_HWC).transform(
        (width, height),
        Image.Transform.PERSPECTIVE,
        data=coefficients.tolist(),
        resample=Image.Resampling.BILINEAR,
    )
    return np.asarray(seen)
