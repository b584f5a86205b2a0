from __future__ import annotations

import itertools
import math

import pytest

from data.cells.simulated.arm import Pose, joint_angles
from data.cells.simulated.cell import SimulatedCell
from data.cells.simulated.layout import HIGHEST_TIP_M, LOWEST_TIP_M, REACH, YAW_LIMIT_RAD
from data.errors import InvalidInput

CORNERS = [
    Pose(REACH.x_m + i * REACH.half_x_m, REACH.y_m + j * REACH.half_y_m, z, yaw)
    for i, j, z, yaw in itertools.product(
        (-1, 1), (-1, 1), (LOWEST_TIP_M, HIGHEST_TIP_M), (-YAW_LIMIT_RAD, YAW_LIMIT_RAD)
    )
]
# The iiwa's own limits, in degrees, from its data sheet.
LIMITS = [math.radians(degrees) for degrees in (170, 120, 170, 120, 170, 120, 175)]


@pytest.mark.parametrize("pose", CORNERS)
def test_every_corner_of_the_reach_is_within_the_joints_limits(pose: Pose) -> None:
    for angle, limit in zip(joint_angles(pose), LIMITS, strict=True):
        assert abs(angle) < limit


@pytest.mark.parametrize("pose", CORNERS)
def test_the_fingertips_come_to_the_pose_asked_for(cell: SimulatedCell, pose: Pose) -> None:
    arm = cell.scene.arm
    arm.teleport(pose, opening_m=0.0)
    assert arm.pose() == pytest.approx(pose, abs=1e-6)
    # The engine's own forward kinematics: the fingers' lowest points meet at the pose.
    lows = [cell.scene.bullet.getAABB(arm.body, finger)[0][2] for finger in arm.fingers]
    assert lows == pytest.approx([pose.z_m, pose.z_m], abs=0.002)
    state = cell.scene.bullet.getLinkState(arm.body, arm.fingers[0], computeForwardKinematics=1)
    assert state[4][:2] == pytest.approx(pose[:2], abs=1e-4)


def test_a_pose_beyond_the_arm_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"cannot reach x 1\.20"):
        joint_angles(Pose(1.2, 0.0, 0.2, 0.0))


def test_the_fingers_mirror_each_other(cell: SimulatedCell) -> None:
    cell.new_scene(0)
    arm = cell.scene.arm
    cell.scene.grasp("box", Pose(0.56, -0.19, 0.2, 0.0))
    left, right = (state[0] for state in cell.scene.bullet.getJointStates(arm.body, arm.fingers))
    assert left == pytest.approx(right, abs=0.002)
    assert arm.opening_m() == pytest.approx(cell.scene.object_models["box"].width_m, abs=0.004)
