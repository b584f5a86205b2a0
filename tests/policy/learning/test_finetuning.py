from pathlib import Path

import pytest
import torch
from torch import nn

from data.errors import ConfigurationError
from policy.artefact import PolicySummary, load_summary, save_summary
from policy.config import PolicyConfig, load_recipe
from policy.learning.checkpoint import save_weights
from policy.learning.finetuning import network_from
from policy.learning.networks import build_network
from policy.learning.q_network import QNetwork

CONFIG = load_recipe("smoke")
HEADS = load_recipe("smoke", {"heads": "each"})


def _stored(
    folder: Path, tasks: tuple[str, ...], config: PolicyConfig = CONFIG
) -> tuple[PolicySummary, QNetwork]:
    network = build_network(config, len(tasks), seed=3).eval()
    with torch.no_grad():
        network.vector.norm.bias.normal_(generator=torch.Generator().manual_seed(1))
    save_weights(folder, network)
    save_summary(folder, tasks=tasks, config=config, created_at_ns=1, lineage={})
    return load_summary(folder), network


def _values(network: QNetwork, position: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    task_BT = torch.zeros(4, network.task_count)
    task_BT[:, position] = 1
    with torch.no_grad():
        return network.eval()(
            torch.rand(4, 3, 32, 32, generator=generator),
            torch.randn(4, 3, 8, generator=generator),
            torch.rand(4, 2, generator=generator),
            task_BT,
        )


def test_known_tasks_keep_their_values_wherever_they_stand(tmp_path: Path) -> None:
    policy, old = _stored(tmp_path / "old", ("lift-any", "lift-can"))
    new = network_from(policy, ("place-any", "lift-can", "lift-any"), CONFIG)
    torch.testing.assert_close(_values(new, 2), _values(old, 0))
    torch.testing.assert_close(_values(new, 1), _values(old, 1))


def test_new_task_starts_as_the_mean_of_the_old_codes(tmp_path: Path) -> None:
    policy, old = _stored(tmp_path / "old", ("lift-any", "lift-can"))
    new = network_from(policy, ("lift-any", "lift-can", "place-any"), CONFIG)
    code = new.vector.of_task.weight.detach()
    before = old.vector.of_task.weight.detach()
    torch.testing.assert_close(code[:, 2], (before[:, 0] + before[:, 1]) / 2)
    assert new.training


def test_single_task_grows_and_shrinks_without_change(tmp_path: Path) -> None:
    policy, old = _stored(tmp_path / "one", ("lift-any",))
    torch.testing.assert_close(
        _values(network_from(policy, ("place-any", "lift-any"), CONFIG), 1), _values(old, 0)
    )
    policy, old = _stored(tmp_path / "two", ("lift-any", "lift-can"))
    torch.testing.assert_close(
        _values(network_from(policy, ("lift-can",), CONFIG), 0), _values(old, 1)
    )


@pytest.mark.parametrize("config", [CONFIG, HEADS])
def test_twelve_tasks_are_the_same_to_the_bit_among_fourteen(
    tmp_path: Path, config: PolicyConfig
) -> None:
    tasks = tuple(f"task-{number}" for number in range(12))
    policy, old = _stored(tmp_path / "old", tasks, config)
    grown = ("new-1", *tasks[:5], "new-2", *tasks[5:])
    new = network_from(policy, grown, config)
    for before, task in enumerate(tasks):
        assert torch.equal(_values(new, grown.index(task)), _values(old, before))


def test_new_tasks_head_begins_as_that_of_the_first_task(tmp_path: Path) -> None:
    policy, old = _stored(tmp_path / "old", ("lift-any", "lift-can"), HEADS)
    new = network_from(policy, ("place-any", "lift-can", "lift-any"), HEADS)
    for position, before in ((0, 0), (1, 1), (2, 0)):
        assert _same(new.head(position), old.head(before))
    assert not _same(new.head(1), old.head(0))


@pytest.mark.parametrize("grown", [("place-any", "lift-can"), ("lift-can",)])
def test_heads_come_and_go_with_the_number_of_tasks(tmp_path: Path, grown: tuple[str, ...]) -> None:
    for tasks in (("lift-can",), ("lift-any", "lift-can")):
        policy, old = _stored(tmp_path / str(len(tasks)), tasks, HEADS)
        new = network_from(policy, grown, HEADS)
        torch.testing.assert_close(
            _values(new, grown.index("lift-can")), _values(old, tasks.index("lift-can"))
        )


def _same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    policy, _ = _stored(tmp_path / "old", ("lift-any",))
    with pytest.raises(ConfigurationError, match="'channels' is 9 but the policy old"):
        network_from(policy, ("lift-any",), load_recipe("smoke", {"channels": 9}))
