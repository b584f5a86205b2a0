"""What is true in a scene, by geometry."""

from __future__ import annotations

from data.cells.simulated import layout
from data.cells.simulated.layout import BIN_WALL_HEIGHT_M, PLATE, REACH, RIGHT_BIN, SECTIONS
from data.cells.simulated.scene import Scene
from data.tasks.tasks import OBJECT_KINDS, PLATE_SECTIONS

LIFT_CLEARANCE_M = BIN_WALL_HEIGHT_M + 0.03
"""A held object is lifted when its lowest point is this high above the bins' floor."""
_TOUCH_M = 0.003
_AWAY_M = 0.008
_STILL_M_S = 0.08


def true_outcomes(scene: Scene) -> dict[str, bool]:
    """Success of each task that geometry can judge now; user-defined tasks are not among them.

    The outcomes agree with the relations of `data.tasks.tasks.SEED_TASKS`: should several objects
    lie on the plate, the one that comes first in `OBJECT_KINDS` decides the section.
    """
    lifted = lifted_kind(scene)
    placed = next((kind for kind in scene.objects if is_placed(scene, kind)), None)
    section = None if placed is None else section_of(scene, placed)
    return {
        "lift-any": lifted is not None,
        **{f"lift-{kind}": lifted == kind for kind in OBJECT_KINDS},
        "place-any": placed is not None,
        **{f"place-{name}": section == name for name in PLATE_SECTIONS},
    }


def held_kind(scene: Scene) -> str | None:
    """The object that both fingers touch, if there is one."""
    for kind in scene.objects:
        gaps = [scene.gap_m(kind, scene.arm.body, link=finger) for finger in scene.arm.fingers]
        if max(gaps) < _TOUCH_M:
            return kind
    return None


def lifted_kind(scene: Scene) -> str | None:
    """The object that the jaws hold clear of the bins, if there is one."""
    kind = held_kind(scene)
    if kind is None or scene.lowest_m(kind) < LIFT_CLEARANCE_M:
        return None
    return kind


def can_retry(scene: Scene, task: str, held: str | None) -> bool:
    """Whether `task` can be tried with the objects as they lie.

    Its object is among them, and all but the `held` one lie in the right bin within reach.
    """
    wanted = task.removeprefix("lift-")
    if not scene.objects or (wanted in OBJECT_KINDS and wanted not in scene.objects):
        return False
    return all(kind == held or is_within_reach(scene, kind) for kind in scene.objects)


def is_within_reach(scene: Scene, kind: str) -> bool:
    """Whether an object lies in the right bin where the gripper can go."""
    (x, y, z), _ = scene.pose_of(kind)
    return RIGHT_BIN.contains(x, y) and REACH.contains(x, y) and z < LIFT_CLEARANCE_M


def is_placed(scene: Scene, kind: str) -> bool:
    """Whether an object rests on the plate and the gripper has let go of it.

    It rests on the plate when its centre is over the plate, it touches the plate, no part of it
    lies lower than the plate's top and it does not move.
    """
    (x, y, _), _ = scene.pose_of(kind)
    return (
        PLATE.contains(x, y)
        and scene.lowest_m(kind) > layout.PLATE_THICKNESS_M - 0.003
        and scene.gap_m(kind, scene.plate) < _TOUCH_M
        and scene.gap_m(kind, scene.arm.body) > _AWAY_M
        and scene.speed(kind) < _STILL_M_S
    )


def section_of(scene: Scene, kind: str) -> str | None:
    """The section of the plate that an object's centre is over."""
    (x, y, _), _ = scene.pose_of(kind)
    return next((name for name, area in SECTIONS.items() if area.contains(x, y)), None)
