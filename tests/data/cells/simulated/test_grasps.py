from __future__ import annotations

import math

import pybullet
import pytest

from data.cells.simulated.arm import HOLD_ABOVE_TIP_M
from data.cells.simulated.cell import SimulatedCell
from data.cells.simulated.grasps import best_grasp
from data.cells.simulated.scene import ObjectPose


def lay_alone(cell: SimulatedCell, kind: str, yaw: float) -> None:
    """Only `kind` in the right bin, all else out of the way."""
    cell.new_scene(0)
    for other in cell.scene.objects:
        cell.scene.put(other, ObjectPose((3.0, 3.0, 0.5), (0, 0, 0, 1)))
    turned = pybullet.getQuaternionFromEuler([0.0, 0.0, yaw])
    cell.scene.put(kind, ObjectPose((0.56, -0.205, 0.03), turned))


def test_an_object_alone_is_taken_in_its_middle_across_its_length(cell: SimulatedCell) -> None:
    lay_alone(cell, "banana", yaw=0.7)
    pose, room = best_grasp(cell.scene, "banana")
    assert pose[:2] == pytest.approx((0.56, -0.205), abs=1e-6)
    assert pose.z_m == pytest.approx(0.03 - HOLD_ABOVE_TIP_M)
    assert pose.yaw_rad == pytest.approx(0.7, abs=1e-6)
    assert room > 0


def test_the_same_object_turned_half_around_is_taken_the_same_way(cell: SimulatedCell) -> None:
    lay_alone(cell, "carrot", yaw=0.7 + math.pi)
    assert best_grasp(cell.scene, "carrot")[0].yaw_rad == pytest.approx(0.7, abs=1e-6)


def test_a_neighbour_where_a_finger_would_go_changes_the_grasp(cell: SimulatedCell) -> None:
    lay_alone(cell, "banana", yaw=0.0)
    straight, room_alone = best_grasp(cell.scene, "banana")
    cell.scene.put("sausage", ObjectPose((0.56, -0.255, 0.02), (0, 0, 0.7071, 0.7071)))
    around, room_beside = best_grasp(cell.scene, "banana")
    assert around != straight
    assert room_beside < room_alone
