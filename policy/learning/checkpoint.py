"""A policy's weights, and the state of an interrupted training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from data.errors import CorruptData
from policy.artefact import SINCE, WEIGHTS, PolicySummary
from policy.experience.trajectory import Trajectory, gather_transitions
from policy.learning.networks import Network, make_network
from policy.learning.train_buffer import Labelled
from policy.learning.training import Trainer
from sd_model import tensors

_OF_LABELS = ("task_B", "success_B", "target_B", "version_B", "source_B2")
"""What a checkpoint holds of labels; images, states and actions are found again in replay."""


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


def save_training(path: Path, trainer: Trainer, replayed: Sequence[Trajectory] = ()) -> None:
    """Write everything from which `trainer` could go on.

    Random state needs no place in it: what is random in update `n` is drawn from the seed and `n`.
    Of labels only what replay does not hold is written, and of replay the order of its episodes.

    Args:
        path: Of the file.
        trainer: What is to go on.
        replayed: By number, where its labels come from; without it they are made anew.

    Raises:
        StorageFull: An older checkpoint stays whole.
    """
    state = {f"network.{name}": value for name, value in trainer.network.state_dict().items()}
    state |= trainer.average.tensors()
    for copy in ("average", "lagged"):
        weights = getattr(trainer.copies, copy).state_dict()
        state |= {f"copies.{copy}.{name}": value for name, value in weights.items()}
    optimizer = tensors.optimizer_tensors(trainer.optimizer)
    state |= {f"optimizer.{name}": value for name, value in optimizer.items()}
    labels = trainer.buffer.held()
    if labels is not None and replayed:
        state |= {f"labels.{name}": torch.from_numpy(getattr(labels, name)) for name in _OF_LABELS}
    counts = {
        "updates": trainer.updates,
        "labellings": trainer.labellings,
        "restarted_at": trainer.restarted_at,
        "labels_dropped": trainer.buffer.dropped,
        "version": trainer.copies.version,
    }
    about = {
        "counts": json.dumps(counts),
        "training": _fingerprint(trainer),
        "replayed": json.dumps([trajectory.episode_id for trajectory in replayed]),
    }
    tensors.write_tensors(path, state, about)


def replayed_episodes(path: Path) -> list[str] | None:
    """The episodes that were in replay, in the order in which they came into it.

    None without a checkpoint, or where an older one does not say. Raises `CorruptData`.
    """
    if not path.exists():
        return None
    _, about = tensors.read_tensors(path)
    episodes: list[str] = json.loads(about.get("replayed", "[]"))
    return episodes or None


def load_training(path: Path, trainer: Trainer, replayed: Sequence[Trajectory] = ()) -> None:
    """Let `trainer` go on from what `save_training` wrote, with the same next update.

    Args:
        path: Of the file.
        trainer: Of the same tasks and settings; has made no update.
        replayed: By number. Where these are other episodes than the checkpoint's, since some are
            gone, labels are made anew.

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
    if "version" not in counts:  # written before target copies and labels were
        return
    trainer.copies = trainer.copies._replace(version=counts["version"])
    for copy in ("average", "lagged"):
        weights = tensors.below(f"copies.{copy}.", state)
        getattr(trainer.copies, copy).load_state_dict(weights)
    trainer.buffer.dropped = counts["labels_dropped"]
    if json.loads(about["replayed"]) == [trajectory.episode_id for trajectory in replayed]:
        columns = {n: v.numpy() for n, v in tensors.below("labels.", state).items()}
        for labelled in _labels(columns, replayed, trainer.config.label_batch_size):
            trainer.buffer.add(labelled)


def _labels(
    columns: Mapping[str, NDArray[Any]], replayed: Sequence[Trajectory], at_a_time: int
) -> Iterator[Labelled]:
    """The labels in the columns of a checkpoint, with what replay shows of them."""
    for start in range(0, len(columns.get("target_B", ())), at_a_time):
        some = {name: column[start : start + at_a_time] for name, column in columns.items()}
        number_B, step_B = some["source_B2"].T
        seen = gather_transitions(
            [replayed[number] for number in number_B.tolist()],
            step_B,
            some["task_B"],
            some["success_B"],
        )
        yield Labelled(
            image_BHWC=seen.image_BHWC, state_BS=seen.state_BS, action_BA=seen.action_BA, **some
        )


def _fingerprint(trainer: Trainer) -> str:
    return json.dumps({"tasks": trainer.tasks, **trainer.config.to_dict()}, sort_keys=True)
