"""Behaviours: what chooses a robot's actions while episodes are collected or evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from data.cells.protocol import MAX_ROTATION_RAD, MAX_TRANSLATION_M, ActionA, RobotState, Start
from data.errors import InvalidInput
from data.frames import ImageHWC
from data.tasks import Task

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a behaviour sees before it acts."""

    image_HWC: ImageHWC
    """The over-shoulder image, RGB, uint8."""
    state: RobotState
    """Gripper and height."""


class Behaviour(Protocol):
    """Chooses actions. One instance serves one episode after another."""

    @property
    def name(self) -> str:
        """How episodes name it: `scripted-pick`, `scripted-place`, `noisy`, `policy:<id>`."""

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode of `task`, drawing everything random from `generator`."""

    def act(self, observation: Observation) -> ActionA:
        """The next action."""


def start_of(task: Task) -> Start:
    """Where an episode of `task` begins: placing with an object in hand (MT-Opt, App. 7.2)."""
    return Start.PLACE if task.skill == "place" else Start.PICK


def make_action(
    *,
    dx_m: float = 0.0,
    dy_m: float = 0.0,
    dz_m: float = 0.0,
    turn_rad: float = 0.0,
    opens: bool = False,
    closes: bool = False,
    terminates: bool = False,
) -> ActionA:
    """An action from metres and radians, limited to what one step can do."""
    translation = np.clip(np.array([dx_m, dy_m, dz_m]) / MAX_TRANSLATION_M, -1.0, 1.0)
    turn = float(np.clip(turn_rad, -MAX_ROTATION_RAD, MAX_ROTATION_RAD))
    flags = (opens, closes, terminates)
    return np.array([*translation, np.sin(turn), np.cos(turn), *flags], dtype=np.float32)


def random_action(generator: np.random.Generator) -> ActionA:
    """An action drawn for exploration: any direction and turn, now and then a gripper command.

    Differs: QT-Opt (App. B) draws either a Gaussian motion, a gripper command or the end; here
    every action moves, biased downwards, since a gripper that wanders about in the air meets
    nothing, and the end is rarer than its 8%.
    """
    low, high = (-1.0, -1.0, -1.0), (1.0, 1.0, 0.5)
    dx_m, dy_m, dz_m = generator.uniform(low, high) * MAX_TRANSLATION_M
    flag = generator.choice(4, p=(0.75, 0.1, 0.12, 0.03))
    return make_action(
        dx_m=dx_m,
        dy_m=dy_m,
        dz_m=dz_m,
        turn_rad=generator.uniform(-MAX_ROTATION_RAD, MAX_ROTATION_RAD),
        opens=bool(flag == 1),
        closes=bool(flag == 2),
        terminates=bool(flag == 3),
    )


def with_noise(action: ActionA, deviation: float, generator: np.random.Generator) -> ActionA:
    """`action` with Gaussian noise on translation and turn; the gripper commands stay.

    Args:
        action: Laid out as `ActionA`.
        deviation: Standard deviation, as a share of the largest motion and turn.
        generator: Draws.
    """
    turn = np.arctan2(action[3], action[4]) + generator.normal(0, deviation) * MAX_ROTATION_RAD
    dx, dy, dz = action[:3] + generator.normal(0, deviation, size=3)
    noisy = make_action(
        dx_m=dx * MAX_TRANSLATION_M,
        dy_m=dy * MAX_TRANSLATION_M,
        dz_m=dz * MAX_TRANSLATION_M,
        turn_rad=float(turn),
    )
    noisy[5:] = action[5:]
    return noisy


class Noisy:
    """Any behaviour with noise on its actions (MT-Opt, App. 7.2: "additional random noise").

    Args:
        behaviour: What acts underneath.
        deviation: Gaussian noise on translation and turn, as a share of the largest of a step.
        epsilon: Probability of a random action instead.
    """

    name = "noisy"

    def __init__(
        self, behaviour: Behaviour, *, deviation: float = 0.2, epsilon: float = 0.1
    ) -> None:
        self._behaviour = behaviour
        self._deviation = deviation
        self._epsilon = epsilon
        self._generator: np.random.Generator | None = None

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode of `task`."""
        self._generator = generator
        self._behaviour.begin(task, generator)

    def act(self, observation: Observation) -> ActionA:
        """The behaviour's action with noise, or a random one."""
        generator = begun(self._generator, self.name)
        action = self._behaviour.act(observation)
        if generator.random() < self._epsilon:
            return random_action(generator)
        return with_noise(action, self._deviation, generator)


def begun(episode: T | None, name: str) -> T:
    """What belongs to the episode under way; raises `InvalidInput` where none has begun."""
    if episode is None:
        raise InvalidInput(
            f"The behaviour '{name}' was asked to act before an episode had begun.",
            next_step="Call begin(task, generator) first.",
        )
    return episode
