"""Where the jaws can take an object as it lies among the others."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pybullet

from data.cells.simulated.arm import HOLD_ABOVE_TIP_M, Pose
from data.cells.simulated.arm_model import MAX_OPENING_M
from data.cells.simulated.layout import LEFT_BIN, RIGHT_BIN
from data.cells.simulated.objects import Disc
from data.cells.simulated.scene import Scene

_FINGER_FROM_MIDDLE_M = MAX_OPENING_M / 2 + 0.006
_FINGER_RADIUS_M = 0.012
_AMPLE_M = 0.015  # more room than this is no better


def best_grasp(scene: Scene, kind: str) -> tuple[Pose, float]:
    """The pose that takes `kind` with most room for both fingers, and that room [m].

    Negative room means that a finger would land on something.
    """
    others = [disc for other in scene.objects if other != kind for disc in scene.footprint(other)]
    ranked = [
        (min(_room(scene, pose, others), _AMPLE_M) - cost, pose)
        for pose, cost in _candidates(scene, kind)
    ]
    score, pose = max(ranked, key=lambda scored: scored[0])
    return pose, score


def _candidates(scene: Scene, kind: str) -> Iterator[tuple[Pose, float]]:
    """Poses over the object, each with what it costs in room [m] to be less than straight."""
    model = scene.object_models[kind]
    (x, y, z), turned = scene.pose_of(kind)
    axis = pybullet.getMatrixFromQuaternion(turned)[0::3]
    flat = math.hypot(axis[0], axis[1])
    along = math.atan2(axis[1], axis[0])
    height = z - HOLD_ABOVE_TIP_M
    stands = flat < 0.7
    turns: tuple[float, ...] = (0.0, 0.25, -0.25, 0.5, -0.5)
    if stands or model.length_m < MAX_OPENING_M - 0.008:
        turns += (1.57,)
    if stands:
        turns += (1.1, -1.1)
    shifts = (0.0,) if stands else (0.0, 0.15, -0.15, 0.28, -0.28)
    for turn in turns:
        for shift in shifts:
            step = shift * model.length_m
            yaw = (along + turn + math.pi / 2) % math.pi - math.pi / 2
            pose = Pose(
                x + step * flat * math.cos(along), y + step * flat * math.sin(along), height, yaw
            )
            yield pose.clamped(), (0.0 if stands else 0.012 * abs(turn)) + 0.02 * abs(shift)


def _room(scene: Scene, pose: Pose, others: list[Disc]) -> float:
    room = _AMPLE_M
    side = LEFT_BIN if pose.y_m > 0 else RIGHT_BIN
    for sign in (-1, 1):
        # At yaw 0 the fingers stand apart along y.
        x = pose.x_m - sign * _FINGER_FROM_MIDDLE_M * math.sin(pose.yaw_rad)
        y = pose.y_m + sign * _FINGER_FROM_MIDDLE_M * math.cos(pose.yaw_rad)
        walls = min(side.half_x_m - abs(x - side.x_m), side.half_y_m - abs(y - side.y_m))
        room = min(room, walls - _FINGER_RADIUS_M)
        for other_x, other_y, radius in others:
            gap = math.hypot(x - other_x, y - other_y) - radius - _FINGER_RADIUS_M
            room = min(room, gap)
    return room
