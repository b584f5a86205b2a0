"""Policies and interrupted trainings on disk: safetensors and JSON, nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from data.errors import CorruptData, GoalpostError, unknown_name
from data.storage import write_atomically
from data.workspace import Workspace
from policy.config import PolicyConfig
from policy.q_network import QNetwork
from policy.training import Trainer

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
LINEAGE = "lineage.json"
EVALUATION = "evaluation.json"
TRAINING = "training.safetensors"


@dataclass(frozen=True, kw_only=True)
class StoredPolicy:
    """A policy as its folder describes it."""

    policy_id: str
    folder: Path
    tasks: tuple[str, ...]
    """In the order of the network's one-hot codes."""
    config: PolicyConfig
    lineage: Mapping[str, Any]
    """What it was made from: detector, tasks, strategy, episodes used, seed, from_policy."""
    evaluation: Mapping[str, Any] | None
    """How it did when it was last evaluated; None before that."""

    def network(self) -> QNetwork:
        """The network with its trained weights, in evaluation mode, on the CPU.

        Raises:
            CorruptData: The weights are missing, damaged, or of another network.
        """
        network = QNetwork(self.config, len(self.tasks))
        path = self.folder / WEIGHTS
        try:
            network.load_state_dict(_read_tensors(path))
        except RuntimeError as error:
            raise CorruptData(
                f"The weights do not fit the network that {CONFIG} describes: {error}",
                where=path,
                next_step="Restore the policy's folder from a backup, or train again.",
            ) from error
        return network.eval()


def save_policy(
    folder: Path,
    network: QNetwork,
    tasks: tuple[str, ...],
    lineage: Mapping[str, Any],
) -> StoredPolicy:
    """Write a policy; `config.json` comes last, since a folder with it is a policy.

    Raises:
        StorageFull: The disk is full; a folder without `config.json` is left and is no policy.
    """
    write_atomically(folder / WEIGHTS, save_tensors(_plain(network.state_dict())))
    _write_json(folder / LINEAGE, lineage)
    _write_json(folder / CONFIG, {"tasks": list(tasks), **network.config.to_dict()})
    return load_policy(folder)


def save_evaluation(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """Write how the policy in `folder` did, over an older evaluation."""
    _write_json(folder / EVALUATION, evaluation)


def load_policy(folder: Path) -> StoredPolicy:
    """Describe the policy in `folder`; its weights are read by `StoredPolicy.network`.

    Raises:
        CorruptData: A file is missing or cannot be read.
    """
    values = _read_json(folder / CONFIG)
    tasks = values.pop("tasks", None)
    if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
        raise CorruptData(
            "The policy's tasks are not written down.",
            where=folder / CONFIG,
            next_step="Restore the file from a backup, or train again.",
        )
    evaluated = (folder / EVALUATION).exists()
    return StoredPolicy(
        policy_id=folder.name,
        folder=folder,
        tasks=tuple(tasks),
        config=PolicyConfig.from_dict(values, where=str(folder / CONFIG)),
        lineage=_read_json(folder / LINEAGE),
        evaluation=_read_json(folder / EVALUATION) if evaluated else None,
    )


def policy_folder(workspace: Workspace, policy_id: str) -> Path:
    """The folder of a policy by its id. Raises `UnknownName` where there is none."""
    folders = _policy_folders(workspace)
    if policy_id not in folders:
        raise unknown_name(
            "policy",
            policy_id,
            folders,
            where=workspace.policies,
            next_step="Name a trained policy, or train one.",
        )
    return folders[policy_id]


def list_policies(workspace: Workspace) -> list[StoredPolicy]:
    """Every policy that can be read, the newest first; a damaged one hides no other."""
    found = []
    for folder in _policy_folders(workspace).values():
        try:
            found.append(load_policy(folder))
        except GoalpostError:
            continue
    return sorted(found, key=lambda policy: policy.policy_id, reverse=True)


def save_training(path: Path, trainer: Trainer) -> None:
    """Write everything from which `trainer` could go on, except experience and labels.

    Raises:
        StorageFull: An older checkpoint stays whole.
    """
    tensors = {f"network.{name}": value for name, value in trainer.network.state_dict().items()}
    tensors |= trainer.average.tensors()
    for index, state in trainer.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if value is not None:
                tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    tensors["counts"] = torch.tensor([trainer.updates, trainer.labellings])
    write_atomically(path, save_tensors(_plain(tensors)))


def load_training(path: Path, trainer: Trainer) -> None:
    """Let `trainer` go on from what `save_training` wrote; the train buffer fills anew.

    Raises:
        CorruptData: The file cannot be read, or is of another network.
    """
    tensors = _read_tensors(path)
    try:
        updates, labellings = tensors["counts"].tolist()
        trainer.network.load_state_dict(_under("network.", tensors))
        trainer.average.load(tensors, updates)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimizer.", tensors).items():
            index, key = name.split(".", 1)
            state.setdefault(int(index), {})[key] = value
        groups = trainer.optimizer.state_dict()["param_groups"]
        trainer.optimizer.load_state_dict({"state": state, "param_groups": groups})
    except (KeyError, RuntimeError) as error:
        raise CorruptData(
            f"The checkpoint is not of this training: {error}",
            where=path,
            next_step="Delete the file to train from the start.",
        ) from error
    trainer.updates, trainer.labellings = updates, labellings
    trainer.publish()


def _policy_folders(workspace: Workspace) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in workspace.policies.glob(f"*/{CONFIG}")}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_tensors(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise CorruptData(
            f"The weights cannot be read: {error}",
            where=path,
            next_step="Restore the file from a backup, or train again.",
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CorruptData(
            f"The file cannot be read: {error}",
            where=path,
            next_step="Restore the file from a backup, or train again.",
        ) from error
    if not isinstance(values, dict):
        raise CorruptData(
            "The file does not hold a JSON object.",
            where=path,
            next_step="Restore the file from a backup, or train again.",
        )
    return values


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(values, indent=2).encode() + b"\n")
