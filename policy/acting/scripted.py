"""The two crude scripts that bootstrap learning (MT-Opt, App. 7.2). They look at no image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data.cells.protocol import MAX_ROTATION_RAD, MAX_TRANSLATION_M, ActionA
from policy.acting.behaviours import Observation, begun, make_action

_FLOOR_M = 0.012
"""The fingertips are at the floor when they are this high or lower [m]."""
_STUCK_M = MAX_TRANSLATION_M / 2
"""A full step down that gains less than this has met something [m]."""
_ALL_THE_WAY_M = -MAX_TRANSLATION_M
_MOST_DESCENTS = 6


class _Script:
    """A behaviour written as a generator of actions that is sent the gripper's height."""

    name: str

    def __init__(self) -> None:
        self._actions: Iterator[ActionA] | None = None
        self._height_m = 0.0

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode; the task makes no difference to a script."""
        self._actions = self._play(generator)

    def act(self, observation: Observation) -> ActionA:
        """The script's next action; after its end, terminate."""
        actions = begun(self._actions, self.name)
        self._height_m = observation.state.height_m
        return next(actions, make_action(terminates=True))

    def _play(self, generator: np.random.Generator) -> Iterator[ActionA]:
        raise NotImplementedError

    def _descend(self, drift_m: float, generator: np.random.Generator) -> Iterator[ActionA]:
        """Down until the floor or an object stops the gripper, drifting sideways at random."""
        before_m = np.inf
        for _ in range(_MOST_DESCENTS):
            if self._height_m <= _FLOOR_M or before_m - self._height_m < _STUCK_M:
                return
            before_m = self._height_m
            dx_m, dy_m = generator.normal(0, drift_m, size=2)
            yield make_action(dx_m=dx_m, dy_m=dy_m, dz_m=_ALL_THE_WAY_M)


class ScriptedPick(_Script):
    """Move down to the bottom of the bin, close the gripper, lift.

    The cell begins the episode at a random place above the right bin; the script turns once at
    random and drifts a little on its way down.

    Args:
        drift_m: Standard deviation of the sideways drift of each step down [m].
        lift_steps: Steps upwards after closing.
    """

    name = "scripted-pick"

    def __init__(self, *, drift_m: float = 0.012, lift_steps: int = 3) -> None:
        super().__init__()
        self._drift_m = drift_m
        self._lift_steps = lift_steps

    def _play(self, generator: np.random.Generator) -> Iterator[ActionA]:
        yield make_action(
            turn_rad=generator.uniform(-MAX_ROTATION_RAD, MAX_ROTATION_RAD), dz_m=_ALL_THE_WAY_M
        )
        yield from self._descend(self._drift_m, generator)
        yield make_action(closes=True)
        for _ in range(self._lift_steps):
            yield make_action(dz_m=MAX_TRANSLATION_M)


class PickReflex:
    """What `ScriptedPick` would do next, wherever something else has brought the gripper.

    Down while it is open, close at the floor or on what stops it, up while it is closed.
    """

    name = "pick-reflex"
    _STOPPED_BELOW_M = 0.06
    _DRIFT_M = 0.008

    def __init__(self) -> None:
        self._generator: np.random.Generator | None = None
        self._before_m = np.inf

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode; the task makes no difference to a script."""
        self._generator = generator
        self._before_m = np.inf

    def act(self, observation: Observation) -> ActionA:
        """The next action from here."""
        generator = begun(self._generator, self.name)
        height_m = observation.state.height_m
        gained_m, self._before_m = self._before_m - height_m, height_m
        if observation.state.gripper_closed > 0.5:
            return make_action(dz_m=MAX_TRANSLATION_M)
        stopped = height_m < self._STOPPED_BELOW_M and gained_m < _STUCK_M / 2
        if height_m <= _FLOOR_M or stopped:
            return make_action(closes=True)
        dx_m, dy_m = generator.normal(0, self._DRIFT_M, size=2)
        return make_action(dx_m=dx_m, dy_m=dy_m, dz_m=_ALL_THE_WAY_M)


class ScriptedPlace(_Script):
    """Move to a random place above the left bin, descend, open the gripper, retract.

    Args:
        wander_m: Standard deviation of the sideways motion of each of the first steps [m].
        wander_steps: How many steps it wanders before it descends.
        retract_steps: Steps upwards after opening.
    """

    name = "scripted-place"

    def __init__(
        self, *, wander_m: float = 0.04, wander_steps: int = 1, retract_steps: int = 3
    ) -> None:
        super().__init__()
        self._wander_m = wander_m
        self._wander_steps = wander_steps
        self._retract_steps = retract_steps

    def _play(self, generator: np.random.Generator) -> Iterator[ActionA]:
        for _ in range(self._wander_steps):
            dx_m, dy_m = generator.normal(0, self._wander_m, size=2)
            yield make_action(dx_m=dx_m, dy_m=dy_m)
        yield from self._descend(0.0, generator)
        yield make_action(opens=True)
        for _ in range(self._retract_steps):
            yield make_action(dz_m=MAX_TRANSLATION_M)


class Scripted:
    """The script that suits how an episode begins: placing with a closed gripper, else picking."""

    name = "scripted"

    def __init__(self) -> None:
        self._pick = ScriptedPick()
        self._place = ScriptedPlace()
        self._chosen: _Script | None = None

    def begin(self, task: str, generator: np.random.Generator) -> None:
        """Start an episode."""
        self._chosen = None
        self._pick.begin(task, generator)
        self._place.begin(task, generator)

    def act(self, observation: Observation) -> ActionA:
        """The next action of the script that was chosen at the first one."""
        if self._chosen is None:
            self._chosen = self._place if observation.state.gripper_closed > 0.5 else self._pick
        return self._chosen.act(observation)
