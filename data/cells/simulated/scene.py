"""The physics world of a cell and everything that stands in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pybullet
from numpy.typing import NDArray

from data.cameras.windows import Window
from data.cells.simulated import fixtures
from data.cells.simulated.appearance import Appearance
from data.cells.simulated.arm import HOLD_ABOVE_TIP_M, PHYSICS_STEP_S, Arm, Pose
from data.cells.simulated.arm_model import arm_urdf
from data.cells.simulated.hand import Hand
from data.cells.simulated.layout import OBJECTS, Area
from data.cells.simulated.meshes import box
from data.cells.simulated.models import Link, ModelFolder, Part
from data.cells.simulated.objects import Disc, ObjectModel, footprint, lowest_point_m
from data.cells.simulated.stock import Stock
from data.cells.simulated.surfaces import Shadow
from data.cells.simulated.views import Fit, Views
from data.cells.simulated.world import World
from data.episodes.frames import ImageHWC, Size

_FLOOR_Z_M = -0.75
_DROP_M = 0.01
_CANDIDATES, _CLEAR_M = 60, 0.02
_SOLVED = 1e-4
"""The solver ends early once no constraint is violated by more (its unit is squared)."""


class ObjectPose(NamedTuple):
    """Position [m] and orientation (quaternion x, y, z, w) of an object."""

    position_m: tuple[float, float, float]
    turned: tuple[float, float, float, float]


class Scene:
    """One cell's bodies. Rebuilt from nothing for every episode, so that a seed decides all.

    Args:
        appearance: How the cell looks.
        variation: Of the robot; decides which objects the cell owns.
        fit: How images of another aspect are served.
    """

    def __init__(self, appearance: Appearance, *, variation: int, fit: Fit) -> None:
        self.bullet = World()
        self._still = World()
        self._people = World()
        self._models = ModelFolder()
        self._arm_urdf = arm_urdf(self._models)
        self._stock = Stock(self._models, variation=variation)
        self._views = Views(self._still, fit=fit)
        self.hand = Hand(self._people, self._models)
        self.objects: dict[str, int] = {}
        self.object_models: dict[str, ObjectModel] = {}
        self.plate = -1
        self._dress(appearance)
        self._fixture_urdfs = {
            link.name: self._models.write(link.name, [link]) for link in self._fixtures()
        }

    def dress(self, appearance: Appearance) -> None:
        """Give the cell this look; it is seen after the next `build`."""
        if appearance != self.appearance:
            self._dress(appearance)

    def _dress(self, appearance: Appearance) -> None:
        self.appearance = appearance
        self._still.resetSimulation()
        for link in (*self._fixtures(), self._backdrop()):
            self._still.loadURDF(str(self._models.write(link.name, [link])), useFixedBase=True)
        self._views.forget()

    def build(self, kinds: Sequence[str], generator: np.random.Generator) -> None:
        """Start anew: one object of each of `kinds` in the right bin, all else at rest."""
        self.bullet.resetSimulation()
        self.bullet.setGravity(0, 0, -9.81)
        self.bullet.setPhysicsEngineParameter(
            fixedTimeStep=PHYSICS_STEP_S,
            numSolverIterations=50,
            solverResidualThreshold=_SOLVED,
            deterministicOverlappingPairs=1,
        )
        for name, urdf in self._fixture_urdfs.items():
            body = self.bullet.loadURDF(str(urdf), useFixedBase=True)
            self.bullet.changeVisualShape(body, -1, rgbaColor=[0, 0, 0, 0])
            if name == "plate":
                self.plate = body
        self.arm = Arm(self.bullet, self._arm_urdf)
        self.hand.hide()
        self.hand.dress(generator)
        drawn = {kind: self._stock.draw(kind, generator) for kind in kinds}
        self.object_models = {kind: stocked.model for kind, stocked in drawn.items()}
        self.objects = {}
        spots = _spread(list(self.object_models.values()), OBJECTS, generator)
        for kind, (x, y, yaw) in zip(kinds, spots, strict=True):
            self.objects[kind] = self.bullet.loadURDF(
                str(drawn[kind].urdf),
                [x, y, drawn[kind].model.height_m / 2 + _DROP_M],
                pybullet.getQuaternionFromEuler([0, 0, yaw]),
                flags=pybullet.URDF_ENABLE_SLEEPING,
            )
            self.bullet.changeDynamics(
                self.objects[kind], -1, linearDamping=0.1, angularDamping=0.3
            )
        self.settle()

    def settle(self, *, at_most: int = 150) -> None:
        """Let physics run until the objects rest, for `at_most` steps."""
        for count in range(at_most):
            self.bullet.stepSimulation()
            if count % 10 == 9 and all(self.speed(kind) < 0.01 for kind in self.objects):
                for body in self.objects.values():
                    self._activate(body, pybullet.ACTIVATION_STATE_SLEEP)
                return

    def _activate(self, body: int, state: int) -> None:
        """Wake an object, or spare physics one that rests; whatever touches it wakes it too."""
        self.bullet.changeDynamics(body, -1, activationState=state)

    def speed(self, kind: str) -> float:
        """How fast an object moves [m/s], its turning counted at 5 cm from its centre."""
        linear, angular = self.bullet.getBaseVelocity(self.objects[kind])
        return float(np.linalg.norm(linear) + 0.05 * np.linalg.norm(angular))

    def pose_of(self, kind: str) -> ObjectPose:
        """Where an object is: position [m] and orientation (quaternion x, y, z, w)."""
        position, turned = self.bullet.getBasePositionAndOrientation(self.objects[kind])
        return ObjectPose(position, turned)

    def put(self, kind: str, pose: ObjectPose) -> None:
        """Set an object there, at rest."""
        self.bullet.resetBasePositionAndOrientation(self.objects[kind], *pose)
        self._activate(self.objects[kind], pybullet.ACTIVATION_STATE_WAKE_UP)

    def lowest_m(self, kind: str) -> float:
        """Height of an object's lowest point above the bins' floor."""
        position, turned = self.pose_of(kind)
        rotation_33 = np.array(pybullet.getMatrixFromQuaternion(turned)).reshape(3, 3)
        return lowest_point_m(self.object_models[kind], position, rotation_33)

    def gap_m(self, kind: str, body: int, *, link: int | None = None) -> float:
        """Distance of an object from a body or one of its links, at most 5 cm; negative inside."""
        where = {} if link is None else {"linkIndexB": link}
        points = self.bullet.getClosestPoints(self.objects[kind], body, 0.05, **where)
        return min((float(point[8]) for point in points), default=0.05)

    def grasp(self, kind: str, pose: Pose) -> None:
        """Put an object between the jaws at `pose` and close them on it."""
        model = self.object_models[kind]
        self.arm.teleport(pose, opening_m=model.width_m + 0.002)
        at = (pose.x_m, pose.y_m, pose.z_m + HOLD_ABOVE_TIP_M)
        turned = pybullet.getQuaternionFromEuler([0.0, 0.0, pose.yaw_rad])
        self.put(kind, ObjectPose(at, turned))
        self.arm.close_gripper()

    def carry(self, kind: str, pose: Pose) -> None:
        """Be at `pose` at once with the object that the jaws hold."""
        old, held = self.arm.pose(), self.pose_of(kind)
        self.arm.teleport(pose, opening_m=self.arm.opening_m())
        turn = pybullet.getQuaternionFromEuler([0, 0, pose.yaw_rad - old.yaw_rad])
        offset = [a - b for a, b in zip(held.position_m, old[:3], strict=True)]
        at_m, turned = pybullet.multiplyTransforms(pose[:3], turn, offset, held.turned)
        self.put(kind, ObjectPose(at_m, turned))

    def lay_down(self, kind: str, generator: np.random.Generator) -> None:
        """Put an object back into the right bin, clear of the others where there is room."""
        taken = [disc for other in self.objects if other != kind for disc in self.footprint(other)]
        ((x, y, yaw),) = _spread([self.object_models[kind]], OBJECTS, generator, taken)
        height_m = self.object_models[kind].height_m / 2 + _DROP_M
        turned = pybullet.getQuaternionFromEuler([0, 0, yaw])
        self.put(kind, ObjectPose((x, y, height_m), turned))

    def footprint(self, kind: str) -> list[Disc]:
        """The piece of floor that an object covers."""
        position, turned = self.pose_of(kind)
        axis = pybullet.getMatrixFromQuaternion(turned)[0::3]
        return footprint(self.object_models[kind], position[:2], axis[:2])

    def render(self, sizes: Mapping[str, Size]) -> dict[str, ImageHWC]:
        """The images of cameras, RGB uint8, (height, width, 3)."""
        moving, shadows = self._moving(), self._shadows()
        return {
            camera: self._views.render(camera, size, self.appearance, moving, shadows)
            for camera, size in sizes.items()
        }

    def render_windows(self, windows: Mapping[str, Window], size: Size) -> dict[str, ImageHWC]:
        """What lies in a window of each camera's view, RGB uint8, (height, width, 3)."""
        moving, shadows = self._moving(), self._shadows()
        return {
            camera: self._views.render_window(
                camera, window, size, self.appearance, moving, shadows
            )
            for camera, window in windows.items()
        }

    def _moving(self) -> list[World]:
        return [self.bullet, self._people] if self.hand.is_seen else [self.bullet]

    def _shadows(self) -> list[Shadow]:
        shadows = [self.hand.shadow()] if self.hand.is_seen else []
        tip = self.arm.pose()
        shadows.append(
            Shadow((tip.x_m, tip.y_m, tip.z_m + 0.09), 0.065, 0.03, tip.yaw_rad + np.pi / 2)
        )
        for kind, model in self.object_models.items():
            position, turned = self.pose_of(kind)
            axis = pybullet.getMatrixFromQuaternion(turned)[0::3]
            flat = float(np.hypot(axis[0], axis[1]))
            half_width = model.width_m / 2
            half_length = max(model.length_m / 2 * flat, half_width)
            yaw = float(np.arctan2(axis[1], axis[0]))
            shadows.append(Shadow(position, half_length, half_width, yaw))
        return shadows

    def close(self) -> None:
        """End all worlds; calling it again does nothing."""
        for client in (self.bullet, self._still, self._people):
            if client.isConnected():
                client.disconnect()
        self._models.close()

    def _fixtures(self) -> tuple[Link, ...]:
        look = self.appearance
        return (
            fixtures.table_link(look.table),
            *fixtures.bin_links(floor=look.bin_floor, wall=look.bin_wall),
            fixtures.plate_link(sections=look.plate_sections, rim=look.plate_rim),
        )

    def _backdrop(self) -> Link:
        look = self.appearance
        walls = [
            box(0.05, 5.0, 3.0).moved((2.2, 0, 0.7)),
            box(5.0, 0.05, 3.0).moved((0.5, 2.2, 0.7)),
            box(5.0, 0.05, 3.0).moved((0.5, -2.2, 0.7)),
            box(0.05, 5.0, 3.0).moved((-1.5, 0, 0.7)),
        ]
        ground = box(6.0, 6.0, 0.02).moved((0.5, 0, _FLOOR_Z_M))
        return Link(
            name="backdrop",
            parts=[*(Part(wall, look.wall) for wall in walls), Part(ground, look.floor)],
        )


