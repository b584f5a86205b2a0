"""Fully connected layers of its own for each task (MT-Opt, App. 7.1 and Fig. 9).

Shapes: B states, N candidate actions a state, D features, T tasks.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from policy.config import PolicyConfig


def has_task_heads(config: PolicyConfig, task_count: int) -> bool:
    """Whether each task has a head of its own; for a single task that is the same network."""
    return config.heads == "each" and task_count > 1


class TaskHeads(nn.Module):
    """The heads of T tasks; a state is judged by its own task's alone.

    In training every head sees the whole batch, and its batch normalisation takes the statistics of
    all of it: the states of one task are too few. Weights learn from their own task's states only.

    Args:
        heads: In the order of the tasks' codes, from D features to one logit.
    """

    def __init__(self, heads: Iterable[nn.Sequential]) -> None:
        super().__init__()
        self.of_task = nn.ModuleList(heads)

    def forward(self, feature_BND: Tensor, task_BT: Tensor) -> Tensor:
        """Logits, shape (B, N)."""
        count = feature_BND.shape[:2]
        feature_KD = feature_BND.flatten(0, 1)
        logit_KT = torch.cat([head(feature_KD) for head in self.of_task], dim=-1)
        own_BN1 = task_BT.argmax(1)[:, None, None].expand(*count, 1)
        return logit_KT.view(*count, -1).gather(2, own_BN1)[..., 0]

    def head(self, position: int) -> nn.Module:
        """The head of the task whose code stands at `position`."""
        return self.of_task[position]
