"""Weights and the state of an interrupted training on disk: safetensors, nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from data.errors import CorruptData
from data.storage import write_atomically
from policy.artefact import CONFIG, WEIGHTS, PolicySummary
from policy.q_network import QNetwork
from policy.training import Trainer


def save_weights(folder: Path, network: QNetwork) -> None:
    """Write the network's weights into a policy's folder. Raises `StorageFull`."""
    _write(folder / WEIGHTS, network.state_dict(), {})


def load_network(policy: PolicySummary) -> QNetwork:
    """The policy's network with its trained weights, in evaluation mode, on the CPU.

    Raises:
        CorruptData: The weights are missing, damaged, or of another network.
    """
    network = QNetwork(policy.config, len(policy.tasks))
    path = policy.folder / WEIGHTS
    tensors, _ = _read(path)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CorruptData(
            f"The weights do not fit the network that {CONFIG} describes: {error}",
            where=path,
            next_step="Restore the policy's folder from a backup, or train again.",
        ) from error
    return network.eval()


def save_training(path: Path, trainer: Trainer) -> None:
    """Write everything from which `trainer` could go on, except experience and labels.

    Random state needs no place in it: what is random in update `n` is drawn from the seed and `n`.

    Raises:
        StorageFull: An older checkpoint stays whole.
    """
    tensors = {f"network.{name}": value for name, value in trainer.network.state_dict().items()}
    tensors |= trainer.average.tensors()
    for index, state in trainer.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if value is not None:
                tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    counts = {"updates": trainer.updates, "labellings": trainer.labellings}
    _write(path, tensors, {"counts": json.dumps(counts), "training": _fingerprint(trainer)})


def load_training(path: Path, trainer: Trainer) -> None:
    """Let `trainer` go on from what `save_training` wrote; its train buffer fills anew.

    Raises:
        CorruptData: The file cannot be read, or is of a training with other settings.
    """
    tensors, about = _read(path)
    if about.get("training") != _fingerprint(trainer):
        raise CorruptData(
            "The checkpoint is of a training with other tasks or settings.",
            where=path,
            next_step="Delete the file to train from the start.",
        )
    counts = json.loads(about["counts"])
    trainer.network.load_state_dict(_below("network.", tensors))
    trainer.average.load(tensors, counts["updates"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("optimizer.", tensors).items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    groups = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": state, "param_groups": groups})
    trainer.updates, trainer.labellings = counts["updates"], counts["labellings"]
    trainer.publish()


def _fingerprint(trainer: Trainer) -> str:
    return json.dumps({"tasks": trainer.tasks, **trainer.config.to_dict()}, sort_keys=True)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _write(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> None:
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_atomically(path, serialise(plain, metadata=about))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
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
