"""The physics world of a cell and everything that stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pybullet

from data.cells.simulated import fixtures
from data.cells.simulated.appearance import Appearance
from data.cells.simulated.arm import HOLD_ABOVE_TIP_M, PHYSICS_STEP_S, Arm, Pose
from data.cells.simulated.arm_model import arm_urdf
from data.cells.simulated.hand import Hand
from data.cells.simulated.layout import OBJECTS, Area
from data.cells.simulated.meshes import box
from data.cells.simulated.models import Link, ModelFolder, Part
from data.cells.simulated.objects import Disc, ObjectModel, draw_model, footprint, lowest_point_m
from data.cells.simulated.surfaces import Shadow
from data.cells.simulated.views import Fit, Views
from data.cells.simulated.world import World
from data.frames import ImageHWC, Size

_FLOOR_Z_M = -0.75


class ObjectPose(NamedTuple):
    """Position [m] and orientation (quaternion x, y, z, w) of an object."""

    position_m: tuple[float, float, float]
    turned: tuple[float, float, float, float]


class Scene:
    """One cell's bodies. Rebuilt from nothing for every episode, so that a seed decides all.

    Args:
        appearance: How the cell looks.
        fit: How images of another aspect are served.
    """

    def __init__(self, appearance: Appearance, *, fit: Fit) -> None:
        self.bullet = World()
        self._still = World()
        self._models = ModelFolder()
        self._arm_urdf = arm_urdf(self._models)
        self._views = Views(self._still, self.bullet, fit=fit)
        self.objects: dict[str, int] = {}
        self.object_models: dict[str, ObjectModel] = {}
        self.plate = -1
        self._dress(appearance)

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
            fixedTimeStep=PHYSICS_STEP_S, numSolverIterations=50, deterministicOverlappingPairs=1
        )
        for link in self._fixtures():
            body = self.bullet.loadURDF(
                str(self._models.write(link.name, [link])), useFixedBase=True
            )
            self.bullet.changeVisualShape(body, -1, rgbaColor=[0, 0, 0, 0])
            if link.name == "plate":
                self.plate = body
        self.arm = Arm(self.bullet, self._arm_urdf)
        self.hand = Hand(self.bullet, self._models, generator)
        self.object_models = {kind: draw_model(kind, generator) for kind in kinds}
        self.objects = {}
        spots = _spread(list(self.object_models.values()), OBJECTS, generator)
        for kind, (x, y, yaw) in zip(kinds, spots, strict=True):
            model = self.object_models[kind]
            path = self._models.write(kind, [model.link])
            self.objects[kind] = self.bullet.loadURDF(
                str(path),
                [x, y, model.height_m / 2 + 0.01],
                pybullet.getQuaternionFromEuler([0, 0, yaw]),
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
                return

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

    def render(self, camera: str, size: Size) -> ImageHWC:
        """The camera's image, RGB uint8, (height, width, 3)."""
        return self._views.render(camera, size, self.appearance, self._shadows())

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
        """End both worlds; calling it again does nothing."""
        for client in (self.bullet, self._still):
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
    models: Sequence[ObjectModel], area: Area, generator: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Places (x, y, yaw) with middles in `area`, apart from each other where there is room."""
    places: list[tuple[float, float, float]] = []
    taken: list[Disc] = []
    for model in models:
        best, best_gap = (area.x_m, area.y_m, 0.0), -np.inf
        for _ in range(60):
            yaw = float(generator.uniform(-np.pi, np.pi))
            x = area.x_m + float(generator.uniform(-1, 1)) * area.half_x_m
            y = area.y_m + float(generator.uniform(-1, 1)) * area.half_y_m
            discs = footprint(model, (x, y), (float(np.cos(yaw)), float(np.sin(yaw))))
            gap = min(
                (
                    float(np.hypot(a[0] - b[0], a[1] - b[1])) - a[2] - b[2]
                    for a in discs
                    for b in taken
                ),
                default=np.inf,
            )
            if gap > best_gap:
                best, best_gap = (x, y, yaw), gap
            if best_gap > 0.02:
                break
        places.append(best)
        x, y, yaw = best
        taken += footprint(model, (x, y), (float(np.cos(yaw)), float(np.sin(yaw))))
    return places
