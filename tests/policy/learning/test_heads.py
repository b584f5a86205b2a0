import pytest
import torch
from torch import Tensor, nn

from policy.config import PolicyConfig, load_recipe
from policy.learning.heads import TaskHeads
from policy.learning.networks import Network, build_network

SMOKE = load_recipe("smoke", {"heads": "each"})
CPU = load_recipe("cpu", {"heads": "each"})


def _given(config: PolicyConfig, tasks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A state for each of `tasks`, shape (B, T), with three actions."""
    generator = torch.Generator().manual_seed(0)
    states = 5 if config.sight == "ground" else 2
    return (
        torch.rand(len(tasks), 3, config.image_px, config.image_px, generator=generator),
        torch.randn(len(tasks), 3, 8, generator=generator),
        torch.rand(len(tasks), states, generator=generator),
        tasks,
    )


def _values(network: Network, tasks: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(*_given(network.config, tasks))


def test_a_state_is_judged_by_its_own_tasks_head() -> None:
    heads = TaskHeads(nn.Sequential(nn.Linear(2, 1)) for _ in range(2))
    with torch.no_grad():
        for head, weight, bias in zip(
            heads.of_task, ([1.0, 2.0], [10.0, 0.0]), (0.5, -1), strict=True
        ):
            head[0].weight.copy_(torch.tensor([weight]))
            head[0].bias.fill_(bias)
    feature_BND = torch.tensor([[[1.0, 1.0], [0.0, 2.0]], [[1.0, 1.0], [0.0, 2.0]]])
    # The first state is of the second task: 10 x - 1; the other of the first: x + 2 y + 0.5.
    logit_BN = heads(feature_BND, torch.tensor([[0, 1], [1, 0]]))
    assert logit_BN.tolist() == [[9.0, -1.0], [3.5, 4.5]]


@pytest.mark.parametrize("config", [SMOKE, CPU])
def test_another_tasks_head_neither_counts_nor_learns(config: PolicyConfig) -> None:
    network = build_network(config, 3, seed=0)
    tasks = torch.eye(3)[[1, 1]]
    network.train()(*_given(config, tasks)).sum().backward()
    moved = [
        any(p.grad is not None and bool(p.grad.any()) for p in network.head(position).parameters())
        for position in range(3)
    ]
    assert moved == [False, True, False]
    before = _values(network, tasks)
    with torch.no_grad():
        for position in (0, 2):
            for parameter in network.head(position).parameters():
                parameter.add_(1.0)
    assert torch.equal(_values(network, tasks), before)
    assert not torch.equal(_values(network, torch.eye(3)[[0, 0]]), before)


@pytest.mark.parametrize("recipe", ["smoke", "cpu"])
def test_a_single_task_has_the_same_network_either_way(recipe: str) -> None:
    one = build_network(load_recipe(recipe, {"heads": "one"}), 1, seed=3).state_dict()
    each = build_network(load_recipe(recipe, {"heads": "each"}), 1, seed=3).state_dict()
    assert list(one) == list(each)
    assert all(torch.equal(one[name], each[name]) for name in one)


def test_the_papers_head_has_three_layers() -> None:
    """FC 4096 to 64, FC 64 to 64, FC 64 to 1: 266,496 parameters and 65, for each task."""
    config = load_recipe("paper", {"heads": "each"})
    sizes = [
        sum(p.numel() for p in build_network(given, 12, seed=0).parameters())
        for given in (config, load_recipe("paper"))
    ]
    assert sizes[0] - sizes[1] == 11 * (266_496 + 65)


@pytest.mark.parametrize("config", [SMOKE, CPU])
def test_folding_changes_no_value(config: PolicyConfig) -> None:
    network = build_network(config, 3, seed=0)
    tasks = torch.eye(3)[[0, 1, 2, 0]]
    for _ in range(3):
        network.train()(*_given(config, tasks))
    torch.testing.assert_close(_values(network.folded(), tasks), _values(network, tasks))