def _spread(
    models: Sequence[ObjectModel],
    area: Area,
    generator: np.random.Generator,
    taken: Sequence[Disc] = (),
) -> list[tuple[float, float, float]]:
    """Places (x, y, yaw) with middles in `area`, apart from each other where there is room.

    Of N candidates the first is taken that lies clear of the objects before it; else the clearest.
    """
    places: list[tuple[float, float, float]] = []
    taken = list(taken)
    for model in models:
        shares_N3 = generator.uniform(-1, 1, (_CANDIDATES, 3))
        half_sides = (area.half_x_m, area.half_y_m, np.pi)
        candidates_N3 = np.array([area.x_m, area.y_m, 0.0]) + shares_N3 * half_sides
        chosen = _clearest(model, candidates_N3, taken) if taken else 0
        x, y, yaw = candidates_N3[chosen].tolist()
        places.append((x, y, yaw))
        taken += footprint(model, (x, y), (math.cos(yaw), math.sin(yaw)))
    return places


def _clearest(model: ObjectModel, candidates_N3: NDArray[np.float64], taken: Sequence[Disc]) -> int:
    along_N2 = np.stack([np.cos(candidates_N3[:, 2]), np.sin(candidates_N3[:, 2])], axis=1)
    own = footprint(model, (0.0, 0.0), (1.0, 0.0))
    taken_D3 = np.array(taken)
    gap_N = np.full(len(candidates_N3), np.inf)
    for disc in own:
        middle_N2 = candidates_N3[:, :2] + disc.x_m * along_N2
        away_ND = np.linalg.norm(middle_N2[:, None] - taken_D3[None, :, :2], axis=2)
        gap_N = np.minimum(gap_N, (away_ND - taken_D3[:, 2] - disc.radius_m).min(axis=1))
    clear = gap_N > _CLEAR_M
    return int(np.argmax(clear) if clear.any() else np.argmax(gap_N))
