"""A controller that sees the simulation itself: it shows that the tasks can be done.

It acts only through the cell's actions, so its success rate is the physics' ceiling, and what a
policy reaches can be read against it. Each action follows from the scene alone; nothing is
remembered between steps, so that a dropped object is simply taken again.
"""

from __future__ import annotations

import math

import numpy as np

from data.cells.protocol import ACTION_SIZE, MAX_ROTATION_RAD, MAX_TRANSLATION_M, ActionA
from data.cells.simulated.arm import Pose
from data.cells.simulated.cell import SimulatedCell
from data.cells.simulated.grasps import best_grasp
from data.cells.simulated.layout import (
    BIN_WALL_HEIGHT_M,
    PLATE,
    PLATE_THICKNESS_M,
    SECTIONS,
    YAW_LIMIT_RAD,
    Area,
)
from data.cells.simulated.outcomes import held_kind, true_outcomes
from data.cells.simulated.scene import Scene
from data.errors import unknown_name
from data.tasks.tasks import OBJECT_KINDS, SEED_TASKS

_TRAVEL_M = BIN_WALL_HEIGHT_M + 0.03
_LIFTED_M = 0.22
_NEAR_M = 0.012
_TURNED_RAD = 0.12
_RELEASE_M = 0.012


def expert_action(cell: SimulatedCell, task: str) -> ActionA:
    """The next action towards `task`, shape (8,), float32.

    Raises:
        UnknownName: A task that geometry cannot judge, so that no expert knows it.
    """
    if task not in SEED_TASKS:
        raise unknown_name(
            "task", task, SEED_TASKS.names, where="the expert", next_step="Choose one of these."
        )
    scene = cell.scene
    places = SEED_TASKS[task].skill == "place"
    if true_outcomes(scene)[task]:
        # Leave what was placed in full view of the cameras.
        clear = not places or scene.arm.goal.z_m > _TRAVEL_M
        return _action(terminate=True) if clear else _rise(scene)
    held = held_kind(scene) if scene.arm.closed else None
    if not places:
        wanted = [kind for kind in OBJECT_KINDS if task == f"lift-{kind}"] or list(scene.objects)
        if held in wanted:
            return _go(scene, scene.arm.goal._replace(z_m=_LIFTED_M))
        return _pick(scene, wanted)
    if held is not None:
        return _put_down(scene, held, SECTIONS.get(task.removeprefix("place-"), PLATE))
    if scene.arm.goal.z_m < _TRAVEL_M or any(scene.speed(kind) > 0.03 for kind in scene.objects):
        return _rise(scene)  # let go first, and let it come to rest
    return _pick(scene, sorted(scene.objects, key=lambda kind: -scene.pose_of(kind)[0][1])[:1])


def _rise(scene: Scene) -> ActionA:
    return _go(scene, scene.arm.goal._replace(z_m=_TRAVEL_M + 0.05), open_=scene.arm.closed)


def _pick(scene: Scene, wanted: list[str]) -> ActionA:
    arm = scene.arm
    if arm.closed:
        return _rise(scene)
    grasps = [best_grasp(scene, kind) for kind in wanted]
    here = arm.goal
    # Room first; among equals the nearest, so that the choice does not change on the way.
    grasp, _ = max(grasps, key=lambda found: found[1] - 0.02 * math.dist(found[0][:2], here[:2]))
    grasp = grasp._replace(yaw_rad=_nearest_turn(grasp.yaw_rad, here.yaw_rad))
    far = math.dist(grasp[:2], here[:2])
    if far > _NEAR_M or abs(grasp.yaw_rad - here.yaw_rad) > _TURNED_RAD:
        low = _TRAVEL_M if far < MAX_TRANSLATION_M or here.z_m > _TRAVEL_M else here.z_m
        return _go(scene, grasp._replace(z_m=max(low, _TRAVEL_M)))
    close = here.z_m - grasp.z_m <= MAX_TRANSLATION_M
    return _go(scene, grasp, close=close)


def _put_down(scene: Scene, held: str, area: Area) -> ActionA:
    here = scene.arm.goal
    (x, y, _), _ = scene.pose_of(held)
    shift_x, shift_y = area.x_m - x, area.y_m - y
    if area is PLATE:
        shift_x -= PLATE.half_x_m / 2  # the widest section, clear of the dividers
    # The sections are widest along y: lay the object, which is as long as they are, that way.
    yaw = _nearest_turn(math.pi / 2, here.yaw_rad)
    there = Pose(here.x_m + shift_x, here.y_m + shift_y, here.z_m, yaw)
    turned = abs(yaw - here.yaw_rad) < _TURNED_RAD
    if not turned or math.hypot(shift_x, shift_y) > 2 * _NEAR_M:
        return _go(scene, there._replace(z_m=max(here.z_m, _TRAVEL_M + 0.03)))
    drop = scene.lowest_m(held) - PLATE_THICKNESS_M - _RELEASE_M
    low = there._replace(z_m=here.z_m - max(drop, 0.0))
    return _go(scene, low, open_=drop <= MAX_TRANSLATION_M)


def _nearest_turn(yaw: float, here: float) -> float:
    """The same jaws, turned half around where that is nearer."""
    choices = [yaw + turn for turn in (-math.pi, 0.0, math.pi)]
    allowed = [choice for choice in choices if abs(choice) <= YAW_LIMIT_RAD]
    return min(allowed, key=lambda choice: abs(choice - here))


def _go(scene: Scene, target: Pose, *, open_: bool = False, close: bool = False) -> ActionA:
    here = scene.arm.goal
    shift = np.array(target[:3]) - np.array(here[:3])
    turn = float(np.clip(target.yaw_rad - here.yaw_rad, -MAX_ROTATION_RAD, MAX_ROTATION_RAD))
    action = _action(open_=open_, close=close)
    action[:3] = np.clip(shift / MAX_TRANSLATION_M, -1.0, 1.0)
    action[3:5] = math.sin(turn), math.cos(turn)
    return action


def _action(*, open_: bool = False, close: bool = False, terminate: bool = False) -> ActionA:
    action = np.zeros(ACTION_SIZE, dtype=np.float32)
    action[4] = 1.0
    action[5:] = open_, close, terminate
    return action
