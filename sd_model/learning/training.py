"""Training a detector: the loop, its checkpoints, and what it leaves in the folder.

What is random in update `n` is drawn from the seed and `n` alone, so a killed run that goes on from
its checkpoint ends with the very weights of one that was never killed.

Shapes: B frames, V views, H and W pixels, C channels, T tasks.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.cells.robots import load_robots
from data.episodes.frames import CAMERAS
from data.labels.sightings import read_sightings
from data.workspace import Workspace
from sd_model.artefact import CHECKPOINT, FINDER, MANIFEST, DetectorSummary
from sd_model.config import DetectorConfig, config_values
from sd_model.device import chosen_device
from sd_model.examples.dataset import (
    LabelledFrames,
    StoredLooks,
    mark_positions,
    training_frames,
)
from sd_model.examples.manifest import Manifest
from sd_model.examples.sighted import Sighted, sighted_frames
from sd_model.judging.detector import Detector
from sd_model.learning.augmentation import Preprocessing, to_tensors
from sd_model.learning.batches import Batch, Batches
from sd_model.learning.checkpoint import load_training, save_training
from sd_model.learning.inheritance import check_inheritance, inherit_weights
from sd_model.learning.losses import jaws_cross_entropy, masked_cross_entropy
from sd_model.learning.network import DetectorNetwork, build_network
from sd_model.learning.normalisation import estimate_statistics
from sd_model.learning.publishing import publish_detector
from sd_model.looking.finder import Finder
from sd_model.looking.finding import FEWEST_FRAMES, train_finder
from sd_model.tensors import read_tensors

_FINDER_BATCH = 12
_STATISTICS = 40
"""Batches from which the averaged network's statistics are estimated."""
_DECODING = 0.1
"""Share of the progress bar that decoding takes; judging takes as much at the end."""


class Reporter(Protocol):
    """Where training says how far it is (`data.runs.runs.RunReporter` is one)."""

    def progress(self, fraction: float, message: str) -> None:
        """Say how much is done, 0 to 1; may raise to stop the training."""

    def metrics(self, step: int, **values: float) -> None:
        """Record numbers of one update."""


def train(
    manifest: Manifest,
    config: DetectorConfig,
    folder: Path,
    *,
    workspace: Workspace,
    report: Reporter,
    seed: int,
    device: str | torch.device,
    earlier: DetectorSummary | None = None,
) -> Detector:
    """Train a detector on the training rows of `manifest` and judge it on the others.

    Leaves in `folder` the weights, thresholds, scores, report and, last, `config.json`. Where
    `folder` has a checkpoint of the same manifest, configuration and seed, goes on from it.

    Args:
        earlier: The detector whose weights and finder are gone on from; None: from nothing.

    Raises:
        InvalidInput: A frame of a holdout robot, or of a group that judges, would reach training;
            a frame lacks a camera.
        CorruptData: A frame or the checkpoint cannot be read.
        StorageFull: The disk is full; the last checkpoint is kept.
        ConfigurationError: This machine does not have the device.
    """
    where = chosen_device(device)
    if earlier is not None:
        check_inheritance(manifest, earlier)
    frames = LabelledFrames.of(manifest)
    training_indices = training_frames(frames, manifest.holdout)
    if not (folder / MANIFEST).exists():
        manifest.save(folder / MANIFEST)
    stored = StoredLooks(
        frames,
        config,
        workspace,
        lambda share, message: report.progress(_DECODING * share, message),
    )
    position_FMV2 = mark_positions(frames, stored.tips, load_robots(workspace))
    sighted = sighted_frames(read_sightings(workspace), manifest, config, workspace)
    if earlier is None:
        known_NMV2 = np.concatenate([position_FMV2[training_indices], sighted.position_NMV2])
        config = possible_looks(config, known_NMV2, report)
    finder = None
    if config.cut_px:
        finder = open_finder(
            frames, training_indices, position_FMV2[training_indices], stored, sighted,
            config, folder, report=report, seed=seed, device=where,
            fingerprint=_fingerprint(manifest, config, seed), earlier=earlier,
        )  # fmt: skip
    preprocessing = Preprocessing(config, finder)
    if config.cut_px:
        finder_id = hashlib.sha256((folder / FINDER).read_bytes()).hexdigest()
        stored.look_closely(preprocessing, finder_id)
    batches = Batches(
        frames, training_indices, stored, preprocessing,
        batch_size=config.batch_size, own_share=config.own_share, seed=seed,
    )  # fmt: skip
    balance_2T = batches.sampler.balance_weights(frames.outcome_FT[training_indices])
    average = _fit(batches, balance_2T, manifest, config, folder, report, seed, where, earlier)
    report.progress(1 - _DECODING, "Judging the holdout")
    publish_detector(average, frames, stored, preprocessing, manifest, config, folder, seed, where)
    report.progress(1.0, "Done")
    return Detector.load(folder, device=where)


