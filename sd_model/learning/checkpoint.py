"""The state of an interrupted training, as one file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sd_model.tensors import (
    below,
    optimizer_tensors,
    read_tensors,
    restore_optimizer,
    write_tensors,
)


def save_training(
    path: Path,
    *,
    step: int,
    fingerprint: str,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything from which training goes on after `step` updates, as one file.

    Random state needs no place in it: what is random in update `n` is drawn from the seed and `n`.

    Args:
        fingerprint: Names manifest, configuration and seed; another one cannot go on from here.

    Raises:
        StorageFull: An older checkpoint stays whole.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizer_tensors(optimizer).items()}
    write_tensors(path, tensors, {"step": str(step), "fingerprint": fingerprint})


def load_training(
    path: Path,
    *,
    fingerprint: str,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> int:
    """Go on from a checkpoint: fills the arguments and returns the updates done.

    Returns 0, and leaves everything as it is, where there is no checkpoint of this `fingerprint`.

    Raises:
        CorruptData: The checkpoint cannot be read.
    """
    if not path.exists():
        return 0
    tensors, about = read_tensors(path)
    if about.get("fingerprint") != fingerprint:
        return 0
    network.load_state_dict(below("network.", tensors))
    average.load_state_dict(below("average.", tensors))
    restore_optimizer(optimizer, below("optimizer.", tensors))
    return int(about["step"])
