from dataclasses import replace

import numpy as np
import pytest
import torch

from policy.config import PolicyConfig, load_recipe
from policy.experience.transitions import Transitions
from policy.learning.averaging import TargetCopies, WeightAverage
from policy.learning.bellman_updater import BellmanUpdater, state_value
from policy.learning.networks import build_network
from policy.learning.q_network import QNetwork

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
        steps_left_B=np.zeros(count, dtype=np.int64),
        next_image_BHWC=image[::-1].copy(),
        next_state_BS=np.zeros((count, 2), dtype=np.float32),
        source_B2=np.zeros((count, 2), dtype=np.int64),
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


def test_own_returns_are_a_floor_of_the_targets() -> None:
    """The last of each two succeeds; the one before it is seen from one step earlier."""

    def successes(count: int, generator: np.random.Generator) -> Transitions:
        batch = _transitions(count, generator)
        return replace(
            batch,
            success_B=np.ones(count, dtype=np.bool_),
            steps_left_B=np.array([3, 1, 0]),
            done_B=np.array([False, False, True]),
            reward_B=np.array([0, 0, 1], dtype=np.float32),
        )

    config = load_recipe("smoke", {"label_batch_size": 3, "returns": "own"})
    copies = TargetCopies(_constant(config, 0.85), _constant(config, 0.85), version=0)
    labelled = BellmanUpdater(successes, config, task_count=2, device=CPU).label(
        copies, np.random.default_rng(0)
    )
    # gamma V = 0.765 beats 0.9^3 = 0.729 and not 0.9^1.
    assert labelled.target_B.tolist() == pytest.approx([0.765, 0.9, 1.0])


@pytest.mark.parametrize(
    ("share", "targets"), [(0.0, [0.0, 0.0, 0.729]), (0.5, [0.225, 0.225, 0.729])]
)
def test_a_share_of_a_target_may_be_what_the_episode_earned(
    share: float, targets: list[float]
) -> None:
    """Two failures on their way, and a success seen from three steps before its end."""

    def sampled(count: int, generator: np.random.Generator) -> Transitions:
        return replace(
            _transitions(count, generator),
            success_B=np.array([False, False, True]),
            steps_left_B=np.array([2, 1, 3]),
            done_B=np.zeros(count, dtype=np.bool_),
            reward_B=np.zeros(count, dtype=np.float32),
        )

    settings = {"label_batch_size": 3, "returns": "own", "bootstrap_share": share}
    config = load_recipe("smoke", settings)
    copies = TargetCopies(_constant(config, 0.5), _constant(config, 0.5), version=0)
    labelled = BellmanUpdater(sampled, config, task_count=2, device=CPU).label(
        copies, np.random.default_rng(0)
    )
    # Bootstrapped: 0.45, 0.45, and 0.9^3 as the floor.
    assert labelled.target_B.tolist() == pytest.approx(targets)


def test_a_supervised_target_is_how_the_episode_ended() -> None:
    """However many steps it took, and whatever the copies say."""

    def sampled(count: int, generator: np.random.Generator) -> Transitions:
        return replace(
            _transitions(count, generator),
            success_B=np.array([False, True, True]),
            steps_left_B=np.array([2, 0, 3]),
            state_BS=np.zeros((count, 5), dtype=np.float32),
        )

    settings = {"label_batch_size": 3, "method": "supervised", "sight": "ground"}
    config = load_recipe("smoke", settings)
    copies = TargetCopies(_constant(config, 0.5), _constant(config, 0.5), version=0)
    labelled = BellmanUpdater(sampled, config, task_count=2, device=CPU).label(
        copies, np.random.default_rng(0)
    )
    assert labelled.target_B.tolist() == [0, 1, 1]


def test_value_is_the_smaller_one_of_the_action_that_the_average_prefers() -> None:
    """The lagged copy likes the opposite of what the average likes, and is asked all the same."""

    class Leaning(torch.nn.Module):
        def __init__(self, slope: float) -> None:
            super().__init__()
            self.slope = slope

        def forward_image(self, image_BCHW: torch.Tensor) -> torch.Tensor:
            return image_BCHW

        def forward_action(
            self, map_BDhw: torch.Tensor, action_BNA: torch.Tensor, *condition: torch.Tensor
        ) -> torch.Tensor:
            return self.slope * action_BNA[..., 0]

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            return self.forward_action(*inputs)

    copies = TargetCopies(Leaning(3.0), Leaning(-3.0), version=0)
    value_B = state_value(
        copies,
        np.zeros((2, 32, 32, 3), dtype=np.uint8),
        np.zeros((2, 2), dtype=np.float32),
        torch.eye(2),
        load_recipe("smoke", {"cem_samples": 256, "cem_iterations": 6}),
        torch.Generator().manual_seed(0),
        CPU,
    )
    # a* has dx = 1, where the average says sigmoid(3) and the lagged copy sigmoid(-3) = 0.0474.
    assert value_B.tolist() == pytest.approx([0.0474] * 2, abs=0.01)


def test_the_next_s_is_augmented_and_s_waits_for_its_use(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_recipe("smoke", {"label_batch_size": 8, "brightness": 0.1, "contrast": 0.5})
    seen: list[np.ndarray] = []

    def resting(count: int, generator: np.random.Generator) -> Transitions:
        batch = _transitions(count, generator)
        return replace(
            batch, next_image_BHWC=batch.image_BHWC, done_B=np.zeros(count, dtype=np.bool_)
        )

    def valued(copies: TargetCopies, image_BHWC: np.ndarray, *rest: object) -> torch.Tensor:
        seen.append(image_BHWC)
        return torch.zeros(len(image_BHWC))

    monkeypatch.setattr("policy.learning.bellman_updater.state_value", valued)
    copies = TargetCopies(_constant(config, 0.6), _constant(config, 0.5), version=0)
    updater = BellmanUpdater(resting, config, task_count=2, device=CPU)
    labelled = updater.label(copies, np.random.default_rng(0))
    plain = resting(8, np.random.default_rng(0)).image_BHWC
    np.testing.assert_array_equal(labelled.image_BHWC, plain)
    assert all((seen[0][n] != plain[n]).any() for n in range(8))


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
    image = np.random.default_rng(0).integers(0, 256, (6, 80, 80, 3), dtype=np.uint8)
    values = [
        state_value(
            copies,
            image,
            np.zeros((6, 5), dtype=np.float32),
            torch.eye(2)[torch.arange(6) % 2],
            config,
            torch.Generator().manual_seed(0),
            CPU,
        )
        for copies in (half, full)
    ]
    assert values[0].dtype == torch.float32
    torch.testing.assert_close(values[0], values[1], atol=0.03, rtol=0)
