"""Going on from a trained policy, with other tasks than it had (MT-Opt, Sec. VI and VII)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from data.errors import ConfigurationError
from policy.artefact import PolicySummary
from policy.config import PolicyConfig
from policy.learning.checkpoint import load_network
from policy.learning.networks import Network, make_network

_ARCHITECTURE = (
    "image_px", "channels", "convolutions_before", "convolutions_after", "convolutions_valid",
    "pools", "vector_units", "heads", "sight", "look_px", "ground_pixel_mm",
)  # fmt: skip


def network_from(policy: PolicySummary, tasks: Sequence[str], config: PolicyConfig) -> Network:
    """A network with the weights of `policy` that knows `tasks`, in training mode.

    A task the policy had keeps its code, wherever it now stands in the order. A new task starts
    as the mean of the old ones, so that its first values are those of the skills already learned.
    Where each task has a head of its own, a new task's begins as that of the policy's first task.

    Raises:
        ConfigurationError: `config` describes another network than the policy's.
        CorruptData: The policy's weights cannot be read.
    """
    for name in _ARCHITECTURE:
        if getattr(config, name) != getattr(policy.config, name):
            raise ConfigurationError(
                f"The setting '{name}' is {getattr(config, name)} but the policy "
                f"{policy.policy_id} was built with {getattr(policy.config, name)}.",
                where=policy.folder,
                next_step="Fine-tune with the recipe the policy was trained with, or start anew.",
            )
    old = load_network(policy)
    new = make_network(config, len(tasks))
    kept = {k: v for k, v in old.state_dict().items() if not k.startswith("vector.of_task.")}
    new.load_state_dict(kept, strict=False)
    with torch.no_grad():
        _carry_task_codes(old, policy.tasks, new, tasks)
    for position, task in enumerate(tasks):
        before = policy.tasks.index(task) if task in policy.tasks else 0
        new.head(position).load_state_dict(old.head(before).state_dict())
    return new


def _carry_task_codes(
    old: Network, old_tasks: Sequence[str], new: Network, new_tasks: Sequence[str]
) -> None:
    before, after = old.vector.of_task, new.vector.of_task
    units = new.vector.get_parameter("of_action.0.bias").numel()
    code_of = {task: torch.zeros(units) for task in old_tasks}
    bias = torch.zeros(units)
    if before is not None:
        code_of = dict(zip(old_tasks, before.weight.unbind(1), strict=True))
        bias = before.bias
    mean = torch.stack(list(code_of.values())).mean(0)
    codes = [code_of.get(task, mean) for task in new_tasks]
    if after is not None:
        after.weight.copy_(torch.stack(codes, dim=1))
        after.bias.copy_(bias)
    else:
        # A single task has no layer of its own; what its code would add is a constant.
        new.vector.get_parameter("of_action.0.bias").add_(codes[0] + bias)
