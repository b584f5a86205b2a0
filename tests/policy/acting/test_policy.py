import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.cells.protocol import RobotState
from data.episodes.gripper import GripperReading
from data.errors import UnknownName
from policy.acting.behaviours import Observation
from policy.acting.policy import Policy, PolicyBehaviour
from policy.artefact import save_summary
from policy.config import load_recipe
from policy.learning.checkpoint import save_weights
from policy.learning.networks import build_network


def _stored(folder: Path, recipe: str, overrides: dict[str, Any] | None = None) -> Policy:
    config = load_recipe(recipe, overrides)
    save_weights(folder, build_network(config, 2, seed=0))
    save_summary(folder, tasks=("lift-any", "lift-can"), config=config, created_at_ns=1, lineage={})
    return Policy.load(folder)


def _seen(seed: int = 0) -> Observation:
    """From straight above: a share of the image for each metre of floor."""
    generator = np.random.default_rng(seed)
    return Observation(
        image_HWC=generator.integers(0, 256, (128, 160, 3), dtype=np.uint8),
        state=RobotState(0.0, 0.2),
        gripper=GripperReading(0.0, 0.5, 0.5, 0.2, 0.0),
        projection_34=np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
    )


def test_same_generator_gives_the_same_action_of_the_right_form(tmp_path: Path) -> None:
    policy = _stored(tmp_path / "p", "smoke")
    first, second = (policy.act(_seen(), "lift-can", np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (8,)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1


def test_value_is_a_probability(tmp_path: Path) -> None:
    policy = _stored(tmp_path / "p", "smoke")
    _, value = policy.judge(_seen(), "lift-any", np.random.default_rng(0))
    assert 0 <= value <= 1


def test_unknown_task_is_refused(tmp_path: Path) -> None:
    policy = _stored(tmp_path / "p", "smoke")
    with pytest.raises(UnknownName, match="Did you mean 'lift-can'"):
        policy.act(_seen(), "lift-cat", np.random.default_rng(0))


def test_cpu_recipe_acts_faster_than_5_hz(tmp_path: Path) -> None:
    policy = _stored(tmp_path / "p", "cpu")
    generator = np.random.default_rng(0)
    policy.act(_seen(), "lift-any", generator)
    started = time.process_time()
    for _ in range(5):
        policy.act(_seen(), "lift-any", generator)
    assert (time.process_time() - started) / 5 < 0.2 * torch.get_num_threads()


def test_behaviour_is_greedy_or_explores(tmp_path: Path) -> None:
    policy = _stored(tmp_path / "p-7", "smoke")
    observation = _seen()
    greedy = PolicyBehaviour(policy)
    assert greedy.name == "policy:p-7"
    greedy.begin("lift-any", np.random.default_rng(3))
    exploring = PolicyBehaviour(policy, epsilon=1.0)
    exploring.begin("lift-any", np.random.default_rng(3))
    assert not np.array_equal(greedy.act(observation), exploring.act(observation))


def test_a_supervised_policy_goes_to_its_grasp_closes_and_lifts(tmp_path: Path) -> None:
    policy = _stored(tmp_path / "p", "cpu", {"method": "supervised"})
    behaviour = PolicyBehaviour(policy)
    behaviour.begin("lift-any", np.random.default_rng(3))
    generator = np.random.default_rng(3)
    generator.random()  # whether to act at random
    generator.normal(size=2)  # the script's drift, which is not taken
    grasp, _ = policy.judge(_seen(), "lift-any", generator)
    assert grasp[2] == pytest.approx(-2.5)  # from 20 cm above the floor, in steps of 8 cm
    assert grasp[5:].tolist() == [0, 1, 0]
    step = behaviour.act(_seen())
    assert step.tolist() == pytest.approx([*grasp[:2], -1, *grasp[3:5], 0, 0, 0])
    assert behaviour.act(replace(_seen(), state=RobotState(0.0, 0.01)))[6] == 1
    assert behaviour.act(replace(_seen(), state=RobotState(1.0, 0.01)))[2] == 1
