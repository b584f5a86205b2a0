"""Tensors on disk: safetensors with words about them; nothing is unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn

from data.errors import CorruptData
from data.storage import write_atomically


def save_weights(path: Path, network: nn.Module) -> None:
    """Write the network's weights. Raises `StorageFull`; an older file stays whole."""
    write_tensors(path, network.state_dict(), {})


def load_weights(path: Path, network: nn.Module) -> None:
    """Read weights into `network`.

    Raises:
        CorruptData: The file is missing, damaged, or of another network.
    """
    tensors, _ = read_tensors(path)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CorruptData(
            f"The weights do not fit the network that config.json describes: {error}",
            where=path,
            next_step="Restore the folder from a backup, or train again.",
        ) from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write `tensors` and words `about` them as one file.

    Raises:
        StorageFull: An older file stays whole.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_atomically(path, serialise(plain, metadata=dict(about)))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `write_tensors` wrote, on the CPU.

    Raises:
        CorruptData: The file is missing or cannot be read.
    """
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CorruptData(
            f"The weights cannot be read: {error}",
            where=path,
            next_step="Restore the file from a backup, or train again.",
        ) from error


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of `optimizer` as tensors, named `<parameter>.<state>`."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give `optimizer` the state that `optimizer_tensors` took; its settings stay its own."""
    state: dict[int, dict[str, Tensor]] = {}
    for place, value in tensors.items():
        index, name = place.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
