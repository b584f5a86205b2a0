"""The arm and its gripper in motion; the gripper always points down."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import pybullet

from data.cells.simulated import layout
from data.cells.simulated.arm_model import LAST_LINK, MAX_OPENING_M, TIP_FROM_M
from data.cells.simulated.layout import REACH
from data.cells.simulated.world import World
from data.errors import InvalidInput

PHYSICS_STEP_S = 1 / 240
HOLD_ABOVE_TIP_M = 0.018
"""The middle of a well-held object lies this far above the fingertips."""

_SHOULDER_HEIGHT_M, _UPPER_ARM_M, _FOREARM_M = 0.36, 0.42, 0.40
_WRIST_TO_TIP_M = 0.081 + TIP_FROM_M
_SPEED_M_S, _TURN_SPEED_RAD_S = 0.7, 4.0
_GRIP_FORCE_N = 40.0
_ARM_FORCE_N = 280.0


class Pose(NamedTuple):
    """Where the fingertips are, and how the hand is turned."""

    x_m: float
    y_m: float
    z_m: float
    """Height of the fingertips above the bins' floor."""
    yaw_rad: float
    """Turn about the vertical; at 0 the jaws close along y."""

    def clamped(self) -> Pose:
        """The nearest pose that the arm may take."""
        return Pose(
            _clip(self.x_m, REACH.x_m - REACH.half_x_m, REACH.x_m + REACH.half_x_m),
            _clip(self.y_m, REACH.y_m - REACH.half_y_m, REACH.y_m + REACH.half_y_m),
            _clip(self.z_m, layout.LOWEST_TIP_M, layout.HIGHEST_TIP_M),
            _clip(self.yaw_rad, -layout.YAW_LIMIT_RAD, layout.YAW_LIMIT_RAD),
        )


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def joint_angles(pose: Pose) -> list[float]:
    """The seven joint angles [rad] that bring the fingertips to `pose`, in closed form.

    The elbow stays in the vertical plane through base and hand, above the line between them.

    Raises:
        InvalidInput: The pose is farther than the arm is long.
    """
    turn = math.atan2(pose.y_m, pose.x_m)
    out = math.hypot(pose.x_m, pose.y_m)
    up = pose.z_m + _WRIST_TO_TIP_M - _SHOULDER_HEIGHT_M
    distance = math.hypot(out, up)
    if not abs(_UPPER_ARM_M - _FOREARM_M) < distance < _UPPER_ARM_M + _FOREARM_M:
        raise InvalidInput(
            f"The gripper cannot reach x {pose.x_m:.2f}, y {pose.y_m:.2f}, z {pose.z_m:.2f} m.",
            next_step="Choose a pose above the bins; Pose.clamped() gives the nearest one.",
        )
    lean = math.atan2(out, up) - _corner(_UPPER_ARM_M, distance, _FOREARM_M)
    bend = math.pi - _corner(_UPPER_ARM_M, _FOREARM_M, distance)
    return [turn, lean, 0.0, -bend, 0.0, math.pi - lean - bend, turn - pose.yaw_rad]


def _corner(a: float, b: float, opposite: float) -> float:
    """The angle between the sides a and b of a triangle [rad]."""
    return math.acos(_clip((a * a + b * b - opposite * opposite) / (2 * a * b), -1.0, 1.0))


