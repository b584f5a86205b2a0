"""Behaviours: what chooses a robot's actions while episodes are collected or evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.cells.protocol import MAX_ROTATION_RAD, MAX_TRANSLATION_M, ActionA, RobotState, Start
from data.episodes.frames import ImageHWC
from data.episodes.gripper import GripperReading
from data.errors import InvalidInput
from data.tasks.tasks import Task

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a behaviour sees before it acts."""

    image_HWC: ImageHWC
    """The over-shoulder image, RGB, uint8."""
    state: RobotState
    """Gripper and height."""
    gripper: GripperReading | None = None
    """The robot's reading at the moment of the image, where it gives one."""
    projection_34: NDArray[np.float64] | None = None
    """Of the camera, see `data.cells.calibration`; None where it is not calibrated."""


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
    """An action drawn for exploration: a motion (75%), a gripper command (17%) or the end (8%).

    The shares are QT-Opt's (App. B). Commands come at rest.

    Differs: motions are drawn evenly, biased downwards, since a gripper that wanders about in the
    air meets nothing.
    """
    kind = generator.choice(4, p=(0.75, 0.07, 0.10, 0.08))
    if kind:
        return make_action(
            opens=bool(kind == 1), closes=bool(kind == 2), terminates=bool(kind == 3)
        )
    low, high = (-1.0, -1.0, -1.0), (1.0, 1.0, 0.5)
    dx_m, dy_m, dz_m = generator.uniform(low, high) * MAX_TRANSLATION_M
    turn_rad = generator.uniform(-MAX_ROTATION_RAD, MAX_ROTATION_RAD)
    return make_action(dx_m=dx_m, dy_m=dy_m, dz_m=dz_m, turn_rad=turn_rad)


def with_noise(action: ActionA, deviation: float, generator: np.random.Generator) -> ActionA:
    """`action` with Gaussian noise on translation and turn; a gripper command stays as it is.

    Args:
        action: Laid out as `ActionA`.
        deviation: Standard deviation, as a share of the largest motion and turn.
        generator: Draws.
    """
    if (action[5:] > 0.5).any():
        return action
    turn = np.arctan2(action[3], action[4]) + generator.normal(0, deviation) * MAX_ROTATION_RAD
    dx, dy, dz = action[:3] + generator.normal(0, deviation, size=3)
    return make_action(
        dx_m=dx * MAX_TRANSLATION_M,
        dy_m=dy * MAX_TRANSLATION_M,
        dz_m=dz * MAX_TRANSLATION_M,
        turn_rad=float(turn),
    )


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


class Guided:
    """A behaviour whose turn a script often takes.

    The behaviour finds places that the script would not, and the script does there what the
    behaviour has not learned yet, such as to close and lift: both learn from it sooner than from
    noise alone.

    Differs: the papers go over from scripts to the policy at once.

    Args:
        behaviour: What acts, and names the episodes.
        script: Takes its turn.
        share: Probability of the script's turn, in each step.
    """

    def __init__(self, behaviour: Behaviour, script: Behaviour, *, share: float = 0.5) -> None:
        self.name = behaviour.name
        self._behaviour = behaviour
        self._script = script
        self._share = share
        self._generator: np.random.Generator | None = None

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode of `task`."""
        self._generator = generator
        self._behaviour.begin(task, generator)
        self._script.begin(task, generator)

    def act(self, observation: Observation) -> ActionA:
        """The script's action or the behaviour's."""
        turn = begun(self._generator, self.name).random() < self._share
        scripted = self._script.act(observation)
        return scripted if turn else self._behaviour.act(observation)


class ActingAs:
    """A behaviour that acts as for one task, whatever task is commanded.

    So a policy collects for a task that no episode has solved yet: it acts as for one it knows, and
    the detector judges what comes of it by the new one (MT-Opt, Sec. VI and VII-F). Episodes say
    what was commanded.

    Args:
        behaviour: What acts, and names the episodes.
        task: What it is told instead.
    """

    def __init__(self, behaviour: Behaviour, task: str) -> None:
        self.name = behaviour.name
        self._behaviour = behaviour
        self._task = task

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode of `task`, which the behaviour does not hear of."""
        self._behaviour.begin(self._task, generator)

    def act(self, observation: Observation) -> ActionA:
        """The behaviour's action."""
        return self._behaviour.act(observation)


def begun(episode: T | None, name: str) -> T:
    """What belongs to the episode under way; raises `InvalidInput` where none has begun."""
    if episode is None:
        raise InvalidInput(
            f"The behaviour '{name}' was asked to act before an episode had begun.",
            next_step="Call begin(task, generator) first.",
        )
    return episode
