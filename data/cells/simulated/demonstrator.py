"""Shows outcomes as a person shows them to the cameras, near misses among them.

The person arranges the scene; from then on every frame shows the outcome, while hand, gripper and
objects keep moving so that frames differ (MT-Opt, Sec. V and Fig. 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pybullet

from data.cells.arrangement import Arrangement, Place
from data.cells.simulated.arm import Pose
from data.cells.simulated.arm_model import MAX_OPENING_M
from data.cells.simulated.grasps import best_grasp
from data.cells.simulated.layout import LEFT_BIN, PLATE, RIGHT_BIN, SECTIONS, Area
from data.cells.simulated.outcomes import true_outcomes
from data.cells.simulated.scene import ObjectPose, Scene
from data.errors import CellError, InvalidInput, unknown_name
from data.tasks.tasks import OBJECT_KINDS, PLATE_SECTIONS, SEED_TASKS, Outcome

_TRIES = 60
_DISTRACTORS = 2  # objects beside the one at the hand that move, too
_HOLD_HEIGHTS_M = (0.16, 0.29)
_EMPTY_HEIGHTS_M = (0.08, 0.29)
_RELEASE_HEIGHTS_M = (0.07, 0.2)
_JUST_RELEASED_SHARE = 0.4
"""Share of placed objects over which the open gripper still stands."""


class _Wander:
    """A smooth value in [-1, 1] over time."""

    def __init__(self, generator: np.random.Generator, *, period_s: float) -> None:
        self._rates = 2 * np.pi / period_s * generator.uniform([0.7, 1.6], [1.3, 2.6])
        self._phases = generator.uniform(0, 2 * np.pi, 2)

    def at(self, time_s: float) -> float:
        waves = np.sin(self._rates * time_s + self._phases) * (0.7, 0.3)
        return float(waves.sum())


@dataclass
class _Showing:
    """A demonstration under way."""

    truth: Mapping[str, bool]
    """By task, the outcome that every frame shows."""
    focus: str
    """The object that the hand is at."""
    carried: str | None
    """The object that follows the gripper."""
    arm_moves: bool
    wanders: tuple[_Wander, ...]
    arm_pose: Pose
    nudged: Mapping[str, ObjectPose]
    """Objects that are pushed about, and where they lay when the showing began."""
    hand_from: float
    """Direction from the object towards the person [rad]."""
    time_s: float = 0.0


class Demonstrator:
    """The person in front of one scene. The scene as it stands now is what `rest` returns to."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._home = {kind: scene.pose_of(kind) for kind in scene.objects}
        self._showing: _Showing | None = None

    def end(self) -> None:
        """Stop showing; leave the scene as it is."""
        self._showing = None

    def rest(self) -> None:
        """Stop showing: objects where they lay, arm parked, hand gone."""
        self._showing = None
        self._scene.hand.hide()
        self._scene.arm.teleport(Pose(0.50, 0.0, 0.30, 0.0), opening_m=MAX_OPENING_M)
        self._scene.arm.closed = False
        for kind, pose in self._home.items():
            self._scene.put(kind, pose)

    def show(
        self, task: str, outcome: Outcome, *, near_miss: bool, generator: np.random.Generator
    ) -> None:
        """Arrange the scene so that it shows this outcome, and begin to move."""
        if task not in SEED_TASKS:
            raise unknown_name(
                "task",
                task,
                SEED_TASKS.names,
                where="the simulated demonstrator",
                next_step="Show one of these, or record this task at a cell with real cameras.",
            )
        if near_miss and outcome == "success":
            raise InvalidInput(
                "A near miss is a failure; it cannot be shown as a success.",
                where=f"task '{task}'",
                next_step="Ask for outcome 'failure', or leave near_miss out.",
            )
        lifts = SEED_TASKS[task].skill == "lift"
        arrange = self._arrange_lift if lifts else self._arrange_place
        for _ in range(_TRIES):
            self.rest()
            showing = arrange(task, outcome, near_miss, generator)
            if self._is_true(showing.truth):
                self._showing = showing
                self.advance(0.0)
                return
        raise CellError(
            f"The demonstrator could not arrange {outcome} of '{task}' in this scene.",
            next_step="Try another seed, or change the scene.",
        )

    def arrange(self, arrangement: Arrangement, *, generator: np.random.Generator) -> None:
        """Set the scene up as somebody has chosen, and begin to move.

        Raises:
            CellError: There is no room for it in this scene.
        """
        for _ in range(_TRIES):
            self.rest()
            showing = self._arrange_chosen(arrangement, generator)
            if self._is_true(showing.truth):
                self._showing = showing
                self.advance(0.0)
                return
        raise CellError(
            f"The simulated person could not arrange {arrangement.words} in this scene.",
            next_step="Try again, or change the scene.",
        )

    def _is_true(self, truth: Mapping[str, bool]) -> bool:
        now = true_outcomes(self._scene)
        return all(now[task] == success for task, success in truth.items())

    def advance(self, seconds: float) -> bool:
        """Move hand, gripper and objects; False when nothing is being shown."""
        showing = self._showing
        if showing is None:
            return False
        showing.time_s += seconds
        if showing.arm_moves:
            self._unless_untrue(showing, self._move_arm)
        for number, kind in enumerate(showing.nudged):
            self._unless_untrue(showing, partial(self._nudge, kind, number))
        self._move_hand(showing)
        return True

    def _unless_untrue(self, showing: _Showing, move: Callable[[_Showing], None]) -> None:
        """Carry out a motion, and take it back where it would end what is being shown."""
        scene = self._scene
        arm, opening = scene.arm.goal, scene.arm.opening_m()
        objects = {kind: scene.pose_of(kind) for kind in scene.objects}
        move(showing)
        if not self._is_true(showing.truth) or any(
            self._is_inside_another(kind) for kind in showing.nudged
        ):
            scene.arm.teleport(arm, opening_m=opening)
            for kind, pose in objects.items():
                scene.put(kind, pose)

    def _is_inside_another(self, kind: str) -> bool:
        bodies = self._scene.bullet.getNumBodies()
        own = self._scene.objects[kind]
        return any(self._scene.gap_m(kind, body) < -0.003 for body in range(bodies) if body != own)

    def _move_arm(self, showing: _Showing) -> None:
        scene, start = self._scene, showing.arm_pose
        shifts = [wander.at(showing.time_s) for wander in showing.wanders[:4]]
        target = Pose(
            start.x_m + 0.05 * shifts[0],
            start.y_m + 0.06 * shifts[1],
            start.z_m + 0.03 * shifts[2],
            start.yaw_rad + 0.5 * shifts[3],
        ).clamped()
        if showing.carried is None:
            scene.arm.teleport(target, opening_m=scene.arm.opening_m())
        else:
            scene.carry(showing.carried, target)

    def _nudge(self, kind: str, number: int, showing: _Showing) -> None:
        (x, y, z), turned = showing.nudged[kind]
        lead = 1.7 * number  # each object wanders in its own time
        dx, dy, turn = (wander.at(showing.time_s + lead) for wander in showing.wanders[4:7])
        spun = pybullet.getQuaternionFromEuler([0, 0, 0.4 * turn])
        _, turned = pybullet.multiplyTransforms([0, 0, 0], spun, [0, 0, 0], turned)
        self._scene.put(kind, ObjectPose((x + 0.02 * dx, y + 0.02 * dy, z), turned))

    def _move_hand(self, showing: _Showing) -> None:
        (x, y, z), _ = self._scene.pose_of(showing.focus)
        away, aside, up, curl, turn = (wander.at(showing.time_s) for wander in showing.wanders[7:])
        direction = showing.hand_from + 0.35 * turn
        distance = 0.115 + 0.05 * away
        self._scene.hand.show(
            (
                x + distance * np.cos(direction) - 0.02 * aside * np.sin(direction),
                y + distance * np.sin(direction) + 0.02 * aside * np.cos(direction),
                z + 0.065 + 0.025 * up,
            ),
            yaw=direction + np.pi,
            pitch=0.35 + 0.15 * up,
            curl=0.45 + 0.3 * curl,
        )

    def _arrange_lift(
        self, task: str, outcome: Outcome, near_miss: bool, generator: np.random.Generator
    ) -> _Showing:
        scene = self._scene
        wanted = task.removeprefix("lift-")
        others = [kind for kind in OBJECT_KINDS if kind != wanted]
        kind = wanted if wanted in OBJECT_KINDS else str(generator.choice(others))
        carried: str | None = None
        arm_moves = True
        pose = _somewhere_above(generator)
        if outcome == "success":
            carried = kind
            scene.grasp(kind, pose)
        elif near_miss:
            ways = ["not-lifted", "empty"]
            if wanted in OBJECT_KINDS:
                ways += ["wrong-object"] * 2
            way = str(generator.choice(ways))
            if way == "wrong-object":
                carried = str(generator.choice(others))
                scene.grasp(carried, pose)
            elif way == "not-lifted":
                arm_moves = False
                carried = kind
                scene.grasp(kind, best_grasp(scene, kind)[0])
            else:
                (x, y, _), _ = scene.pose_of(kind)
                height = float(generator.uniform(*_EMPTY_HEIGHTS_M))
                scene.arm.teleport(
                    Pose(x, y, height, pose.yaw_rad).clamped(), opening_m=_empty_opening(generator)
                )
        else:
            scene.arm.teleport(pose, opening_m=_empty_opening(generator))
        resting = [kind for kind in scene.objects if kind != carried]
        truth = {task: outcome == "success"}
        return self._begin(truth, str(generator.choice(resting)), carried, arm_moves, generator)

    def _arrange_place(
        self, task: str, outcome: Outcome, near_miss: bool, generator: np.random.Generator
    ) -> _Showing:
        scene = self._scene
        section = task.removeprefix("place-")
        kind = str(generator.choice(OBJECT_KINDS))
        carried: str | None = None
        scene.arm.teleport(_somewhere_above(generator, RIGHT_BIN))
        if outcome == "success":
            area = SECTIONS.get(section, PLATE)
            self._drop(kind, _inside(area, generator), generator)
            if generator.random() < _JUST_RELEASED_SHARE:
                (x, y, _), _ = scene.pose_of(kind)
                grasp, _ = best_grasp(scene, kind)
                height = float(generator.uniform(*_RELEASE_HEIGHTS_M))
                scene.arm.teleport(
                    Pose(x, y, height, grasp.yaw_rad).clamped(), opening_m=MAX_OPENING_M
                )
        elif near_miss:
            ways = ["beside", "on-the-rim", "not-released"]
            if section in PLATE_SECTIONS:
                ways += ["wrong-section"] * 3
            way = str(generator.choice(ways))
            if way == "wrong-section":
                other = str(generator.choice([name for name in SECTIONS if name != section]))
                self._drop(kind, _inside(SECTIONS[other], generator), generator)
            elif way == "beside":
                at = _at_the_plate("beside the plate", generator)
                self._drop(kind, at, generator, yaw=np.pi / 2)
            elif way == "on-the-rim":
                self._drop(kind, _at_the_plate("on its rim", generator), generator)
            else:
                carried = kind
                x, y = _inside(SECTIONS.get(section, PLATE), generator)
                scene.grasp(kind, Pose(x, y, float(generator.uniform(0.01, 0.05)), 0.0).clamped())
        truth = {task: outcome == "success"}
        return self._begin(truth, kind, carried, carried is None, generator)

    def _arrange_chosen(self, chosen: Arrangement, generator: np.random.Generator) -> _Showing:
        scene = self._scene
        scene.arm.teleport(_somewhere_above(generator, RIGHT_BIN))
        if chosen.placed is not None:
            at, yaw = chosen.spot_m, None
            if at is None:
                at = _at_the_plate(chosen.place, generator)
                yaw = np.pi / 2 if chosen.place == "beside the plate" else None
            self._drop(chosen.placed, at, generator, yaw=yaw)
        if chosen.held is None:
            pass
        elif chosen.held_at == "high in the air":
            scene.grasp(chosen.held, _somewhere_above(generator))
        elif chosen.held_at == "gripped, not lifted":
            scene.grasp(chosen.held, best_grasp(scene, chosen.held)[0])
        else:
            height = float(generator.uniform(0.01, 0.05))
            scene.grasp(chosen.held, Pose(*_inside(PLATE, generator), height, 0.0).clamped())
        resting = [kind for kind in scene.objects if kind != chosen.held]
        return self._begin(
            chosen.truth,
            chosen.placed or str(generator.choice(resting)),
            chosen.held,
            chosen.held is None or chosen.held_at == "high in the air",
            generator,
        )

    def _drop(
        self,
        kind: str,
        at: tuple[float, float],
        generator: np.random.Generator,
        *,
        yaw: float | None = None,
    ) -> None:
        if yaw is None:
            yaw = float(generator.uniform(-np.pi, np.pi))
        height = self._scene.object_models[kind].height_m / 2 + 0.02
        turned = pybullet.getQuaternionFromEuler([0, 0, yaw])
        self._scene.put(kind, ObjectPose((*at, height), turned))
        self._scene.settle()
        for each in self._scene.objects:
            self._scene.put(each, self._scene.pose_of(each))

    def _begin(
        self,
        truth: Mapping[str, bool],
        focus: str,
        carried: str | None,
        arm_moves: bool,
        generator: np.random.Generator,
    ) -> _Showing:
        others = [kind for kind in self._scene.objects if kind not in (focus, carried)]
        nudged = [focus, *generator.permutation(others)[:_DISTRACTORS].tolist()]
        if focus == carried:
            nudged.remove(focus)
        return _Showing(
            truth=truth,
            focus=focus,
            carried=carried,
            arm_moves=arm_moves,
            wanders=tuple(
                _Wander(generator, period_s=float(generator.uniform(3, 7))) for _ in range(12)
            ),
            arm_pose=self._scene.arm.goal,
            nudged={kind: self._scene.pose_of(kind) for kind in nudged},
            hand_from=float(generator.choice([0.0, 0.5, -0.5])),
        )


