"""Getting to know a robot: the network's batch statistics, estimated on that robot's own pictures.

Robots differ in light, table and arm, which shifts and scales every feature map; statistics of all
training robots together fit none of them, and one that was never seen least. Taking them from a
robot's own frames needs no label and no training (Li et al. 2016, adaptive batch normalisation).

Differs: MT-Opt's detector has one set of statistics for all robots.

Shapes: F frames.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sd_model.config import DetectorConfig
from sd_model.examples.dataset import LabelledFrames, StoredLooks
from sd_model.learning.augmentation import Preprocessing, to_tensors
from sd_model.learning.network import DetectorNetwork
from sd_model.learning.normalisation import estimate_statistics
from sd_model.tensors import read_tensors, write_tensors

Statistics = Mapping[str, Tensor]
"""The running mean and variance of every batch normalisation, by the name of its buffer."""

FEWEST_FRAMES = 32
"""A robot with fewer is looked at as robots in general are."""
_BATCH = 64
_SEPARATOR = "/"
"""Between robot and buffer in the file; no robot's name has it."""


def acquaint(
    network: DetectorNetwork,
    frames: LabelledFrames,
    stored: StoredLooks,
    preprocessing: Preprocessing,
    config: DetectorConfig,
    *,
    seed: int,
    device: torch.device,
) -> dict[str, Statistics]:
    """The statistics of each robot with enough frames; none where `config.robot_frames` is 0.

    Only pictures are looked at, never what was said of them: so held-out robots are met, too, as
    any robot is that has recorded something.
    """
    generator = np.random.default_rng(seed)
    found: dict[str, Statistics] = {}
    for robot in np.unique(frames.robot_F):
        own_F = generator.permutation(np.flatnonzero(frames.robot_F == robot))
        own_F = own_F[: config.robot_frames]
        if len(own_F) < FEWEST_FRAMES:
            continue
        met = copy.deepcopy(network)
        batches = np.array_split(own_F, -(-len(own_F) // _BATCH))
        estimate_statistics(
            met,
            (to_tensors(preprocessing.centre(stored.take(batch)), device) for batch in batches),
        )
        found[str(robot)] = statistics_of(met)
    return found


def statistics_of(network: nn.Module) -> Statistics:
    """What the network normalises by."""
    return {
        f"{name}.{kind}": getattr(module, kind).clone()
        for name, module in network.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for kind in ("running_mean", "running_var")
    }


def with_statistics(network: DetectorNetwork, statistics: Statistics) -> DetectorNetwork:
    """A copy of `network` that normalises by `statistics`."""
    met = copy.deepcopy(network)
    buffers = dict(met.named_buffers())
    for name, value in statistics.items():
        buffers[name].copy_(value)
    return met.eval()


def save_acquaintances(path: Path, statistics_of_robot: Mapping[str, Statistics]) -> None:
    """Write what `acquaint` found. Raises `StorageFull`."""
    tensors = {
        f"{robot}{_SEPARATOR}{name}": value
        for robot, statistics in statistics_of_robot.items()
        for name, value in statistics.items()
    }
    write_tensors(path, tensors, {"robots": str(len(statistics_of_robot))})


def load_acquaintances(path: Path) -> Mapping[str, Statistics]:
    """What `save_acquaintances` wrote, by robot. Raises `CorruptData`."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, value in read_tensors(path)[0].items():
        robot, buffer = name.split(_SEPARATOR, 1)
        found.setdefault(robot, {})[buffer] = value
    return found
