import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import CorruptData
from policy.artefact import load_summary, save_summary
from policy.config import PolicyConfig, load_recipe
from policy.experience.trajectory import Trajectory, gather_transitions
from policy.experience.transitions import Transitions
from policy.learning.checkpoint import (
    load_network,
    load_training,
    replayed_episodes,
    save_training,
    save_weights,
)
from policy.learning.networks import build_network
from policy.learning.training import Trainer
from sd_model.tensors import read_tensors, write_tensors

TASKS = ("lift-any", "lift-can")


def _sample(count: int, generator: np.random.Generator) -> Transitions:
    def image() -> np.ndarray:
        return generator.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)

    return Transitions(
        image_BHWC=image(),
        state_BS=np.zeros((count, 2), dtype=np.float32),
        action_BA=generator.random((count, 8), dtype=np.float32),
        task_B=np.arange(count) % 2,
        reward_B=(np.arange(count) % 3 == 0).astype(np.float32),
        done_B=np.arange(count) % 3 < 2,
        success_B=np.arange(count) % 3 == 0,
        steps_left_B=np.zeros(count, dtype=np.int64),
        next_image_BHWC=image(),
        next_state_BS=np.zeros((count, 2), dtype=np.float32),
        source_B2=np.zeros((count, 2), dtype=np.int64),
    )


def _trainer(config: PolicyConfig) -> Trainer:
    network = build_network(config, 2, seed=0)
    return Trainer(network, TASKS, _sample, config, seed=0, device=torch.device("cpu"))


def _same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_resumed_training_goes_on_as_the_unbroken_one(tmp_path: Path, optimizer: str) -> None:
    # A label a use and a full turnover of the train buffer at each update: what the interruption
    # loses, the labels, then makes no difference.
    config = load_recipe(
        "smoke",
        {"optimizer": optimizer, "uses_per_label": 1, "train_capacity": 16, "publish_updates": 3},
    )
    unbroken, resumed = _trainer(config), _trainer(config)
    for _ in range(9):
        unbroken.update()
    save_training(tmp_path / "checkpoint.safetensors", unbroken)
    load_training(tmp_path / "checkpoint.safetensors", resumed)
    assert resumed.updates == 9
    for _ in range(6):
        assert resumed.update()["loss"] == unbroken.update()["loss"]
    assert _same(resumed.network, unbroken.network)
    assert _same(resumed.average.average, unbroken.average.average)
    assert _same(resumed.average.lagged, unbroken.average.lagged)


def test_training_resumed_after_a_restart_goes_on_as_the_unbroken_one(tmp_path: Path) -> None:
    config = load_recipe("smoke", {"uses_per_label": 1, "train_capacity": 16, "publish_updates": 1})
    unbroken, resumed = _trainer(config), _trainer(config)
    unbroken.update()
    unbroken.restart(build_network(config, 2, seed=4))
    unbroken.update()
    save_training(tmp_path / "checkpoint.safetensors", unbroken)
    load_training(tmp_path / "checkpoint.safetensors", resumed)
    assert (resumed.restarted_at, resumed.average.updates) == (1, 1)
    assert resumed.update()["loss"] == unbroken.update()["loss"]
    assert _same(resumed.average.average, unbroken.average.average)


def test_labels_come_back_with_what_replay_shows_of_them(
    tmp_path: Path, make_trajectory: Callable[..., Trajectory]
) -> None:
    config = load_recipe("smoke", {"train_capacity": 40, "publish_updates": 2})
    replayed = [
        replace(make_trajectory(steps=steps, fill=50 * number, side=32), number=number)
        for number, steps in enumerate((3, 5, 2))
    ]

    def sample(count: int, generator: np.random.Generator) -> Transitions:
        number_B = generator.integers(0, 3, count)
        chosen = [replayed[number] for number in number_B.tolist()]
        step_B = np.array([generator.integers(len(trajectory)) for trajectory in chosen])
        return gather_transitions(chosen, step_B, number_B % 2, number_B == 0)

    def trainer() -> Trainer:
        network = build_network(config, 2, seed=0)
        return Trainer(network, TASKS, sample, config, seed=0, device=torch.device("cpu"))

    unbroken, resumed, without = trainer(), trainer(), trainer()
    for _ in range(5):
        unbroken.update()
    path = tmp_path / "checkpoint.safetensors"
    save_training(path, unbroken, replayed)
    assert replayed_episodes(path) == [trajectory.episode_id for trajectory in replayed]
    load_training(path, resumed, replayed)
    load_training(path, without, replayed[1:])  # the first is gone, and numbers say nothing
    assert len(without.buffer) == 0

    before, after = unbroken.buffer.held(), resumed.buffer.held()
    assert before is not None and after is not None
    for field in fields(before):
        np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))
    for _ in range(4):
        assert resumed.update() == unbroken.update()
    assert _same(resumed.network, unbroken.network)


def test_no_checkpoint_says_nothing_of_replay(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    assert replayed_episodes(path) is None
    save_training(path, _trainer(load_recipe("smoke")))
    assert replayed_episodes(path) is None


def test_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_training(path, _trainer(load_recipe("smoke")))
    with pytest.raises(CorruptData, match="other tasks or settings"):
        load_training(path, _trainer(load_recipe("smoke", {"gamma": 0.8})))


def test_checkpoint_from_before_a_setting_was_there_goes_on(tmp_path: Path) -> None:
    path, trainer = tmp_path / "checkpoint.safetensors", _trainer(load_recipe("smoke"))
    save_training(path, trainer)
    state, about = read_tensors(path)
    settings = json.loads(about["training"])
    assert settings.pop("heads") == "one"
    write_tensors(path, state, {**about, "training": json.dumps(settings)})
    load_training(path, trainer)
    with pytest.raises(CorruptData, match="other tasks or settings"):
        load_training(path, _trainer(load_recipe("smoke", {"heads": "each"})))


def test_weights_come_back(tmp_path: Path) -> None:
    config = load_recipe("smoke")
    network = build_network(config, 2, seed=5).eval()
    save_weights(tmp_path, network)
    save_summary(tmp_path, tasks=TASKS, config=config, created_at_ns=1, lineage={})
    assert _same(load_network(load_summary(tmp_path)), network)


def test_damaged_missing_and_foreign_weights_say_so(tmp_path: Path) -> None:
    config = load_recipe("smoke")
    save_summary(tmp_path, tasks=TASKS, config=config, created_at_ns=1, lineage={})
    summary = load_summary(tmp_path)
    with pytest.raises(CorruptData, match=r"weights\.safetensors"):
        load_network(summary)
    save_weights(tmp_path, build_network(config, 3, seed=0))
    with pytest.raises(CorruptData, match="do not fit the network"):
        load_network(summary)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorruptData, match="cannot be read"):
        load_network(summary)