class Arm:
    """The arm in one physics world.

    Args:
        bullet: The world's client.
        urdf: What `arm_urdf` wrote.
    """

    def __init__(self, bullet: World, urdf: Path) -> None:
        self._bullet = bullet
        self.body: int = bullet.loadURDF(str(urdf), useFixedBase=True)
        names = [
            bullet.getJointInfo(self.body, index)[12].decode()
            for index in range(bullet.getNumJoints(self.body))
        ]
        self._joints = [names.index(f"lbr_iiwa_link_{number}") for number in range(1, 8)]
        self.fingers = (names.index("left-finger"), names.index("right-finger"))
        self._last = names.index(LAST_LINK)
        gear = bullet.createConstraint(
            self.body, self.fingers[0], self.body, self.fingers[1],
            pybullet.JOINT_GEAR, [0, 1, 0], [0, 0, 0], [0, 0, 0],
        )  # fmt: skip
        # Both fingers have their own axes pointing outwards, so equal positions are symmetric.
        bullet.changeConstraint(gear, gearRatio=-1, erp=0.5, relativePositionTarget=0, maxForce=200)
        self.closed = False
        self.teleport(Pose(0.56, 0.0, layout.HIGHEST_TIP_M, 0.0), opening_m=MAX_OPENING_M)

    def pose(self) -> Pose:
        """Where the fingertips are now, from the joints."""
        angles = [state[0] for state in self._bullet.getJointStates(self.body, self._joints)]
        turn, lean, _, fold, _, _, last = angles
        out = _UPPER_ARM_M * math.sin(lean) + _FOREARM_M * math.sin(lean - fold)
        up = _UPPER_ARM_M * math.cos(lean) + _FOREARM_M * math.cos(lean - fold)
        return Pose(
            out * math.cos(turn),
            out * math.sin(turn),
            _SHOULDER_HEIGHT_M + up - _WRIST_TO_TIP_M,
            turn - last,
        )

    def opening_m(self) -> float:
        """The gap between the fingers."""
        states = self._bullet.getJointStates(self.body, self.fingers)
        return float(sum(state[0] for state in states))

    def teleport(self, pose: Pose, *, opening_m: float | None = None) -> None:
        """Be at `pose` at once, without physics; the opening stays unless it is given."""
        for joint, angle in zip(self._joints, joint_angles(pose), strict=True):
            self._bullet.resetJointState(self.body, joint, angle)
        if opening_m is not None:
            for finger in self.fingers:
                self._bullet.resetJointState(self.body, finger, opening_m / 2)
        self.goal = pose
        self._drive(pose)

    def move(self, target: Pose) -> None:
        """Go to `target` in a straight line, and stop short where something stands in the way."""
        start = self.goal
        distance = math.dist(start[:3], target[:3])
        turn = abs(target.yaw_rad - start.yaw_rad)
        duration_s = max(distance / _SPEED_M_S, turn / _TURN_SPEED_RAD_S)
        count = math.ceil(duration_s / PHYSICS_STEP_S)
        for index in range(1, count + 1):
            share = index / count
            share = share * share * (3 - 2 * share)
            between = (a + share * (b - a) for a, b in zip(start, target, strict=True))
            self._drive(Pose(*between))
            self._bullet.stepSimulation()
        for _ in range(8 if count else 0):
            self._bullet.stepSimulation()
        self.goal = target
        if math.dist(self.pose()[:3], target[:3]) > 0.01:
            self.goal = self.pose()
            self._drive(self.goal)

    def close_gripper(self) -> None:
        """Close until the fingers hold something or meet."""
        self.closed = True
        self._set_fingers(0.0)

    def open_gripper(self) -> None:
        """Open the jaws."""
        self.closed = False
        self._set_fingers(MAX_OPENING_M / 2)

    def _set_fingers(self, position_m: float) -> None:
        self.hold_fingers(position_m)
        for count in range(60):
            self._bullet.stepSimulation()
            speeds = [s[1] for s in self._bullet.getJointStates(self.body, self.fingers)]
            if count > 12 and max(map(abs, speeds)) < 0.004:
                return

    def hold_fingers(self, position_m: float) -> None:
        """Drive each finger towards `position_m` from the middle, with no more than grip force."""
        self._bullet.setJointMotorControlArray(
            self.body,
            self.fingers,
            pybullet.POSITION_CONTROL,
            targetPositions=[position_m] * 2,
            forces=[_GRIP_FORCE_N] * 2,
            positionGains=[0.12] * 2,
            velocityGains=[1.0] * 2,
        )

    def _drive(self, pose: Pose) -> None:
        self._bullet.setJointMotorControlArray(
            self.body,
            self._joints,
            pybullet.POSITION_CONTROL,
            targetPositions=joint_angles(pose),
            forces=[_ARM_FORCE_N] * 7,
            positionGains=[0.4] * 7,
            velocityGains=[1.0] * 7,
        )
