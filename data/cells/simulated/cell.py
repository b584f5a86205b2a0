"""The simulated cell: what the host, the collector and the evaluation drive."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from data.cameras.windows import Window
from data.cells.arrangement import Arrangement
from data.cells.protocol import (
    ACTION_SIZE,
    MAX_ROTATION_RAD,
    MAX_TRANSLATION_M,
    ActionA,
    RobotState,
    Start,
)
from data.cells.robots import Robot
from data.cells.simulated.appearance import look, robot_appearance, vary
from data.cells.simulated.arm import PHYSICS_STEP_S, Pose
from data.cells.simulated.arm_model import MAX_OPENING_M
from data.cells.simulated.cameras import CAMERA_VIEWS
from data.cells.simulated.demonstrator import Demonstrator
from data.cells.simulated.layout import HIGHEST_TIP_M, LEFT_BIN, RIGHT_BIN, Area
from data.cells.simulated.outcomes import can_retry, held_kind, true_outcomes
from data.cells.simulated.scene import Scene
from data.cells.simulated.views import Fit
from data.episodes.frames import CAMERAS, FrameSet, ImageHWC, Size
from data.episodes.gripper import GripperReading
from data.errors import CameraError, CellError, InvalidInput
from data.tasks.tasks import OBJECT_KINDS, Outcome

_EPISODE, _SCENE, _DEMONSTRATION = 1, 2, 3
"""Streams of random numbers: one seed gives each of them its own draws."""


def make_cell(
    robot: Robot, *, fit: Fit = "scale", clock: Callable[[], int] = time.time_ns
) -> SimulatedCell:
    """The simulated cell of one robot of the fleet."""
    return SimulatedCell(robot.name, variation=robot.variation, fit=fit, clock=clock)


class SimulatedCell:
    """A PyBullet world with an arm, two bins, a plate and three cameras.

    It keeps both `Cell` and `RobotCell`, and beside them demonstrates outcomes as a person would.

    Args:
        robot: Name of the robot.
        variation: Decides how the cell looks (see `robot_appearance`) and which scenes its seeds
            give, so that no two robots of a fleet share a scene.
        fit: How images of another aspect than the camera's are served.
        clock: Gives the time of capture [ns since the Unix epoch].
    """

    def __init__(
        self,
        robot: str,
        *,
        variation: int,
        fit: Fit = "scale",
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._robot = robot
        self._variation = variation
        self._clock = clock
        self._style = robot_appearance(variation)
        self._scene: Scene | None = Scene(self._style, variation=variation, fit=fit)
        self._version = 0
        self.new_scene(0)

    @property
    def robot(self) -> str:
        """Name of the robot, the unit of every holdout."""
        return self._robot

    @property
    def scene_version(self) -> int:
        """Changes whenever what the cameras see may have changed."""
        return self._version

    @property
    def scene(self) -> Scene:
        """The world itself, for the expert and for tests. Raises `CellError` once closed."""
        if self._scene is None:
            raise CellError(
                f"The simulated cell of '{self._robot}' is closed.",
                next_step="Make another with make_cell(robot).",
            )
        return self._scene

    def read(self, sizes: Mapping[str, Size] | None = None) -> FrameSet:
        """Images of the cameras named in `sizes`, RGB uint8; None gives all at native size.

        Raises:
            CameraError: A camera that the cell does not have, or a size without pixels.
        """
        if sizes is None:
            sizes = {camera: CAMERA_VIEWS[camera].native for camera in CAMERAS}
        for camera, size in sizes.items():
            self._check_image(camera, size)
        return self._frames(
            self.scene.render({camera: Size(*size) for camera, size in sizes.items()})
        )

    def read_cuts(self, windows: Mapping[str, Window], size: Size) -> FrameSet:
        """What lies in a window of each camera's view, RGB uint8, all at one size.

        The same as cutting it out of the whole view and scaling it, for a fraction of the time.

        Raises:
            CameraError: A camera that the cell does not have, or a size without pixels.
            InvalidInput: A window that is no part of the view.
        """
        for camera, window in windows.items():
            self._check_image(camera, size)
            window.check()
        return self._frames(self.scene.render_windows(windows, Size(*size)))

    def _check_image(self, camera: str, size: Size) -> None:
        if camera not in CAMERA_VIEWS:
            raise CameraError(
                f"The simulated cell has no camera '{camera}'.",
                where=self._robot,
                valid=CAMERAS,
                next_step="Ask for one of these.",
            )
        if min(size) < 1:
            raise CameraError(
                f"An image of {size[0]} x {size[1]} pixels cannot be rendered.",
                where=f"{self._robot}, camera {camera}",
                next_step="Ask for at least one pixel each way.",
            )

    def _frames(self, images: Mapping[str, ImageHWC]) -> FrameSet:
        return FrameSet(
            images=images,
            timestamps_ns=dict.fromkeys(images, self._clock()),
            gripper=GripperReading(
                float(self.scene.arm.closed), *map(float, self.scene.arm.pose())
            ),
        )

    def close(self) -> None:
        """End the simulation; calling it again does nothing."""
        if self._scene is not None:
            self._scene.close()
            self._scene = None

    def reset(self, *, seed: int, start: Start, task: str, keep_scene: bool = False) -> None:
        """Begin an episode of `task`: objects dropped into the right bin, the arm at its start.

        Between three and seven kinds lie there, the one that a lift task names always among them.
        With `keep_scene` they are left as they lie, where `task` can be tried with them; what the
        gripper holds is laid back, or is what an episode of `Start.PLACE` begins with.
        """
        scene, generator = self.scene, self._generator(seed, _EPISODE)
        scene.dress(self._style)
        held = held_kind(scene) if scene.arm.closed else None
        if keep_scene and can_retry(scene, task, held):
            scene.hand.hide()
        else:
            scene.build(_draw_kinds(task, generator), generator)
            held = None
        if start is Start.PLACE:
            self._begin_place(held, generator)
        else:
            self._begin_pick(held, generator)
        self._demonstrator = Demonstrator(scene)
        self._version += 1

    def _begin_pick(self, held: str | None, generator: np.random.Generator) -> None:
        scene = self.scene
        pose = _above(RIGHT_BIN, generator, lowest_m=0.20)
        scene.arm.teleport(pose, opening_m=MAX_OPENING_M)
        if held is not None:
            scene.lay_down(held, generator)
        scene.arm.open_gripper()
        scene.settle()

    def _begin_place(self, held: str | None, generator: np.random.Generator) -> None:
        scene = self.scene
        pose = _above(LEFT_BIN, generator, lowest_m=0.18)
        if held is not None:
            scene.carry(held, pose)
            scene.arm.close_gripper()
        if held is None or held_kind(scene) != held:
            kinds = list(scene.objects)
            scene.grasp(held or kinds[int(generator.integers(len(kinds)))], pose)

    def state(self) -> RobotState:
        """Gripper and height now."""
        arm = self.scene.arm
        return RobotState(float(arm.closed), float(arm.pose().z_m))

    def step(self, action: ActionA) -> None:
        """Carry out one action: move, then open or close. `terminate` moves nothing.

        Raises:
            InvalidInput: The action has not 8 finite numbers, or asks for two things at once.
        """
        values = _checked(action)
        opens, closes, terminates = values[5:] > 0.5
        if terminates:
            return
        self._demonstrator.end()
        arm = self.scene.arm
        shift = np.clip(values[:3], -1.0, 1.0) * MAX_TRANSLATION_M
        turn = float(np.clip(math.atan2(values[3], values[4]), -MAX_ROTATION_RAD, MAX_ROTATION_RAD))
        goal = Pose(*(a + float(b) for a, b in zip(arm.goal, (*shift, turn), strict=True)))
        arm.move(goal.clamped())
        if opens:
            arm.open_gripper()
        elif closes:
            arm.close_gripper()
        self._version += 1

    def settle(self) -> None:
        """Let physics run until the objects rest, for a second at most."""
        self.scene.settle(at_most=round(1 / PHYSICS_STEP_S))
        self._version += 1

    def truth(self) -> dict[str, bool]:
        """The true outcome now of every task that geometry can judge."""
        return true_outcomes(self.scene)

    def new_scene(self, seed: int) -> None:
        """Other objects, light and background, within this robot's own style."""
        generator = self._generator(seed, _SCENE)
        self.scene.dress(vary(self._style, generator))
        self.scene.build(OBJECT_KINDS, generator)
        self._demonstrator = Demonstrator(self.scene)
        self._version += 1

    def demonstrate(
        self, task: str, outcome: Outcome, *, near_miss: bool = False, seed: int
    ) -> None:
        """Show an outcome as a person would, from now on in every frame.

        Raises:
            UnknownName: A task that the simulation cannot show; lists those it can.
            InvalidInput: A near miss of a success.
        """
        if len(self.scene.objects) < len(OBJECT_KINDS):
            self.new_scene(seed)
        generator = self._generator(seed, _DEMONSTRATION)
        self._demonstrator.show(task, outcome, near_miss=near_miss, generator=generator)
        self._version += 1

    def arrange(self, arrangement: Arrangement, *, seed: int) -> None:
        """Set the scene up like this; hand, gripper and objects move, and what is true stays so.

        Raises:
            InvalidInput: No scene can look like this.
            CellError: There is no room for it in this scene.
        """
        arrangement.check()
        if len(self.scene.objects) < len(OBJECT_KINDS):
            self.new_scene(seed)
        self.scene.dress(look(self.scene.appearance, arrangement))
        self._demonstrator.arrange(arrangement, generator=self._generator(seed, _DEMONSTRATION))
        self._version += 1

    def advance(self, seconds: float) -> None:
        """Let the demonstration go on; what it shows stays true."""
        if self._demonstrator.advance(seconds):
            self._version += 1

    def idle(self) -> None:
        """End the demonstration: the objects lie in the right bin, the hand is gone."""
        self._demonstrator.rest()
        self._version += 1

    def _generator(self, seed: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([seed, self._variation, stream])


def _draw_kinds(task: str, generator: np.random.Generator) -> list[str]:
    wanted = task.removeprefix("lift-")
    others = [kind for kind in OBJECT_KINDS if kind != wanted]
    count = int(generator.integers(3, len(OBJECT_KINDS) + 1))
    if wanted in OBJECT_KINDS:
        chosen = {wanted, *generator.permutation(others)[: count - 1].tolist()}
    else:
        chosen = set(generator.permutation(others)[:count].tolist())
    return [kind for kind in OBJECT_KINDS if kind in chosen]


def _above(area: Area, generator: np.random.Generator, *, lowest_m: float) -> Pose:
    return Pose(
        area.x_m + float(generator.uniform(-0.6, 0.6)) * area.half_x_m,
        area.y_m + float(generator.uniform(-0.6, 0.6)) * area.half_y_m,
        float(generator.uniform(lowest_m, HIGHEST_TIP_M)),
        float(generator.uniform(-np.pi / 2, np.pi / 2)),
    ).clamped()


def _checked(action: ActionA) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(action, dtype=np.float64)
    if values.shape != (ACTION_SIZE,) or not np.isfinite(values).all():
        raise InvalidInput(
            f"An action needs {ACTION_SIZE} finite numbers; this one has shape {values.shape}.",
            valid=["dx, dy, dz, sin, cos, open, close, terminate"],
        )
    if (values[5:] > 0.5).sum() > 1:
        raise InvalidInput(
            "An action asks for more than one of open, close and terminate.",
            next_step="Set at most one of the last three numbers above 0.5.",
        )
    return values
