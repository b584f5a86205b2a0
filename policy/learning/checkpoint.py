"""A policy's weights, and the state of an interrupted training."""

from __future__ import annotations

import json
from pathlib import Path

from data.errors import CorruptData
from policy.artefact import SINCE, WEIGHTS, PolicySummary
from policy.learning.networks import Network, make_network
from policy.learning.training import Trainer
from sd_model import tensors


def save_weights(folder: Path, network: Network) -> None:
    """Write the network's weights into a policy's folder. Raises `StorageFull`."""
    tensors.save_weights(folder / WEIGHTS, network)


def load_network(policy: PolicySummary) -> Network:
    """The policy's network with its trained weights, in evaluation mode, on the CPU.

    Raises:
        CorruptData: The weights are missing, damaged, or of another network.
    """
    network = make_network(policy.config, len(policy.tasks))
    tensors.load_weights(policy.folder / WEIGHTS, network)
    return network.eval()


def save_training(path: Path, trainer: Trainer) -> None:
    """Write everything from which `trainer` could go on, except experience and labels.

    Random state needs no place in it: what is random in update `n` is drawn from the seed and `n`.

    Raises:
        StorageFull: An older checkpoint stays whole.
    """
    state = {f"network.{name}": value for name, value in trainer.network.state_dict().items()}
    state |= trainer.average.tensors()
    optimizer = tensors.optimizer_tensors(trainer.optimizer)
    state |= {f"optimizer.{name}": value for name, value in optimizer.items()}
    counts = {
        "updates": trainer.updates,
        "labellings": trainer.labellings,
        "restarted_at": trainer.restarted_at,
    }
    about = {"counts": json.dumps(counts), "training": _fingerprint(trainer)}
    tensors.write_tensors(path, state, about)


def load_training(path: Path, trainer: Trainer) -> None:
    """Let `trainer` go on from what `save_training` wrote; its train buffer fills anew.

    Raises:
        CorruptData: The file cannot be read, or is of a training with other settings.
    """
    state, about = tensors.read_tensors(path)
    if {**SINCE, **json.loads(about.get("training", "{}"))} != json.loads(_fingerprint(trainer)):
        raise CorruptData(
            "The checkpoint is of a training with other tasks or settings.",
            where=path,
            next_step="Delete the file to train from the start.",
        )
    counts = json.loads(about["counts"])
    trainer.network.load_state_dict(tensors.below("network.", state))
    trainer.average.load(state, counts["updates"] - counts["restarted_at"])
    tensors.restore_optimizer(trainer.optimizer, tensors.below("optimizer.", state))
    trainer.updates, trainer.labellings = counts["updates"], counts["labellings"]
    trainer.restarted_at = counts["restarted_at"]
    trainer.publish()


def _fingerprint(trainer: Trainer) -> str:
    return json.dumps({"tasks": trainer.tasks, **trainer.config.to_dict()}, sort_keys=True)
