"""Batch statistics of a network, estimated anew once its weights are final."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def estimate_statistics(network: nn.Module, batches: Iterable[Tensor | tuple[Tensor, ...]]) -> None:
    """Replace the running statistics of batch normalisation by their mean over `batches`.

    Averaged weights do not fit the statistics of the weights they were averaged from. The network
    is left in evaluation mode.

    Args:
        batches: Inputs of the network; at least one.
    """
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    network.train()
    for batch in batches:
        network(*batch) if isinstance(batch, tuple) else network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
