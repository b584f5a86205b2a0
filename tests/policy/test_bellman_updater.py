import numpy as np
import pytest
import torch

from policy.averaging import TargetCopies, WeightAverage
from policy.bellman_updater import BellmanUpdater, state_value
from policy.config import PolicyConfig, load_recipe
from policy.q_network import QNetwork, build_network
from policy.transitions import Transitions

CPU = torch.device("cpu")


def _constant(config: PolicyConfig, value: float) -> QNetwork:
    """A network whose value is `value` whatever it sees."""
    network = build_network(config, 2, seed=0).eval()
    with torch.no_grad():
        network.logit.weight.zero_()
        network.logit.bias.fill_(float(np.log(value / (1 - value))))
    return network.folded()


def _transitions(count: int, generator: np.random.Generator) -> Transitions:
    """The last one succeeds, the one before it fails, the others go on."""
    done_B = np.arange(count) >= count - 2
    success_B = np.arange(count) == count - 1
    image = generator.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return Transitions(
        image_BHWC=image,
        state_BS=np.zeros((count, 2), dtype=np.float32),
        action_BA=np.zeros((count, 8), dtype=np.float32),
        task_B=np.arange(count) % 2,
        reward_B=success_B.astype(np.float32),
        done_B=done_B,
        success_B=success_B,
        next_image_BHWC=image[::-1].copy(),
        next_state_BS=np.zeros((count, 2), dtype=np.float32),
    )


def test_labels_are_reward_plus_discounted_clipped_value() -> None:
    config = load_recipe("smoke", {"label_batch_size": 5})
    copies = TargetCopies(_constant(config, 0.6), _constant(config, 0.5), version=9)
    updater = BellmanUpdater(_transitions, config, task_count=2, device=CPU)
    labelled = updater.label(copies, np.random.default_rng(0))
    # The smaller of 0.6 and 0.5, times gamma 0.9; then failure and success.
    assert labelled.target_B.tolist() == pytest.approx([0.45, 0.45, 0.45, 0.0, 1.0])
    assert labelled.version_B.tolist() == [9] * 5
    assert labelled.image_BHWC.shape == (5, 32, 32, 3)


def test_episodes_that_all_end_need_no_search() -> None:
    config = load_recipe("smoke", {"label_batch_size": 2})
    copies = TargetCopies(_constant(config, 0.6), _constant(config, 0.5), version=0)
    updater = BellmanUpdater(_transitions, config, task_count=2, device=CPU)
    assert updater.label(copies, np.random.default_rng(0)).target_B.tolist() == [0.0, 1.0]


def test_half_precision_values_are_close_to_full() -> None:
    config = load_recipe("cpu")
    torch.manual_seed(0)
    average = WeightAverage(build_network(config, 2, seed=0), config)
    half = average.copies(0)
    full = TargetCopies(average.average.folded(), average.lagged.folded(), 0)
    image = np.random.default_rng(0).integers(0, 256, (6, 96, 96, 3), dtype=np.uint8)
    values = [
        state_value(
            copies,
            image,
            np.zeros((6, 2), dtype=np.float32),
            torch.eye(2)[torch.arange(6) % 2],
            config,
            torch.Generator().manual_seed(0),
            CPU,
        )
        for copies in (half, full)
    ]
    assert values[0].dtype == torch.float32
    torch.testing.assert_close(values[0], values[1], atol=0.03, rtol=0)
