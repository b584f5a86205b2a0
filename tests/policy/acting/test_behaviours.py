from __future__ import annotations

import numpy as np
import pytest

from data.cells.protocol import MAX_ROTATION_RAD, ActionA, RobotState, Start
from data.errors import InvalidInput
from data.tasks.tasks import SEED_TASKS
from policy.acting.behaviours import (
    ActingAs,
    Noisy,
    Observation,
    make_action,
    random_action,
    start_of,
    with_noise,
)

SEEN = Observation(
    image_HWC=np.zeros((8, 8, 3), dtype=np.uint8),
    state=RobotState(gripper_closed=0.0, height_m=0.2),
)


class Still:
    """Always the same action."""

    name = "still"

    def __init__(self, action: ActionA) -> None:
        self.action = action

    def begin(self, task: str, generator: np.random.Generator) -> None:
        self.task = task

    def act(self, observation: Observation) -> ActionA:
        return self.action


def test_acting_as_tells_the_behaviour_of_another_task() -> None:
    still = Still(make_action(dx_m=0.02))
    acting = ActingAs(still, "lift-any")
    acting.begin("lift-cloth", np.random.default_rng(0))
    assert still.task == "lift-any"
    assert acting.act(SEEN) is still.action
    assert acting.name == "still"


def test_only_placing_starts_with_an_object_in_hand() -> None:
    starts = {task.name: start_of(task) for task in SEED_TASKS}
    assert {name for name, start in starts.items() if start is Start.PLACE} == set(
        SEED_TASKS.of_skill("place")
    )
    assert starts["lift-any"] is Start.PICK


def test_an_action_is_made_of_metres_and_radians() -> None:
    # 0.04 m of 0.08 m; 0.2 m is more than one step can do; a quarter turn is limited to 0.8 rad.
    action = make_action(dx_m=0.04, dy_m=-0.2, turn_rad=np.pi / 2, closes=True)
    assert action.dtype == np.float32
    assert action == pytest.approx(
        [0.5, -1.0, 0.0, np.sin(MAX_ROTATION_RAD), np.cos(MAX_ROTATION_RAD), 0, 1, 0]
    )
    assert make_action(terminates=True) == pytest.approx([0, 0, 0, 0, 1, 0, 0, 1])


def test_noise_moves_the_motion_and_keeps_the_commands() -> None:
    action = make_action(dz_m=-0.04, turn_rad=0.4)
    assert with_noise(action, 0.0, np.random.default_rng(0)) == pytest.approx(action, abs=1e-6)
    generator = np.random.default_rng(0)
    noisy = np.stack([with_noise(action, 0.1, generator) for _ in range(2000)])
    assert noisy[:, :3].mean(axis=0) == pytest.approx([0, 0, -0.5], abs=0.01)
    assert noisy[:, :3].std(axis=0) == pytest.approx([0.1] * 3, abs=0.01)
    turns = np.arctan2(noisy[:, 3], noisy[:, 4])
    assert turns.mean() == pytest.approx(0.4, abs=0.01)
    assert turns.std() == pytest.approx(0.08, abs=0.01)
    assert (noisy[:, 5:] == 0).all()
    command = make_action(closes=True)
    assert (with_noise(command, 0.1, generator) == command).all()


def test_random_actions_are_valid_and_downward_biased() -> None:
    generator = np.random.default_rng(0)
    actions = np.stack([random_action(generator) for _ in range(4000)])
    assert (np.abs(actions[:, :3]) <= 1).all()
    assert np.hypot(actions[:, 3], actions[:, 4]) == pytest.approx(np.ones(4000))
    assert (np.abs(np.arctan2(actions[:, 3], actions[:, 4])) <= MAX_ROTATION_RAD + 1e-6).all()
    commanded = actions[:, 5:].any(axis=1)
    assert actions[~commanded, 2].mean() == pytest.approx(-0.25, abs=0.03)
    assert (actions[commanded, :3] == 0).all()
    assert (actions[:, 5:].sum(axis=1) <= 1).all()
    assert actions[:, 5:].mean(axis=0) == pytest.approx([0.07, 0.1, 0.08], abs=0.02)


def test_the_noisy_behaviour_mixes_noise_and_random_actions() -> None:
    inner = Still(make_action(closes=True))
    noisy = Noisy(inner, deviation=0.0, epsilon=0.25)
    noisy.begin("lift-any", np.random.default_rng(0))
    assert (noisy.name, inner.task) == ("noisy", "lift-any")
    own = [np.allclose(noisy.act(SEEN), inner.action, atol=1e-6) for _ in range(2000)]
    assert np.mean(own) == pytest.approx(0.75, abs=0.04)


def test_the_same_generator_gives_the_same_actions() -> None:
    noisy = Noisy(Still(make_action()))
    runs = []
    for _ in range(2):
        noisy.begin("lift-any", np.random.default_rng(5))
        runs.append(np.stack([noisy.act(SEEN) for _ in range(10)]))
    assert (runs[0] == runs[1]).all()


def test_acting_before_an_episode_is_refused() -> None:
    with pytest.raises(InvalidInput, match="before an episode had begun"):
        Noisy(Still(make_action())).act(SEEN)
