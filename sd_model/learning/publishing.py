"""Judging a trained network and laying down the detector's folder.

Shapes: N judging frames, T tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sd_model.artefact import CHECKPOINT, ROBOTS, WEIGHTS, DetectorSummary, save_summary
from sd_model.config import DetectorConfig
from sd_model.examples.dataset import LabelledFrames, StoredLooks
from sd_model.examples.manifest import Manifest
from sd_model.judging.calibration import fit_temperature, tempered
from sd_model.judging.report_files import write_report
from sd_model.judging.scores import judged_examples, of_own_task, save_scores
from sd_model.judging.scoring import score_looks
from sd_model.judging.thresholds import Threshold, choose_threshold, shared_threshold
from sd_model.learning.acquaintance import (
    Statistics,
    acquaint,
    save_acquaintances,
    with_statistics,
)
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
    """Get to know the robots, score the judging frames, calibrate the network, choose thresholds,
    write everything; `config.json` comes last."""
    judging = np.flatnonzero(frames.split_F != "train")
    met = acquaint(network, frames, stored, preprocessing, config, seed=seed, device=device)
    score_NT = _scored(network, met, frames, judging, stored, preprocessing, device)
    undecided = dict.fromkeys(manifest.tasks.names, 0.5)
    judged = judged_examples(manifest, _by_frame(frames, judging, score_NT), undecided)
    validation = judged[judged["split"] == "validation"]
    temperature = _temperature(validation)
    network.divide_logits(temperature)
    score_NT = tempered(score_NT, temperature)
    validation = validation.assign(score=tempered(validation["score"].to_numpy(), temperature))
    thresholds = choose_thresholds(validation, manifest.tasks.names, config)
    score_of = _by_frame(frames, judging, score_NT)
    values = {task: chosen.value for task, chosen in thresholds.items()}
    save_weights(folder / WEIGHTS, network)
    if config.robot_frames:
        save_acquaintances(folder / ROBOTS, met)
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


def _scored(
    network: DetectorNetwork,
    met: Mapping[str, Statistics],
    frames: LabelledFrames,
    judging: NDArray[np.intp],
    stored: StoredLooks,
    preprocessing: Preprocessing,
    device: torch.device,
) -> NDArray[np.float32]:
    """Probabilities of success on the judging frames, (N, T), each robot seen as it was met."""
    score_NT = np.empty((len(judging), network.task_count), dtype=np.float32)
    for robot in np.unique(frames.robot_F[judging]):
        own = np.flatnonzero(frames.robot_F[judging] == robot)
        judge = with_statistics(network, met[robot]) if robot in met else network
        for start in range(0, len(own), _CHUNK):
            rows = own[start : start + _CHUNK]
            looks = stored.take(judging[rows])
            score_NT[rows] = score_looks(judge, preprocessing, looks, device)
    return score_NT


def _temperature(validation: pd.DataFrame) -> float:
    """Chosen on the tasks that the frames show: the others' easy failures would flatter."""
    own = validation[of_own_task(validation)]
    return fit_temperature(own["score"].to_numpy(), (own["outcome"] == "success").to_numpy())


def _by_frame(
    frames: LabelledFrames, judging: NDArray[np.intp], score_NT: NDArray[np.float32]
) -> dict[tuple[str, int], NDArray[np.float32]]:
    return {
        (frames.refs[frame].episode_id, frames.refs[frame].frame_index): score_T
        for frame, score_T in zip(judging, score_NT, strict=True)
    }


def choose_thresholds(
    validation: pd.DataFrame, tasks: Sequence[str], config: DetectorConfig
) -> dict[str, Threshold]:
    """Thresholds on validation frames alone: the holdout only judges them.

    Failures are those of frames that show the task itself, where there are any: among the many
    easy failures that other tasks' frames are, near misses would not count.

    Args:
        validation: Rows of `judging.scores` whose scores are final.
        tasks: Names of the detector's tasks.
    """
    rows_of = {task: _telling(validation[validation["task"] == task]) for task in tasks}
    judged = {
        task: (rows["score"].to_numpy(np.float32), (rows["outcome"] == "success").to_numpy())
        for task, rows in rows_of.items()
    }
    shared = shared_threshold(list(judged.values()), false_positive_cost=config.false_positive_cost)
    return {
        task: choose_threshold(
            *judged[task],
            rows["episode_id"].to_numpy(np.str_),
            shared=shared,
            false_positive_rate=config.false_positive_rate,
            confidence=config.confidence,
        )
        for task, rows in rows_of.items()
    }


def _telling(rows: pd.DataFrame) -> pd.DataFrame:
    success_N = (rows["outcome"] == "success").to_numpy()
    own_N = of_own_task(rows)
    return rows[own_N | success_N] if (own_N & ~success_N).any() else rows
