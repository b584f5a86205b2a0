"""A person's hand and sleeve: seen by the cameras, felt by nothing."""

from __future__ import annotations

import numpy as np

from data.cells.simulated.meshes import box, joined, lathe, tube
from data.cells.simulated.models import Joint, Link, ModelFolder, Part
from data.cells.simulated.surfaces import Shadow
from data.cells.simulated.world import World

_SKINS = ((0.95, 0.78, 0.66), (0.82, 0.60, 0.45), (0.58, 0.39, 0.27), (0.36, 0.24, 0.17))
_SLEEVES = ((0.20, 0.28, 0.50), (0.62, 0.14, 0.16), (0.30, 0.34, 0.30), (0.86, 0.86, 0.84))
_SLEEVE_PART = 2  # among the parts of the link "hand"
_AWAY = (0.0, 0.0, -5.0)


class Hand:
    """The hand in a world of its own, where no physics runs; it starts out of sight."""

    def __init__(self, bullet: World, models: ModelFolder) -> None:
        self._bullet = bullet
        skin, sleeve = _SKINS[0], _SLEEVES[0]
        links = [
            Link(
                name="hand",
                parts=[
                    Part(box(0.085, 0.080, 0.026), skin),
                    Part(
                        joined(
                            lathe([(-0.085, 0.024), (-0.035, 0.028)], sides=10),
                        ),
                        skin,
                    ),
                    Part(
                        lathe([(-0.95, 0.075), (-0.40, 0.050), (-0.09, 0.036), (-0.075, 0.038)]),
                        sleeve,
                    ),
                ],
            )
        ]
        joints = []
        fingers = [("finger-1", 0.031, 0.070), ("finger-2", 0.0105, 0.080),
                   ("finger-3", -0.0105, 0.075), ("finger-4", -0.031, 0.060)]  # fmt: skip
        for name, aside, length in fingers:
            half = length / 2
            for part, (parent, at) in enumerate(
                [("hand", (0.042, aside, 0.0)), (f"{name}-0", (half, 0.0, 0.0))]
            ):
                links.append(
                    Link(
                        name=f"{name}-{part}",
                        parts=[
                            Part(
                                tube(
                                    [(-0.004, 0, 0), (half * 0.5, 0, 0), (half, 0, 0),
                                     (half + 0.006, 0, 0)],
                                    [0.0095, 0.0095, 0.009, 0.005],
                                    sides=8,
                                ),
                                skin,
                            )
                        ],
                    )
                )  # fmt: skip
                joints.append(
                    Joint(
                        parent=parent,
                        child=f"{name}-{part}",
                        kind="revolute",
                        at_m=at,
                        axis=(0.0, 1.0, 0.0),
                        limits=(-0.2, 1.8),
                    )
                )
        links.append(
            Link(
                name="thumb",
                parts=[
                    Part(
                        tube(
                            [(0, 0, 0), (0.028, 0.012, 0), (0.055, 0.014, 0), (0.062, 0.014, 0)],
                            [0.012, 0.0115, 0.0095, 0.005],
                            sides=8,
                        ),
                        skin,
                    )
                ],
            )
        )
        joints.append(
            Joint(
                parent="hand",
                child="thumb",
                kind="revolute",
                at_m=(-0.015, 0.038, -0.004),
                axis=(0.0, 1.0, 0.0),
                limits=(-0.2, 1.8),
            )
        )
        path = models.write("hand", links, joints)
        self.body: int = bullet.loadURDF(str(path), _AWAY, useFixedBase=True)
        self.is_seen = False
        self._joints = range(bullet.getNumJoints(self.body))

    def dress(self, generator: np.random.Generator) -> None:
        """Make it the hand of some person."""
        skin = _SKINS[int(generator.integers(len(_SKINS)))]
        sleeve = _SLEEVES[int(generator.integers(len(_SLEEVES)))]
        for link in (-1, *self._joints):
            self._bullet.changeVisualShape(self.body, link, rgbaColor=(*skin, 1.0))
        self._bullet.changeVisualShape(
            self.body, -1, shapeIndex=_SLEEVE_PART, rgbaColor=(*sleeve, 1.0)
        )

    def show(
        self, at_m: tuple[float, float, float], *, yaw: float, pitch: float, curl: float
    ) -> None:
        """Put the palm's middle at `at_m`, fingers along `yaw`, dipped by `pitch`, curled [rad]."""
        self.is_seen = True
        turned = self._bullet.getQuaternionFromEuler([0.0, pitch, yaw])
        self._bullet.resetBasePositionAndOrientation(self.body, at_m, turned)
        for joint in self._joints:
            self._bullet.resetJointState(self.body, joint, curl)

    def shadow(self) -> Shadow:
        """The shadow of palm and fingers."""
        position, turned = self._bullet.getBasePositionAndOrientation(self.body)
        matrix = np.array(self._bullet.getMatrixFromQuaternion(turned)).reshape(3, 3)
        x, y, z = np.asarray(position) + 0.02 * matrix[:, 0]
        yaw = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
        return Shadow((float(x), float(y), float(z)), 0.09, 0.05, yaw)

    def hide(self) -> None:
        """Take it out of sight."""
        self.is_seen = False
        self._bullet.resetBasePositionAndOrientation(self.body, _AWAY, (0, 0, 0, 1))
