"""A simulated cell as a Gymnasium environment, for reinforcement learning code of other makes.

    environment = gymnasium.make("data.cells.environment:Goalpost/Cell-v0", task="lift-can")

The reward is the simulator's truth. A detector's reward belongs to the policy layer above.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from data.cells.protocol import ACTION_SIZE, STATE_SIZE, ActionA, Start
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.opening import open_cell
from data.episodes.frames import ImageHWC, Size
from data.errors import unknown_name
from data.tasks.tasks import SEED_TASKS

ENVIRONMENT = "Goalpost/Cell-v0"
"""What `gymnasium.make` knows it by, once this module is imported."""
CAMERA = "over_shoulder"
"""The one camera that a policy sees (MT-Opt, Sec. V)."""

_SHOWN_SIZE = Size(320, 256)
_FLAGS_FROM = 5  # open, close and terminate are the last three numbers of an action

Observation = dict[str, Any]
"""`image`: uint8, (height, width, 3); `state`: float32, (2,), gripper closed and height [m]."""


class CellEnvironment(gymnasium.Env[Observation, NDArray[np.float32]]):
    """One task in one robot's cell; every episode begins in a new scene.

    Actions are laid out as `data.cells.protocol.ActionA`. Of open, close and terminate only the
    greatest counts, and only above 0.5, so that every action of the space means something. The
    reward is 1 where an episode ends in success, whether by terminate or by its length, else 0
    (QT-Opt, Sec. 5).

    Args:
        task: One of the seed tasks.
        robot: One of the simulated fleet.
        image_size: Of the image that is observed: width, height [px].
        max_steps: An episode is truncated after this many actions.
        render_mode: `rgb_array`, or None.

    Attributes:
        cell: The cell itself, with all that it can do besides.

    Raises:
        UnknownName: A task that the simulator cannot judge, or a robot that is not of the fleet.
        CellError: PyBullet is not installed.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012 (Gymnasium's own)

    def __init__(
        self,
        *,
        task: str = "lift-any",
        robot: str = "robot-1",
        image_size: tuple[int, int] = (96, 96),
        max_steps: int = 20,
        render_mode: str | None = None,
    ) -> None:
        fleet = {known.name: known for known in SIMULATED_FLEET}
        if task not in SEED_TASKS:
            raise unknown_name("task", task, SEED_TASKS.names, where=ENVIRONMENT)
        if robot not in fleet:
            raise unknown_name("robot", robot, fleet, where=ENVIRONMENT)
        self.render_mode = render_mode
        width, height = image_size
        self.observation_space = Dict(
            {
                "image": Box(0, 255, (height, width, 3), np.uint8),
                "state": Box(
                    np.array([0.0, -0.1], np.float32),
                    np.array([1.0, 1.0], np.float32),
                    (STATE_SIZE,),
                ),
            }
        )
        low = np.array([-1.0] * _FLAGS_FROM + [0.0] * 3, np.float32)
        self.action_space = Box(low, np.ones(ACTION_SIZE, np.float32), (ACTION_SIZE,))
        self._task = task
        self._start = Start.PLACE if SEED_TASKS[task].skill == "place" else Start.PICK
        self._size = Size(width, height)
        self._max_steps = max_steps
        self._steps = 0
        self.cell = open_cell(fleet[robot])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; a seed gives the same scene, and the same scenes after it.

        The option `keep_scene` begins among the objects as they lie, see `RobotCell.reset`.
        """
        super().reset(seed=seed)
        self._steps = 0
        self.cell.reset(
            seed=int(self.np_random.integers(2**31)),
            start=self._start,
            task=self._task,
            keep_scene=bool((options or {}).get("keep_scene", False)),
        )
        return self._observe(), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carry out one action; `info["truth"]` tells the outcome of every task at the end."""
        clear = one_command(action)
        self.cell.step(clear)
        self._steps += 1
        terminated = bool(clear[-1] > 0.5)
        truncated = not terminated and self._steps >= self._max_steps
        if not (terminated or truncated):
            return self._observe(), 0.0, False, False, {}
        self.cell.settle()
        truth = self.cell.truth()
        reward = float(truth[self._task])
        return self._observe(), reward, terminated, truncated, {"truth": truth}

    def render(self) -> ImageHWC | None:
        """The policy's camera, RGB uint8, (256, 320, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        return self.cell.read({CAMERA: _SHOWN_SIZE}).images[CAMERA]

    def close(self) -> None:
        """End the simulation; calling it again does nothing."""
        self.cell.close()

    def _observe(self) -> Observation:
        frames = self.cell.read({CAMERA: self._size})
        return {"image": frames.images[CAMERA], "state": self.cell.state().as_array()}


def one_command(action: NDArray[np.float32]) -> ActionA:
    """The action with only the greatest of open, close and terminate left, and that above 0.5."""
    clear = np.array(action, dtype=np.float32)
    flags = clear[_FLAGS_FROM:]
    chosen = int(np.argmax(flags))
    commanded = flags[chosen] > 0.5
    flags[:] = 0.0
    flags[chosen] = float(commanded)
    return clear


gymnasium.register(id=ENVIRONMENT, entry_point="data.cells.environment:CellEnvironment")
