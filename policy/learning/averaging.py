"""The target copies: a moving average of the weights, and an older state of that average."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from policy.config import PolicyConfig
from policy.learning.networks import Network
from sd_model.tensors import below


class TargetCopies(NamedTuple):
    """What labels transitions: both copies folded for inference, and which version they are."""

    average: Network
    lagged: Network
    version: int


class WeightAverage:
    """Follows a network in training (QT-Opt, Sec. 4.1).

    `average` is the exponential moving average of its parameters, `lagged` that average some
    updates ago. The lag is renewed every 2/3 `lag_updates`, with the state the average had one
    renewal before, so that it lies between 2/3 and 4/3 of `lag_updates` and is right on average.

    Differs: batch statistics are copied as they are, not averaged, since with a short run the
    average of statistics belongs to no network at all. The average starts with a smaller decay,
    (1 + updates) / (10 + updates), so that it forgets the initial weights.
    """

    def __init__(self, network: Network, config: PolicyConfig) -> None:
        self._config = config
        self._renewal = max(1, round(config.lag_updates * 2 / 3))
        self.updates = 0
        self.average = _frozen(network)
        self._waiting = _frozen(network)
        self.lagged = _frozen(network)

    def update(self, network: Network) -> None:
        """Follow one update of `network`."""
        self.updates += 1
        decay = min(self._config.ema_decay, (1 + self.updates) / (10 + self.updates))
        average, current = self.average, network
        with torch.no_grad():
            for kept, new in zip(average.parameters(), current.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
            for statistic, newest in zip(average.buffers(), current.buffers(), strict=True):
                statistic.copy_(newest)
        if self.updates % self._renewal == 0:
            self.lagged.load_state_dict(self._waiting.state_dict())
            self._waiting.load_state_dict(average.state_dict())

    def copies(self, version: int) -> TargetCopies:
        """Both copies for labelling: folded, in the configured precision, channels last."""
        return TargetCopies(self._published(self.average), self._published(self.lagged), version)

    def _published(self, network: Network) -> Network:
        return inference_copy(network, getattr(torch, self._config.precision))

    def tensors(self) -> dict[str, Tensor]:
        """Everything but `updates` that a checkpoint needs, by name."""
        named = {"average": self.average, "waiting": self._waiting, "lagged": self.lagged}
        return {
            f"{name}.{key}": tensor
            for name, network in named.items()
            for key, tensor in network.state_dict().items()
        }

    def load(self, tensors: dict[str, Tensor], updates: int) -> None:
        """Go on from what `tensors` gave."""
        named = {"average": self.average, "waiting": self._waiting, "lagged": self.lagged}
        for name, network in named.items():
            network.load_state_dict(below(f"{name}.", tensors))
        self.updates = updates


def inference_copy(network: Network, dtype: torch.dtype) -> Network:
    """A copy with batch normalisation folded (in float32), then cast, channels last."""
    folded: Network = network.folded().to(dtype=dtype)
    return folded.to(memory_format=torch.channels_last)


def _frozen(network: Network) -> Network:
    return copy.deepcopy(network).eval().requires_grad_(False)
