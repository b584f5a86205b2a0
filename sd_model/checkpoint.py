"""Weights and the state of an interrupted training on disk: safetensors and JSON, no pickle."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from data.errors import CorruptData
from data.storage import write_atomically


def save_weights(path: Path, network: nn.Module) -> None:
    """Write the network's weights. Raises `StorageFull`; an older file stays whole."""
    write_atomically(path, save_tensors(_plain(network.state_dict())))


def load_weights(path: Path, network: nn.Module) -> None:
    """Read weights into `network`.

    Raises:
        CorruptData: The file is missing, damaged, or of another network.
    """
    tensors = _read(path)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CorruptData(
            f"The weights do not fit the network that config.json describes: {error}",
            where=path,
            next_step="Restore the detector's folder from a backup, or train again.",
        ) from error


def save_training(
    path: Path,
    *,
    step: int,
    fingerprint: str,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write everything from which training goes on after `step` updates, as one file.

    Random state needs no place in it: what is random in update `n` is drawn from the seed and `n`.

    Args:
        fingerprint: Names manifest, configuration and seed; another one cannot go on from here.
    """
    tensors = {f"network/{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimiser/{index}/{name}"] = torch.as_tensor(value)
    about = {"step": str(step), "fingerprint": fingerprint}
    write_atomically(path, save_tensors(_plain(tensors), metadata=about))


def load_training(
    path: Path,
    *,
    fingerprint: str,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> int:
    """Go on from a checkpoint: fills the arguments and returns the updates done.

    Returns 0, and leaves everything as it is, where there is no checkpoint of this `fingerprint`.

    Raises:
        CorruptData: The checkpoint cannot be read.
    """
    if not path.exists():
        return 0
    tensors = _read(path)
    about = _metadata(path)
    if about.get("fingerprint") != fingerprint:
        return 0
    network.load_state_dict(_below("network/", tensors))
    average.load_state_dict(_below("average/", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("optimiser/", tensors).items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    return int(about["step"])


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_tensors(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise CorruptData(
            f"The weights cannot be read: {error}",
            where=path,
            next_step="Restore the file from a backup, or train again.",
        ) from error


def _metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    about: dict[str, str] = header.get("__metadata__", {})
    return about
