from pathlib import Path

import pytest
import torch

from data.errors import ConfigurationError
from policy.artefact import PolicySummary, load_summary, save_summary
from policy.config import load_recipe
from policy.learning.checkpoint import save_weights
from policy.learning.finetuning import network_from
from policy.learning.networks import build_network
from policy.learning.q_network import QNetwork

CONFIG = load_recipe("smoke")


def _stored(folder: Path, tasks: tuple[str, ...]) -> tuple[PolicySummary, QNetwork]:
    network = build_network(CONFIG, len(tasks), seed=3).eval()
    with torch.no_grad():
        network.vector.norm.bias.normal_(generator=torch.Generator().manual_seed(1))
    save_weights(folder, network)
    save_summary(folder, tasks=tasks, config=CONFIG, created_at_ns=1, lineage={})
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


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    policy, _ = _stored(tmp_path / "old", ("lift-any",))
    with pytest.raises(ConfigurationError, match="'channels' is 9 but the policy old"):
        network_from(policy, ("lift-any",), load_recipe("smoke", {"channels": 9}))