def _somewhere_above(generator: np.random.Generator, area: Area | None = None) -> Pose:
    if area is None:
        area = LEFT_BIN if generator.random() < 0.3 else RIGHT_BIN
    return Pose(
        area.x_m + float(generator.uniform(-0.5, 0.5)) * area.half_x_m,
        area.y_m + float(generator.uniform(-0.5, 0.5)) * area.half_y_m,
        float(generator.uniform(*_HOLD_HEIGHTS_M)),
        float(generator.uniform(-1.2, 1.2)),
    ).clamped()


def _empty_opening(generator: np.random.Generator) -> float:
    """Closed, open, or as wide as if an object were held."""
    return float(generator.choice([0.0, generator.uniform(0.0, MAX_OPENING_M), MAX_OPENING_M]))


def _inside(area: Area, generator: np.random.Generator) -> tuple[float, float]:
    return (
        area.x_m + float(generator.uniform(-0.5, 0.5)) * area.half_x_m,
        area.y_m + float(generator.uniform(-0.5, 0.5)) * area.half_y_m,
    )


def _at_the_plate(place: Place, generator: np.random.Generator) -> tuple[float, float]:
    if place in SECTIONS:
        return _inside(SECTIONS[place], generator)
    near = PLATE.x_m - PLATE.half_x_m
    if place == "beside the plate":
        near = LEFT_BIN.x_m - LEFT_BIN.half_x_m + 0.05
    return near, PLATE.y_m + float(generator.uniform(-0.08, 0.08))