def possible_looks(
    config: DetectorConfig, position_FMV2: NDArray[np.float32], report: Reporter
) -> DetectorConfig:
    """`config` without the looks that cannot be learned: too few frames say where to look.

    Args:
        position_FMV2: Gripper and place in the views of the frames to learn from; NaN: unknown.
    """
    gripper, place = np.isfinite(position_FMV2).any(axis=(2, 3)).sum(axis=0)
    if config.cut_px and gripper < FEWEST_FRAMES:
        report.progress(_DECODING, "No frame says where its gripper is: no second look")
        return dataclasses.replace(config, cut_px=0, place_px=0)
    if config.place_px and place < FEWEST_FRAMES:
        report.progress(_DECODING, "No robot says where objects are put down: no look there")
        return dataclasses.replace(config, place_px=0)
    return config


def open_finder(
    frames: LabelledFrames,
    training_indices: NDArray[np.intp],
    position_FMV2: NDArray[np.float32],
    stored: StoredLooks,
    sighted: Sighted,
    config: DetectorConfig,
    folder: Path,
    *,
    report: Reporter,
    seed: int,
    device: torch.device,
    fingerprint: str,
    earlier: DetectorSummary | None,
) -> Finder:
    """The finder of the detector in `folder`: that of this very training, the earlier detector's,
    or a new one.

    Args:
        position_FMV2: The marks in the views of the training frames; NaN: unknown.
        sighted: Frames in which people pointed at them.
    """
    fingerprint += hashlib.sha256(sighted.position_NMV2.tobytes()).hexdigest()
    path = folder / FINDER
    if path.exists() and read_tensors(path)[1].get("fingerprint") == fingerprint:
        return Finder.load(path, marks=config.marks, device=device)
    if earlier is not None:
        finder = Finder.load(earlier.folder / FINDER, marks=config.marks, device=device)
        finder.save(path, {"fingerprint": fingerprint})
        return finder
    known = np.isfinite(position_FMV2[:, : config.marks]).any(axis=(1, 2, 3))
    chosen = training_indices[known]
    whole_NVHWC = stored.whole(chosen)
    if len(sighted.robot_N):  # joining copies
        whole_NVHWC = np.concatenate([whole_NVHWC, sighted.whole_NVHWC])
    position_NMV2 = np.concatenate([position_FMV2[known], sighted.position_NMV2])
    finder = train_finder(
        whole_NVHWC,
        position_NMV2[:, : config.marks],
        np.concatenate([frames.robot_F[chosen], sighted.robot_N]),
        updates=config.finder_updates,
        batch_size=_FINDER_BATCH,
        seed=seed,
        device=device,
        progress=lambda share, message: report.progress(_DECODING, message),
    )
    finder.save(path, {"fingerprint": fingerprint})
    return finder


def learning_rate(step: int, config: DetectorConfig) -> float:
    """The rate of update `step` (from 0): a linear rise, then a cosine that ends near 0."""
    warmup = max(1, round(config.warmup_share * config.steps))
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, config.steps - warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@torch.no_grad()
def update_average(average: DetectorNetwork, network: DetectorNetwork, decay: float) -> None:
    """Move the averaged weights towards the network's; statistics of the inputs are copied."""
    for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)
    for kept, statistic in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(statistic)


