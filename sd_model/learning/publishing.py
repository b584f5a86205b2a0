"""Judging a trained network and laying down the detector's folder.

Shapes: N judging frames, T tasks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sd_model.artefact import CHECKPOINT, WEIGHTS, DetectorSummary, save_summary
from sd_model.config import DetectorConfig
from sd_model.examples.dataset import LabelledFrames, StoredLooks
from sd_model.examples.manifest import Manifest
from sd_model.judging.calibration import fit_temperature, tempered
from sd_model.judging.report_files import write_report
from sd_model.judging.scores import judged_examples, of_own_task, save_scores
from sd_model.judging.scoring import score_looks
from sd_model.judging.thresholds import Threshold, choose_threshold, shared_threshold
from sd_model.learning.augmentation import Preprocessing
from sd_model.learning.network import DetectorNetwork
from sd_model.tensors import save_weights

_CHUNK = 256


def publish_detector(
    network: DetectorNetwork,
    frames: LabelledFrames,
    stored: StoredLooks,
    preprocessing: Preprocessing,
    manifest: Manifest,
    config: DetectorConfig,
    folder: Path,
    seed: int,
    device: torch.device,
) -> None:
    """Score the judging frames, calibrate the network, choose thresholds, write everything;
    `config.json` comes last."""
    judging = np.flatnonzero(frames.split_F != "train")
    chunks = np.array_split(judging, range(_CHUNK, len(judging), _CHUNK))
    score_NT = np.concatenate(
        [score_looks(network, preprocessing, stored.take(each), device) for each in chunks]
    )
    temperature = _temperature(manifest, frames, judging, score_NT)
    network.divide_logits(temperature)
    score_NT = tempered(score_NT, temperature)
    thresholds = _choose_thresholds(frames, judging, score_NT, manifest, config)
    score_of = _by_frame(frames, judging, score_NT)
    values = {task: chosen.value for task, chosen in thresholds.items()}
    save_weights(folder / WEIGHTS, network)
    save_scores(folder, judged_examples(manifest, score_of, values))
    summary = DetectorSummary(
        detector_id=folder.name,
        folder=folder,
        tasks=manifest.tasks,
        holdout=manifest.holdout,
        created_at_ns=manifest.created_at_ns,
        config=config,
        thresholds=thresholds,
        seed=seed,
        manifest_digest=manifest.digest,
        temperature=temperature,
    )
    write_report(summary, manifest)
    save_summary(summary)
    (folder / CHECKPOINT).unlink(missing_ok=True)


def _temperature(
    manifest: Manifest,
    frames: LabelledFrames,
    judging: NDArray[np.intp],
    score_NT: NDArray[np.float32],
) -> float:
    """Chosen on validation frames and the tasks they show: the others' easy failures flatter."""
    anyhow = dict.fromkeys(manifest.tasks.names, 0.5)
    judged = judged_examples(manifest, _by_frame(frames, judging, score_NT), anyhow)
    judged = judged[(judged["split"] == "validation") & of_own_task(judged)]
    success_N = (judged["outcome"] == "success").to_numpy()
    return fit_temperature(judged["score"].to_numpy(), success_N)


def _by_frame(
    frames: LabelledFrames, judging: NDArray[np.intp], score_NT: NDArray[np.float32]
) -> dict[tuple[str, int], NDArray[np.float32]]:
    return {
        (frames.refs[frame].episode_id, frames.refs[frame].frame_index): score_T
        for frame, score_T in zip(judging, score_NT, strict=True)
    }


def _choose_thresholds(
    frames: LabelledFrames,
    judging: NDArray[np.intp],
    score_NT: NDArray[np.float32],
    manifest: Manifest,
    config: DetectorConfig,
) -> dict[str, Threshold]:
    """Thresholds on validation frames alone: the holdout only judges them."""
    validation_N = frames.split_F[judging] == "validation"
    episode_N = np.array([frames.refs[frame].episode_id for frame in judging])
    outcome_NT = frames.outcome_FT[judging]
    known_TN = (validation_N[:, None] & (outcome_NT >= 0)).T
    judged = [
        (score_NT[known_N, column], outcome_NT[known_N, column] == 1)
        for column, known_N in enumerate(known_TN)
    ]
    shared = shared_threshold(judged, false_positive_cost=config.false_positive_cost)
    thresholds = {}
    for task, known_N, (score_N, success_N) in zip(
        manifest.tasks.names, known_TN, judged, strict=True
    ):
        thresholds[task] = choose_threshold(
            score_N,
            success_N,
            episode_N[known_N],
            shared=shared,
            false_positive_rate=config.false_positive_rate,
            confidence=config.confidence,
        )
    return thresholds
