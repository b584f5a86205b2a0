"""Whole grasps in a robot's episode, for learning whether a grasp succeeds (Levine et al. 2016).

Shapes: T frames of an episode, K frames before its last grasp, A action, S state.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data.cells.protocol import ACTION_SIZE, MAX_ROTATION_RAD, MAX_TRANSLATION_M
from policy.experience.trajectory import Trajectory

_CLOSE = 6
_CLOSED, _HEIGHT, _X, _Y, _TURN = range(5)
"""Where they are in the state that goes with `ground`."""


def last_grasp(trajectory: Trajectory) -> Trajectory | None:
    """The frames on the way to the episode's last grasp, each with that grasp as its action.

    An action is then a whole grasp: the motion from the frame's pose to where the gripper closed,
    and to close there; downwards it may be longer than a step. Whether the episode succeeded is
    whether that grasp does.

    Differs: frames that are more than a step's sideways motion or turn away are left out, since the
    search proposes no such grasps; Levine et al. search the whole bin.

    Args:
        trajectory: With states as `policy.experience.sight` gives them with `ground`.

    Returns:
        None where the gripper never closed: such attempts are discarded (QT-Opt, Sec. 6.1).
    """
    before_NS = trajectory.state_TS[:-1]
    closing_K = np.flatnonzero(
        (trajectory.action_NA[:, _CLOSE] > 0.5) & (before_NS[:, _CLOSED] < 0.5)
    )
    if not closing_K.size:
        return None
    closing = int(closing_K[-1])
    state_KS = before_NS[: closing + 1]
    action_KA = grasp_actions(state_KS, state_KS[-1])
    turn_K = np.arctan2(action_KA[:, 3], action_KA[:, 4])
    out_of_reach_K = (
        (state_KS[:, _CLOSED] > 0.5)
        | (np.abs(action_KA[:, :2]) > 1).any(axis=1)
        | (np.abs(turn_K) > MAX_ROTATION_RAD)
    )
    first = int(np.flatnonzero(out_of_reach_K).max(initial=-1)) + 1
    return replace(
        trajectory,
        image_THWC=trajectory.image_THWC[first : closing + 2],
        state_TS=trajectory.state_TS[first : closing + 2],
        action_NA=action_KA[first:],
    )


def grasp_actions(
    state_KS: NDArray[np.float32], grasp_S: NDArray[np.float32]
) -> NDArray[np.float32]:
    """From each state to the pose of `grasp_S`, and close, shape (K, A).

    Laid out as `data.cells.protocol.ActionA`, though motions may be longer than a step's. Jaws are
    the same after half a turn: the shorter way is taken, at most a quarter.
    """
    action_KA = np.zeros((len(state_KS), ACTION_SIZE), dtype=np.float32)
    action_KA[:, :3] = (grasp_S - state_KS)[:, [_X, _Y, _HEIGHT]] / MAX_TRANSLATION_M
    turn_K = (grasp_S[_TURN] - state_KS[:, _TURN] + np.pi / 2) % np.pi - np.pi / 2
    action_KA[:, 3], action_KA[:, 4] = np.sin(turn_K), np.cos(turn_K)
    action_KA[:, _CLOSE] = 1.0
    return action_KA
