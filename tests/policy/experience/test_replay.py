from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from data.errors import InvalidInput, UnknownName
from policy.experience.replay import OutcomeBuffer, ReplayBuffers
from policy.experience.trajectory import Trajectory

MakeTrajectory = Callable[..., Trajectory]


def test_a_transition_is_found_by_its_number(make_trajectory: MakeTrajectory) -> None:
    buffer = OutcomeBuffer(capacity=10)
    first, second = make_trajectory(steps=3), make_trajectory(steps=2)
    buffer.add(first)
    buffer.add(second)
    assert len(buffer) == 5
    assert [buffer.locate(index) for index in range(5)] == [
        (first, 0),
        (first, 1),
        (first, 2),
        (second, 0),
        (second, 1),
    ]


def test_the_oldest_leave_first(make_trajectory: MakeTrajectory) -> None:
    buffer = OutcomeBuffer(capacity=6)
    held = [make_trajectory(steps=steps) for steps in (2, 3, 1, 2)]
    for trajectory in held[:3]:
        buffer.add(trajectory)
    assert len(buffer) == 6
    buffer.add(held[3])  # 8 > 6: the first (2) has to go, and that is enough
    assert buffer.trajectories == tuple(held[1:])
    assert len(buffer) == 6
    assert buffer.locate(0) == (held[1], 0)


def test_an_episode_longer_than_the_capacity_is_kept_alone(
    make_trajectory: MakeTrajectory,
) -> None:
    buffer = OutcomeBuffer(capacity=3)
    long = make_trajectory(steps=5)
    buffer.add(make_trajectory(steps=2))
    buffer.add(long)
    assert buffer.trajectories == (long,)


def test_commands_are_drawn_from_what_is_still_held(make_trajectory: MakeTrajectory) -> None:
    closing_at = {0: [0], 1: [], 2: [1, 2], 3: [0]}
    held = []
    for number, steps in enumerate((2, 3, 3, 1)):
        trajectory = make_trajectory(steps=steps)
        trajectory.action_NA[:, 5:] = 0
        trajectory.action_NA[closing_at[number], 5] = 1
        held.append(trajectory)
    buffer = OutcomeBuffer(capacity=7)  # 9 transitions: the first trajectory has to go
    for trajectory in held:
        buffer.add(trajectory)
    generator = np.random.default_rng(0)
    drawn = {buffer.draw(generator, command_share=1.0) for _ in range(50)}
    assert drawn == {(held[2], 1), (held[2], 2), (held[3], 0)}


def test_tasks_share_one_trajectory_and_evict_on_their_own(
    make_trajectory: MakeTrajectory,
) -> None:
    buffers = ReplayBuffers(["lift-any", "lift-carrot"], capacity=4)
    rare = make_trajectory(steps=2)
    buffers.add(rare, "lift-any", success=True)
    buffers.add(rare, "lift-carrot", success=True)
    assert buffers.buffer(0, True).trajectories[0] is buffers.buffer(1, True).trajectories[0]
    for _ in range(3):
        buffers.add(make_trajectory(steps=2), "lift-any", success=True)
        buffers.add(make_trajectory(steps=2), "lift-any", success=False)
    assert rare not in buffers.buffer(0, True).trajectories
    assert buffers.buffer(1, True).trajectories == (rare,)
    assert buffers.transition_counts().tolist() == [[4, 4], [0, 2]]
    assert buffers.episode_counts().tolist() == [[2, 2], [0, 1]]


def test_memory_is_free_when_the_last_buffer_let_go(make_trajectory: MakeTrajectory) -> None:
    buffers = ReplayBuffers(["lift-any"], capacity=2)
    old = make_trajectory(steps=2)
    gone = weakref.ref(old)
    buffers.add(old, "lift-any", success=True)
    del old
    buffers.add(make_trajectory(steps=2), "lift-any", success=True)
    gc.collect()
    assert gone() is None


def test_unknown_tasks_and_no_tasks_are_refused(make_trajectory: MakeTrajectory) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'lift-any'"):
        ReplayBuffers(["lift-any"], 4).add(make_trajectory(steps=1), "lift-an", success=True)
    with pytest.raises(InvalidInput):
        ReplayBuffers([], 4)
