from __future__ import annotations

import pybullet
import pytest

from data.cells.simulated import layout
from data.cells.simulated.arm import Pose
from data.cells.simulated.cell import SimulatedCell
from data.cells.simulated.layout import SECTIONS
from data.cells.simulated.outcomes import LIFT_CLEARANCE_M
from data.cells.simulated.scene import ObjectPose
from data.tasks.tasks import SEED_TASKS


def successes(cell: SimulatedCell) -> set[str]:
    return {task for task, success in cell.truth().items() if success}


def lay(cell: SimulatedCell, kind: str, x_m: float, y_m: float, yaw: float = 0.0) -> None:
    height = cell.scene.object_models[kind].height_m / 2 + layout.PLATE_THICKNESS_M
    turned = pybullet.getQuaternionFromEuler([0.0, 0.0, yaw])
    cell.scene.put(kind, ObjectPose((x_m, y_m, height), turned))


@pytest.mark.parametrize("section", SECTIONS)
def test_an_object_in_a_section_is_placed_there_and_nowhere_else(
    cell: SimulatedCell, section: str
) -> None:
    cell.new_scene(0)
    area = SECTIONS[section]
    lay(cell, "box", area.x_m, area.y_m)
    assert successes(cell) == {"place-any", f"place-{section}"}


def test_an_object_beside_the_plate_is_not_placed(cell: SimulatedCell) -> None:
    cell.new_scene(0)
    lay(cell, "box", 0.44, 0.19)
    assert successes(cell) == set()


def test_an_object_that_the_gripper_still_touches_is_not_placed(cell: SimulatedCell) -> None:
    cell.new_scene(0)
    area = SECTIONS["bottom"]
    lay(cell, "box", area.x_m, area.y_m)
    arm = cell.scene.arm
    width = cell.scene.object_models["box"].width_m
    arm.teleport(Pose(area.x_m, area.y_m, 0.02, 0.0), opening_m=width + 0.002)
    assert successes(cell) == set()
    arm.teleport(Pose(area.x_m, area.y_m, 0.20, 0.0), opening_m=0.09)
    assert successes(cell) == {"place-any", "place-bottom"}


def test_an_object_is_lifted_once_it_is_clear_of_the_bins(cell: SimulatedCell) -> None:
    cell.new_scene(0)
    cell.scene.grasp("carrot", Pose(0.56, -0.19, 0.20, 0.3))
    assert successes(cell) == {"lift-any", "lift-carrot"}
    cell.scene.grasp("carrot", Pose(0.56, -0.19, LIFT_CLEARANCE_M - 0.02, 0.3))
    assert successes(cell) == set()


def test_two_objects_on_the_plate_never_contradict_the_relations(cell: SimulatedCell) -> None:
    cell.new_scene(0)
    for kind, section in (("box", "bottom"), ("can", "top-left")):
        lay(cell, kind, SECTIONS[section].x_m, SECTIONS[section].y_m)
    found = successes(cell)
    assert "place-any" in found
    for task in found:
        assert not SEED_TASKS.excluded_by(task) & found
        assert SEED_TASKS.implied_by(task) <= found
