"""What a policy thought its task was worth, frame by frame of an episode."""

from __future__ import annotations

import json

import numpy as np

from data.episodes import Episode
from data.frames import decode_jpeg
from data.storage import write_atomically
from data.workspace import Workspace
from policy.acting.policy import Policy
from policy.artefact import policy_folder, values_path
from policy.experience.trajectory import POLICY_CAMERA


def episode_values(policy: Policy, episode: Episode, task: str) -> list[float]:
    """The value of the best action that the policy finds in each frame, in [0, 1].

    Raises:
        UnknownName: The policy was not trained on `task`.
        CorruptData: An image that cannot be read.
    """
    generator = np.random.default_rng(0)
    values = []
    for step in episode.steps:
        if step.state is None or POLICY_CAMERA not in step.frames.jpegs:
            break
        image_HWC = decode_jpeg(step.frames.jpegs[POLICY_CAMERA])
        values.append(policy.judge(image_HWC, step.state, task, generator)[1])
    return values


def remember_values(workspace: Workspace, policy_id: str, episode: Episode, task: str) -> None:
    """Work the values out and keep them at `values_path`. Raises like `episode_values`."""
    policy = Policy.load(policy_folder(workspace, policy_id))
    values = episode_values(policy, episode, task)
    write_atomically(
        values_path(workspace, policy_id, episode.info.episode_id), json.dumps(values).encode()
    )
