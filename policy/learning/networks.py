"""The networks that a recipe may ask for."""

from __future__ import annotations

import torch

from policy.config import PolicyConfig
from policy.learning.look_network import LookNetwork
from policy.learning.q_network import QNetwork

Network = QNetwork | LookNetwork


def make_network(config: PolicyConfig, task_count: int) -> Network:
    """The untrained network of `config`; draws from torch's global generator."""
    kind = LookNetwork if config.sight == "ground" else QNetwork
    return kind(config, task_count)


def build_network(config: PolicyConfig, task_count: int, *, seed: int) -> Network:
    """An untrained network whose initial weights depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make_network(config, task_count)
