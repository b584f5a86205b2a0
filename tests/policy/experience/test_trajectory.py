from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from data.episodes.episodes import Episode
from data.episodes.frames import EncodedFrameSet
from data.errors import CorruptData, InvalidInput
from policy.config import load_recipe
from policy.experience.trajectory import Trajectory, gather_transitions, trajectory_from_episode

MakeEpisode = Callable[..., Episode]
SMOKE = load_recipe("smoke")


def test_an_episode_becomes_a_trajectory_at_the_policys_size(make_episode: MakeEpisode) -> None:
    episode = make_episode(steps=3, task="lift-carrot", robot="robot-2")
    trajectory = trajectory_from_episode(episode, replace(SMOKE, frame_width_px=48), None)
    assert (trajectory.episode_id, trajectory.robot, trajectory.task) == (
        episode.info.episode_id,
        "robot-2",
        "lift-carrot",
    )
    assert len(trajectory) == 3
    assert trajectory.image_THWC.shape == (4, 32, 48, 3)
    assert trajectory.image_THWC.dtype == np.uint8
    # Step t was painted with grey 20 + 10 t; the terminal frame is larger and is scaled down.
    assert trajectory.image_THWC.mean(axis=(1, 2, 3)) == pytest.approx([20, 30, 40, 50], abs=1)
    assert trajectory.state_TS.tolist() == pytest.approx(
        np.array([[0, 0.1], [0, 0.2], [0, 0.3], [0, 0.4]])
    )
    assert trajectory.action_NA[:, 0].tolist() == pytest.approx([0.0, 0.1, 0.2])


def test_transitions_carry_the_sparse_reward(make_trajectory: Callable[..., Trajectory]) -> None:
    trajectory = make_trajectory(steps=2, fill=7)
    batch = gather_transitions(
        [trajectory] * 4,
        np.array([0, 1, 0, 1]),
        np.array([3, 3, 5, 5]),
        np.array([True, True, False, False]),
    )
    assert batch.reward_B.tolist() == [0.0, 1.0, 0.0, 0.0]
    assert batch.done_B.tolist() == [False, True, False, True]
    assert batch.steps_left_B.tolist() == [1, 0, 1, 0]
    assert batch.task_B.tolist() == [3, 3, 5, 5]
    assert batch.image_BHWC[:, 0, 0, 0].tolist() == [7, 8, 7, 8]
    assert batch.next_image_BHWC[:, 0, 0, 0].tolist() == [8, 9, 8, 9]
    assert (batch.next_state_BS[0] == trajectory.state_TS[1]).all()
    assert (batch.action_BA[1] == trajectory.action_NA[1]).all()


def test_a_batch_is_a_copy(make_trajectory: Callable[..., Trajectory]) -> None:
    trajectory = make_trajectory(steps=1, fill=7)
    batch = gather_transitions([trajectory], np.array([0]), np.array([0]), np.array([True]))
    batch.image_BHWC[:] = 0
    assert trajectory.image_THWC[0, 0, 0, 0] == 7


def test_what_is_no_robot_episode_is_refused(make_episode: MakeEpisode) -> None:
    episode = make_episode(steps=2)
    clip = replace(episode, info=replace(episode.info, kind="clip"))
    with pytest.raises(InvalidInput, match="not a robot's episode"):
        trajectory_from_episode(clip, SMOKE, None)
    blind = replace(episode.steps[1], frames=EncodedFrameSet(jpegs={}, timestamps_ns={}))
    with pytest.raises(InvalidInput, match=r"Step 1 .* lacks"):
        trajectory_from_episode(
            replace(episode, steps=(episode.steps[0], blind, episode.steps[2])), SMOKE, None
        )
    no_terminal_frame = replace(
        episode,
        info=replace(episode.info, step_count=2),
        steps=episode.steps[:2],
    )
    with pytest.raises(InvalidInput, match=r"Step 1 .* lacks"):
        trajectory_from_episode(no_terminal_frame, SMOKE, None)


def test_frames_and_actions_must_fit(make_trajectory: Callable[..., Trajectory]) -> None:
    trajectory = make_trajectory(steps=2)
    with pytest.raises(InvalidInput, match="3 images, 3 states and 1 actions"):
        replace(trajectory, action_NA=trajectory.action_NA[:1])


def test_a_damaged_image_is_named_as_such(make_episode: MakeEpisode) -> None:
    episode = make_episode(steps=1)
    damaged = replace(
        episode.steps[0],
        frames=EncodedFrameSet(jpegs={"over_shoulder": b"not a jpeg"}, timestamps_ns={}),
    )
    with pytest.raises(CorruptData):
        trajectory_from_episode(replace(episode, steps=(damaged, episode.steps[1])), SMOKE, None)
