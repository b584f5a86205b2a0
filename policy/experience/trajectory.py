"""A robot's episode as replay holds it: raw images, states and actions, ready to be learned from.

Shapes: T frames of an episode, N = T - 1 actions, B transitions, H height, W width, C colour,
S state, A action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.cells.protocol import ACTION_SIZE
from data.episodes.episodes import Episode
from data.episodes.frames import decode_jpeg
from data.episodes.gripper import GripperReading
from data.errors import InvalidInput
from policy.config import PolicyConfig
from policy.experience.sight import Projection, see_frame
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
    """What `policy.experience.sight` shows before each action and at the end, RGB."""
    state_TS: NDArray[np.float32]
    """The state at each frame, as `policy.experience.sight` gives it."""
    action_NA: NDArray[np.float32]
    """Each action, laid out as `data.cells.protocol.ActionA`."""
    number: int = 0
    """Its place in the order in which episodes came into replay."""

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

    def commands(self) -> NDArray[np.int64]:
        """The steps whose actions open, close or terminate."""
        return np.flatnonzero((self.action_NA[:, 5:] > 0.5).any(axis=1))


def trajectory_from_episode(
    episode: Episode, config: PolicyConfig, projection_34: Projection | None
) -> Trajectory:
    """The trajectory in a robot's `episode`, as a policy of `config` sees it.

    The last step is the terminal frame; it has a state and no action.

    Args:
        episode: Of a robot.
        config: Decides what is seen of each frame.
        projection_34: Of the robot's policy camera, where it is known.

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
        reading = step.frames.gripper
        if reading is None:
            reading = _without_pose(step.state, config, info.episode_id)
        image, state = see_frame(decode_jpeg(jpeg), reading, projection_34, config)
        images.append(image)
        states.append(state)
        if step.action is not None:
            actions.append(step.action)
    return Trajectory(
        episode_id=info.episode_id,
        robot=info.robot,
        task=info.task,
        image_THWC=np.stack(images),
        state_TS=np.asarray(states, dtype=np.float32),
        action_NA=np.asarray(actions, dtype=np.float32).reshape(-1, ACTION_SIZE),
    )


def _without_pose(
    state_S: NDArray[np.float32], config: PolicyConfig, episode_id: str
) -> GripperReading:
    """A reading from the state alone, which is all that `view` needs."""
    if config.sight == "ground":
        raise InvalidInput(
            f"Episode {episode_id} does not say where the gripper was.",
            next_step="Leave this episode out; episodes recorded from now on say so.",
        )
    closed, height_m = map(float, state_S)
    return GripperReading(closed, 0.0, 0.0, height_m, 0.0)


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
    left_B = np.asarray([len(trajectory) - 1 - step for trajectory, step in chosen])
    done_B = left_B == 0
    return Transitions(
        image_BHWC=np.stack([t.image_THWC[step] for t, step in chosen]),
        state_BS=np.stack([t.state_TS[step] for t, step in chosen]),
        action_BA=np.stack([t.action_NA[step] for t, step in chosen]),
        task_B=task_B,
        reward_B=(done_B & success_B).astype(np.float32),
        done_B=done_B,
        success_B=success_B,
        steps_left_B=left_B,
        next_image_BHWC=np.stack([t.image_THWC[step + 1] for t, step in chosen]),
        next_state_BS=np.stack([t.state_TS[step + 1] for t, step in chosen]),
        source_B2=np.asarray([(t.number, step) for t, step in chosen], dtype=np.int64),
    )
