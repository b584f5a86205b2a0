import pytest
import torch
from torch import nn

from data.errors import ConfigurationError
from policy.config import load_recipe
from policy.learning.q_network import QNetwork, pool_same


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _inputs(
    size_px: int, states: int, actions: int, tasks: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.rand(states, 3, size_px, size_px, generator=generator),
        torch.randn(states, actions, 8, generator=generator),
        torch.rand(states, 2, generator=generator),
        torch.eye(tasks)[torch.arange(states) % tasks],
    )


def _trained_a_little(network: QNetwork, size_px: int) -> QNetwork:
    """Batch statistics and normalisation parameters unlike their initial values."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.bias.copy_(0.3 * torch.randn(module.bias.shape, generator=generator))
                if module.weight is not None:
                    module.weight.copy_(
                        1 + 0.2 * torch.randn(module.weight.shape, generator=generator)
                    )
    for _ in range(3):
        network(*_inputs(size_px, 6, 1, network.task_count))
    return network.eval()


def test_paper_network_has_the_parameters_of_the_table() -> None:
    assert _parameters(QNetwork(load_recipe("paper"), task_count=1)) == 1_242_817
    # Twelve tasks: a layer from the one-hot code to the 256 summed units, 12 * 256 + 256.
    assert _parameters(QNetwork(load_recipe("paper"), task_count=12)) == 1_246_145


def test_paper_network_has_the_maps_of_the_table() -> None:
    network = QNetwork(load_recipe("paper"), task_count=1).eval()
    with torch.no_grad():
        first = network.before_first_pool(torch.zeros(1, 3, 472, 472))
        assert first.shape[1:] == (64, 236, 236)
        assert pool_same(first, 3).shape[2:] == (79, 79)
        merged = network.forward_image(torch.zeros(1, 3, 472, 472))
        assert merged.shape[1:] == (64, 27, 27)
        assert pool_same(merged, 2).shape[2:] == (14, 14)
        assert network.after_last_pool(torch.zeros(1, 64, 14, 14)).shape[2:] == (8, 8)


def test_cpu_network_merges_on_a_map_of_6_by_6() -> None:
    config = load_recipe("cpu")
    network = QNetwork(config, task_count=12)
    assert network.forward_image(torch.zeros(2, 3, 96, 96)).shape == (2, 32, 6, 6)
    assert _parameters(network) < 160_000


def test_same_pooling_puts_the_odd_pixel_on_the_far_side() -> None:
    row = torch.tensor([[[[1.0, 2, 3, 4]]]]).expand(1, 1, 4, 4)
    # 4 px, kernel 3: a border of 2, one on each side: windows (-, 1, 2) and (3, 4, -).
    assert pool_same(row, 3)[0, 0, 0].tolist() == [2, 4]
    # 5 px, kernel 3: a border of 1, on the far side: windows (1, 2, 3) and (4, 5, -).
    row = torch.tensor([[[[3.0, 2, 1, 0, 5]]]]).expand(1, 1, 5, 5)
    assert pool_same(row, 3)[0, 0, 0].tolist() == [3, 5]


def test_initial_weights_of_the_paper_stay_within_two_deviations() -> None:
    weight = (
        QNetwork(load_recipe("paper"), task_count=1).before_merge[0].convolution.weight.detach()
    )
    assert weight.abs().max() <= 0.02
    # A normal cut at two deviations keeps 0.88 of its spread.
    assert weight.std() == pytest.approx(0.0088, rel=0.02)


def test_many_actions_give_the_same_logits_as_one_at_a_time() -> None:
    torch.manual_seed(0)
    network = _trained_a_little(QNetwork(load_recipe("smoke"), task_count=3), 32)
    image, action, state, task = _inputs(32, 4, 5, 3)
    with torch.no_grad():
        together = network(image, action, state, task)
        for n in range(5):
            alone = network(image, action[:, n : n + 1], state, task)
            torch.testing.assert_close(together[:, n : n + 1], alone)


@pytest.mark.parametrize("tasks", [1, 3])
def test_folding_changes_no_logit(tasks: int) -> None:
    torch.manual_seed(0)
    network = _trained_a_little(QNetwork(load_recipe("smoke"), task_count=tasks), 32)
    inputs = _inputs(32, 4, 5, tasks)
    folded = network.folded()
    assert not any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in folded.modules())
    with torch.no_grad():
        torch.testing.assert_close(folded(*inputs), network(*inputs), rtol=1e-4, atol=1e-5)


def test_task_changes_the_value() -> None:
    torch.manual_seed(0)
    network = _trained_a_little(QNetwork(load_recipe("smoke"), task_count=3), 32)
    image, action, state, task = _inputs(32, 4, 1, 3)
    with torch.no_grad():
        assert not torch.equal(
            network(image, action, state, task), network(image, action, state, task.roll(1, 1))
        )


def test_image_too_small_for_the_layers_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="too small"):
        QNetwork(load_recipe("smoke", {"convolutions_valid": 3}), task_count=1)


@pytest.mark.parametrize("side_px", [33, 97])
def test_image_of_an_odd_side_fits_the_layers(side_px: int) -> None:
    config = load_recipe(
        "smoke", {"image_px": side_px, "frame_width_px": 97, "frame_height_px": 97}
    )
    network = QNetwork(config, task_count=3).eval()
    assert network(*_inputs(side_px, 2, 4, 3)).shape == (2, 4)


@pytest.mark.parametrize(("side", "kernel"), [(6, 2), (9, 3), (7, 2), (8, 3)])
def test_pool_without_gradients_is_the_same(side: int, kernel: int) -> None:
    image = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        without = pool_same(image, kernel)
    assert torch.equal(without, pool_same(image, kernel))