def _fit(
    batches: Batches,
    balance_2T: NDArray[np.float32],
    manifest: Manifest,
    config: DetectorConfig,
    folder: Path,
    report: Reporter,
    seed: int,
    device: torch.device,
    earlier: DetectorSummary | None,
) -> DetectorNetwork:
    """The averaged network after `config.steps` updates."""
    weight_2T = torch.from_numpy(balance_2T).to(device)
    network = build_network(config, len(manifest.tasks), seed=seed, device=device)
    if earlier is not None:
        inherit_weights(network, manifest.tasks, earlier)
    average = copy.deepcopy(network).eval()
    optimizer = _optimizer(network, config)
    checkpoint = folder / CHECKPOINT
    fingerprint = _fingerprint(manifest, config, seed)
    first = load_training(
        checkpoint,
        fingerprint=fingerprint,
        network=network,
        average=average,
        optimizer=optimizer,
    )

    network.train()
    losses: list[float] = []
    began = time.monotonic()
    with ThreadPoolExecutor(1, thread_name_prefix="augmentation") as ahead:
        waiting = ahead.submit(batches.draw, first)
        for step in range(first, config.steps):
            batch = waiting.result()
            waiting = ahead.submit(batches.draw, min(step + 1, config.steps - 1))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, config)
            losses.append(_update(network, optimizer, batch, weight_2T, config, device))
            done = step + 1
            # A shorter average at first, which forgets the initial weights.
            update_average(average, network, min(config.ema_decay, done / (done + 10)))
            if done % config.report_every == 0 or done == config.steps:
                mean_loss = float(np.mean(losses))
                frames_per_s = len(losses) * config.batch_size / (time.monotonic() - began)
                report.metrics(
                    done,
                    loss=mean_loss,
                    learning_rate=learning_rate(step, config),
                    images_per_s=frames_per_s * len(CAMERAS),
                )
                report.progress(
                    _DECODING + (1 - 2 * _DECODING) * done / config.steps,
                    f"Update {done} of {config.steps}, loss {mean_loss:.3f}",
                )
                losses, began = [], time.monotonic()
            if done % config.checkpoint_every == 0 and done < config.steps:
                save_training(
                    checkpoint,
                    step=done,
                    fingerprint=fingerprint,
                    network=network,
                    average=average,
                    optimizer=optimizer,
                )
    estimate_statistics(
        average,
        (to_tensors(batches.draw(config.steps + n).looks, device) for n in range(_STATISTICS)),
    )
    return average


def _update(
    network: DetectorNetwork,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    weight_2T: Tensor,
    config: DetectorConfig,
    device: torch.device,
) -> float:
    # bf16 and channels-last train convolutions three times as fast on the CPUs we measured.
    looks = to_tensors(batch.looks, device)
    jaws_B = None
    with torch.autocast(device.type, dtype=torch.bfloat16):
        if config.tells_jaws:
            logits_BT, jaws_B = network.with_jaws(*looks)
        else:
            logits_BT = network(*looks)
    loss = masked_cross_entropy(
        logits_BT,
        torch.from_numpy(batch.outcome_BT).to(device),
        weight_2T,
        label_smoothing=config.label_smoothing,
    )
    value = loss.item()
    if jaws_B is not None:
        closed_B = torch.from_numpy(batch.closed_B).to(device)
        loss = loss + config.jaws_weight * jaws_cross_entropy(jaws_B, closed_B)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    return value


def _optimizer(network: DetectorNetwork, config: DetectorConfig) -> torch.optim.AdamW:
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
    )


def _fingerprint(manifest: Manifest, config: DetectorConfig, seed: int) -> str:
    content = json.dumps([manifest.digest, config_values(config), seed])
    return hashlib.sha256(content.encode()).hexdigest()
