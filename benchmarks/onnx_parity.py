"""How far ONNX files of a trained detector and a trained policy are from torch, on stored frames.

    python -m benchmarks.onnx_parity --workspace FOLDER --detector ID --policy ID

The detector judges the terminal frames of a dozen episodes of each robot, the policy the first
candidate actions of its search in a frame amid each of them; both with onnxruntime on the CPU, in
batches of several sizes, beside torch in float32. Only files of the workspace are read.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from benchmarks.provenance import provenance
from data.cells.calibration import projections_of
from data.cells.robots import load_robots
from data.episodes.episodes import Episode
from data.episodes.frames import CAMERAS, decode_jpeg
from data.episodes.shards import stream_shard
from data.workspace import Workspace, open_workspace
from policy.acting.onnx_export import INPUTS, Judging, export_policy
from policy.artefact import load_summary as load_policy
from policy.artefact import policy_folder
from policy.experience.sight import see_frame
from policy.experience.trajectory import POLICY_CAMERA
from policy.learning import cem
from policy.learning.checkpoint import load_network
from sd_model.artefact import FINDER, detector_folder
from sd_model.artefact import load_summary as load_detector
from sd_model.judging.detector import Detector
from sd_model.learning.augmentation import Preprocessing
from sd_model.looking.finder import Finder
from sd_model.serving.onnx_export import export_detector

RESULTS = Path(__file__).parent / "results" / "onnx_parity.json"
BATCHES = (1, 3, 16)
"""Sizes of the batches that onnxruntime is given, in turn."""


def robot_episodes(workspace: Workspace) -> Iterator[Episode]:
    """Robots' episodes with all views at the end, shard by shard of every robot in turn."""
    shards = [sorted(folder.rglob("*.parquet")) for folder in sorted(workspace.episodes.iterdir())]
    for path in (of_robot[0] for of_robot in shards if of_robot):
        for episode in islice(stream_shard(path), 12):
            if episode.info.kind == "robot" and set(CAMERAS) <= set(episode.steps[-1].frames.jpegs):
                yield episode


def session_of(path: Path) -> Any:
    """A session on the CPU."""
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def in_batches(session: Any, given: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """What the session says of all of it, in batches of `BATCHES` in turn."""
    found, start, turn = [], 0, 0
    while start < len(next(iter(given.values()))):
        stop = start + BATCHES[turn % len(BATCHES)]
        found += session.run(None, {name: value[start:stop] for name, value in given.items()})
        start, turn = stop, turn + 1
    return np.concatenate(found)


def detector_parity(folder: Path, onnx: Path, episodes: Sequence[Episode]) -> dict[str, Any]:
    """Of the probabilities and of where the finder finds its marks."""
    frames = [episode.steps[-1].frames.decode().images for episode in episodes]
    files = export_detector(folder, onnx)
    config = load_detector(folder).config
    finder = Finder.load(folder / FINDER, marks=config.marks) if config.cut_px else None
    looks = Preprocessing(config, finder).keep(frames)
    judging = session_of(files[0])
    names = [each.name for each in judging.get_inputs()]
    score_NT = Detector.load(folder, device="cpu").score(frames)
    given = dict(zip(names, looks, strict=False))
    found: dict[str, Any] = {
        "frame_sets": len(frames),
        "probabilities": score_NT.size,
        "largest_difference": float(np.abs(in_batches(judging, given) - score_NT).max()),
    }
    if finder is not None:
        position_NMV2 = in_batches(session_of(files[1]), {"views": looks.whole_NVHWC})
        away = np.abs(position_NMV2 - finder.find(looks.whole_NVHWC)).max()
        found["largest_difference_of_positions"] = float(away)
    return found


def policy_parity(
    folder: Path, onnx: Path, episodes: Sequence[Episode], workspace: Workspace
) -> dict[str, Any]:
    """Of the values of the search's first candidates, in a frame amid each episode."""
    summary = load_policy(folder)
    config, robots = summary.config, load_robots(workspace)
    images, states = [], []
    for episode in episodes:
        step = episode.steps[len(episode.steps) // 2]
        if step.frames.gripper is None:
            continue
        projection_34 = projections_of(robots[episode.info.robot])[POLICY_CAMERA]
        image_HWC = decode_jpeg(step.frames.jpegs[POLICY_CAMERA])
        seen_HWC, state_S = see_frame(image_HWC, step.frames.gripper, projection_34, config)
        images.append(seen_HWC)
        states.append(state_S)
    state_BS = np.stack(states).astype(np.float32)
    generator = torch.Generator().manual_seed(1)
    poses_BNP = cem.first_poses(len(images), config.cem_samples, generator, torch.device("cpu"))
    rest_BKA = cem.commands(torch.from_numpy(state_BS[:, 0]), config)
    action_BNA = torch.cat([cem.motions(poses_BNP), rest_BKA], dim=1).numpy()
    task_B = np.arange(len(images)) % len(summary.tasks)
    values = (np.stack(images), action_BNA, state_BS, task_B)
    with torch.inference_mode():
        judging = Judging(load_network(summary))
        value_BN = judging(*(torch.from_numpy(each) for each in values)).numpy()
    session = session_of(export_policy(folder, onnx)[0])
    onnx_BN = in_batches(session, dict(zip(INPUTS, values, strict=True)))
    return {
        "states": len(images),
        "values": value_BN.size,
        "largest_difference": float(np.abs(onnx_BN - value_BN).max()),
        "same_best_action": int((onnx_BN.argmax(1) == value_BN.argmax(1)).sum()),
    }


@click.command()
@click.option("--workspace", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--detector", required=True)
@click.option("--policy", required=True)
def main(workspace: Path, detector: str, policy: str) -> None:
    """Export both, compare, and write the largest differences."""
    opened = open_workspace(workspace, create=False)
    episodes = list(robot_episodes(opened))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export and onnxscript speak of their own insides
        found = {
            "detector": detector_parity(
                detector_folder(opened, detector), Path(folder) / "detector", episodes
            ),
            "policy": policy_parity(
                policy_folder(opened, policy), Path(folder) / "policy", episodes, opened
            ),
            **provenance(),
        }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(RESULTS.read_text())


if __name__ == "__main__":
    main()
