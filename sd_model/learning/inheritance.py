"""Going on from an earlier detector: fresh labels or a new task in a fraction of the time.

The new detector begins with the earlier one's weights and finder and trains on everything, old and
new, so that nothing is forgotten; a new task's logit begins from nothing (MT-Opt, App. 8, retrains
its detector until it is reliable).
"""

from __future__ import annotations

import dataclasses

import torch

from data.errors import InvalidInput
from data.tasks.tasks import TaskSet
from sd_model.artefact import WEIGHTS, DetectorSummary
from sd_model.config import RETRAINING_SHARE, DetectorConfig
from sd_model.examples.manifest import Manifest
from sd_model.learning.network import DetectorNetwork
from sd_model.tensors import read_tensors

RATE_SHARE = 0.5
"""Peak learning rate, as a share of one from nothing: what is known shall not be shaken."""


def inherited_config(earlier: DetectorSummary) -> DetectorConfig:
    """The configuration of a training that goes on from `earlier`.

    A detector that itself went on from another keeps its share: trainings do not shrink.
    """
    config = earlier.config
    if config.steps_share < 1:
        return config
    return dataclasses.replace(
        config,
        steps=max(1, round(RETRAINING_SHARE * config.steps)),
        steps_share=RETRAINING_SHARE,
        learning_rate=RATE_SHARE * config.learning_rate,
    )


def check_inheritance(manifest: Manifest, earlier: DetectorSummary) -> None:
    """Refuse a holdout that the earlier detector has learned from.

    Raises:
        InvalidInput: A held-out robot trained `earlier`, or another seed draws other validation
            clips than it kept back.
    """
    learned = sorted(set(manifest.holdout) - set(earlier.holdout))
    if learned:
        raise InvalidInput(
            f"The detector '{earlier.detector_id}' has learned from {', '.join(learned)}, which "
            "can judge nothing that goes on from it.",
            valid=earlier.holdout or ["no robot: it held none out"],
            next_step="Hold out what it held out, or train a detector from nothing.",
        )
    if manifest.seed != earlier.seed:
        raise InvalidInput(
            f"The seed {manifest.seed} would judge by clips that the detector "
            f"'{earlier.detector_id}' has learned from.",
            valid=[str(earlier.seed)],
            next_step="Leave the seed out, or train a detector from nothing.",
        )


def inherit_weights(network: DetectorNetwork, tasks: TaskSet, earlier: DetectorSummary) -> None:
    """Give `network` the weights of `earlier`; logits go by the names of their tasks, old or new.

    Args:
        network: Of the same configuration.
        tasks: In the order of its logits.

    Raises:
        CorruptData: The earlier weights cannot be read.
    """
    stored, _ = read_tensors(earlier.folder / WEIGHTS)
    own = network.state_dict()
    last = f"join.{len(network.join) - 1}."
    for name, tensor in own.items():
        if not name.startswith(last):
            tensor.copy_(stored[name])
    with torch.no_grad():
        for row, task in enumerate(tasks):
            known = [name for name in (task.name, *task.formerly) if name in earlier.tasks.names]
            if known:
                old_row = earlier.tasks.names.index(known[0])
                for part in ("weight", "bias"):
                    # As training left it: what is published was divided by the temperature.
                    own[last + part][row] = stored[last + part][old_row] * earlier.temperature
