"""What a policy thought its task was worth, frame by frame of an episode."""

from __future__ import annotations

import json

import numpy as np

from data.cells.calibration import projections_of
from data.cells.protocol import RobotState
from data.cells.robots import load_robots
from data.episodes.episodes import Episode
from data.episodes.frames import decode_jpeg
from data.storage import write_atomically
from data.workspace import Workspace
from policy.acting.behaviours import Observation
from policy.acting.policy import Policy
from policy.artefact import policy_folder, values_path
from policy.experience.sight import Projection
from policy.experience.trajectory import POLICY_CAMERA


def episode_values(
    policy: Policy, episode: Episode, task: str, projection_34: Projection | None
) -> list[float]:
    """The value of the best action that the policy finds in each frame, in [0, 1].

    Args:
        policy: Judges.
        episode: Of a robot.
        task: One of the policy's.
        projection_34: Of the robot's policy camera, where it is known.

    Raises:
        UnknownName: The policy was not trained on `task`.
        InvalidInput: The policy needs to know where the gripper was, and nobody says so.
        CorruptData: An image that cannot be read.
    """
    generator = np.random.default_rng(0)
    values = []
    for step in episode.steps:
        if step.state is None or POLICY_CAMERA not in step.frames.jpegs:
            break
        observation = Observation(
            image_HWC=decode_jpeg(step.frames.jpegs[POLICY_CAMERA]),
            state=RobotState(*map(float, step.state)),
            gripper=step.frames.gripper,
            projection_34=projection_34,
        )
        values.append(policy.judge(observation, task, generator)[1])
    return values


def remember_values(workspace: Workspace, policy_id: str, episode: Episode, task: str) -> None:
    """Work the values out and keep them at `values_path`. Raises like `episode_values`."""
    policy = Policy.load(policy_folder(workspace, policy_id))
    # A robot whose episodes were imported may be unknown here, as its cameras then are.
    robot = load_robots(workspace).get(episode.info.robot)
    projection = None if robot is None else projections_of(robot).get(POLICY_CAMERA)
    values = episode_values(policy, episode, task, projection)
    write_atomically(
        values_path(workspace, policy_id, episode.info.episode_id), json.dumps(values).encode()
    )
