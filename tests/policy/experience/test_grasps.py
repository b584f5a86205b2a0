from dataclasses import replace

import numpy as np
import pytest

from policy.acting.behaviours import make_action
from policy.experience.grasps import grasp_actions, last_grasp
from policy.experience.trajectory import Trajectory

OPEN, CLOSE, UP = make_action(opens=True), make_action(closes=True), make_action(dz_m=0.08)
ASIDE = make_action(dx_m=0.04)
# Closed, height, x, y, turn; the gripper closes in the frame of index 3, at x = 0.50, y = -0.20.
STATES = [
    [0, 0.25, 0.60, -0.20, 0.3],
    [0, 0.18, 0.46, -0.24, 1.5],
    [0, 0.10, 0.50, -0.16, 0.3],
    [0, 0.02, 0.50, -0.20, -1.5],
    [1, 0.02, 0.50, -0.20, -1.5],
    [1, 0.10, 0.50, -0.20, -1.5],
]
ACTIONS = [ASIDE, ASIDE, ASIDE, CLOSE, UP]


def _trajectory(states: list[list[float]], actions: list[np.ndarray]) -> Trajectory:
    """Frame t shows grey t."""
    image_THWC = np.zeros((len(states), 2, 2, 3), dtype=np.uint8)
    image_THWC += np.arange(len(states), dtype=np.uint8)[:, None, None, None]
    return Trajectory(
        episode_id="e", robot="robot-1", task="lift-any", image_THWC=image_THWC,
        state_TS=np.array(states, dtype=np.float32), action_NA=np.array(actions),
    )  # fmt: skip


def _frames(trajectory: Trajectory | None) -> list[int]:
    assert trajectory is not None
    return trajectory.image_THWC[:, 0, 0, 0].tolist()


def test_an_action_is_the_way_to_the_grasp() -> None:
    states = np.array(STATES[1:4], dtype=np.float32)
    assert grasp_actions(states, states[-1]) == pytest.approx(
        np.array(
            [
                # 4 cm along x and y are half a step, 16 cm down two steps. From 1.5 to -1.5 rad is
                # -3, or half a turn more: 0.1416.
                [0.5, 0.5, -2.0, np.sin(0.1416), np.cos(0.1416), 0, 1, 0],
                # From 0.3 to -1.5 rad is -1.8, or 1.3416.
                [0.0, -0.5, -1.0, np.sin(1.3416), np.cos(1.3416), 0, 1, 0],
                [0.0, 0.0, 0.0, 0.0, 1.0, 0, 1, 0],
            ]
        ),
        abs=1e-4,
    )


def test_frames_near_the_last_grasp_are_kept() -> None:
    near = [[*state[:4], -1.2] for state in STATES[:3]] + STATES[3:]
    grasp = last_grasp(_trajectory(near, ACTIONS))
    # Frame 0 is 10 cm aside, more than a step; what comes after closing is not part of it.
    assert _frames(grasp) == [1, 2, 3, 4]
    assert grasp is not None
    assert grasp.action_NA[:, 6].tolist() == [1, 1, 1]
    assert grasp.action_NA[0, 2] == pytest.approx(-2.0)
    # Turned too far in frame 2, all before it are left out as well.
    assert _frames(last_grasp(_trajectory(STATES, ACTIONS))) == [3, 4]


def test_only_the_last_grasp_counts_and_closing_the_closed_is_none() -> None:
    there = [0.50, -0.20, -1.5]
    states = [
        [0, 0.02, *there],
        [1, 0.02, *there],
        [1, 0.02, *there],
        [0, 0.02, *there],
        [1, 0.02, *there],
        [1, 0.02, *there],
    ]
    trajectory = _trajectory(states, [CLOSE, ASIDE, OPEN, CLOSE, CLOSE])
    assert _frames(last_grasp(trajectory)) == [3, 4]


def test_an_episode_that_never_closes_has_no_grasp() -> None:
    trajectory = _trajectory(STATES, ACTIONS)
    assert last_grasp(replace(trajectory, action_NA=np.array([ASIDE] * 5))) is None
