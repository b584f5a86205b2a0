"""A robot's episode as replay holds it: raw images, states and actions, ready to be learned from.

Shapes: T frames of an episode, N = T - 1 actions, B transitions, H height, W width, C colour,
S state, A action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.cells.protocol import ACTION_SIZE, STATE_SIZE
from data.episodes import Episode
from data.errors import InvalidInput
from data.frames import Size, decode_jpeg, resize
from policy.experience.transitions import Transitions

POLICY_CAMERA = "over_shoulder"
"""The one camera the policy sees (MT-Opt, App. 7.1); the side views serve the detector only."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """One robot's episode in memory, shared by every task it is impersonated as.

    It knows nothing of rewards: those belong to a task, and come from the buffer it lies in.
    """

    episode_id: str
    robot: str
    task: str
    """The commanded task."""
    image_THWC: NDArray[np.uint8]
    """The over-shoulder image before each action, and at last the terminal one, RGB."""
    state_TS: NDArray[np.float32]
    """Gripper closed and gripper height [m] at each frame."""
    action_NA: NDArray[np.float32]
    """Each action, laid out as `data.cells.protocol.ActionA`."""

    def __post_init__(self) -> None:
        frames, actions = len(self.image_THWC), len(self.action_NA)
        if actions < 1 or frames != actions + 1 or len(self.state_TS) != frames:
            raise InvalidInput(
                f"Episode {self.episode_id} has {frames} images, {len(self.state_TS)} states and "
                f"{actions} actions.",
                valid=["at least one action, and one image and state more than actions"],
                next_step="Leave this episode out; the others are not affected.",
            )

    def __len__(self) -> int:
        """The number of actions, which is the number of transitions."""
        return len(self.action_NA)


def trajectory_from_episode(episode: Episode, size: Size) -> Trajectory:
    """The trajectory in a robot's `episode`, its over-shoulder images scaled to `size`.

    The last step is the terminal frame; it has a state and no action.

    Raises:
        InvalidInput: A clip, or a step without what a trajectory needs.
        CorruptData: An image that cannot be read.
    """
    info = episode.info
    if info.kind != "robot" or info.task is None:
        raise InvalidInput(
            f"Episode {info.episode_id} is not a robot's episode with a commanded task.",
            next_step="Train policies from episodes that a robot collected.",
        )
    images, states, actions = [], [], []
    for index, step in enumerate(episode.steps):
        last = index == len(episode.steps) - 1
        jpeg = step.frames.jpegs.get(POLICY_CAMERA)
        if jpeg is None or step.state is None or (step.action is None) != last:
            raise InvalidInput(
                f"Step {index} of episode {info.episode_id} lacks its {POLICY_CAMERA} image, its "
                "state or its action.",
                next_step="Leave this episode out; the others are not affected.",
            )
        images.append(resize(decode_jpeg(jpeg), size))
        states.append(step.state)
        if step.action is not None:
            actions.append(step.action)
    return Trajectory(
        episode_id=info.episode_id,
        robot=info.robot,
        task=info.task,
        image_THWC=np.stack(images),
        state_TS=np.asarray(states, dtype=np.float32).reshape(-1, STATE_SIZE),
        action_NA=np.asarray(actions, dtype=np.float32).reshape(-1, ACTION_SIZE),
    )


def gather_transitions(
    trajectories_B: Sequence[Trajectory],
    step_B: NDArray[np.int64],
    task_B: NDArray[np.int64],
    success_B: NDArray[np.bool_],
) -> Transitions:
    """The transition at step b of trajectory b, as task b sees it, copied into one batch.

    The reward is sparse: 1 on the last transition of an episode that succeeded at the task, else 0
    (MT-Opt, Sec. V).
    """
    chosen = list(zip(trajectories_B, step_B.tolist(), strict=True))
    done_B = np.asarray([step == len(trajectory) - 1 for trajectory, step in chosen])
    return Transitions(
        image_BHWC=np.stack([t.image_THWC[step] for t, step in chosen]),
        state_BS=np.stack([t.state_TS[step] for t, step in chosen]),
        action_BA=np.stack([t.action_NA[step] for t, step in chosen]),
        task_B=task_B,
        reward_B=(done_B & success_B).astype(np.float32),
        done_B=done_B,
        success_B=success_B,
        next_image_BHWC=np.stack([t.image_THWC[step + 1] for t, step in chosen]),
        next_state_BS=np.stack([t.state_TS[step + 1] for t, step in chosen]),
    )
