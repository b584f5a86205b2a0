"""How a detector judges robots whose labels it never learned: each of the fleet is left out of one.

    python -m benchmarks.detector_workspace --workspace FOLDER
    python -m benchmarks.detector_quality --workspace FOLDER

Trains one detector for each held-out robot, or for several that are held out together (`--holdout
robot-1,robot-5`: fewer to learn from, fewer trainings), and judges it there, per labelled image, at
the chosen thresholds and at 0.5; also at thresholds chosen on the other robots as strangers (each
judged by the detector that left it out), with decisions settled against the relations of the tasks,
and as if the detector had never met the robot (`unmet`: without statistics of its pictures). The
commanded (or shown) task of a frame gives its false negatives and positives; of every other task
whose outcome is known, the other-task rates, as in MT-Opt's Table 3. Each rate is the mean over
the tasks; intervals are bootstrapped over clips and episodes. An arm that is done is not done
again. Prints a table beside the paper's and writes benchmarks/results/detector_quality.json.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.detector_rates import RATES, judge, strangers, unmet
from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog
from data.cells.robots import SIMULATED_FLEET
from data.storage import write_atomically
from data.tasks.store import load_tasks
from data.workspace import Workspace, open_workspace
from sd_model.artefact import FINDER, MANIFEST, WEIGHTS, load_summary
from sd_model.config import load_recipe
from sd_model.examples.dataset import LabelledFrames, StoredLooks
from sd_model.examples.gathering import build_manifest
from sd_model.examples.manifest import Manifest
from sd_model.learning.augmentation import Preprocessing
from sd_model.learning.network import build_network
from sd_model.learning.publishing import publish_detector
from sd_model.learning.training import train
from sd_model.looking.finder import Finder
from sd_model.tensors import load_weights

RESULT = Path(__file__).parent / "results" / "detector_quality.json"
PAPER = {"fn": 0.032, "fp": 0.0075, "other_fn": 0.008, "other_fp": 0.0275}


class _Told:
    """Says on one line how far a training is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told_s = 0.0

    def progress(self, fraction: float, message: str) -> None:
        if time.monotonic() - self._told_s > 30:
            self._told_s = time.monotonic()
            click.echo(f"{time.strftime('%H:%M:%S')} {self._name} {fraction:4.0%} {message}")

    def metrics(self, step: int, **values: float) -> None:
        pass


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path), required=True)
@click.option(
    "--holdout", "holdouts", multiple=True,
    help="Robots to leave out, several at once joined by commas; default: each by itself.",
)  # fmt: skip
@click.option("--recipe", default="cpu", show_default=True)
@click.option("--set", "settings", default="{}", help="JSON of settings that replace the recipe's.")
@click.option("--name", default="quality", show_default=True, help="Names the detectors.")
@click.option("--threads", default=0, help="Threads of torch; 0: as many as it chooses.")
@click.option(
    "--published-anew", is_flag=True,
    help="Meet the robots, calibrate and choose thresholds again where a detector is trained.",
)  # fmt: skip
@click.option("--write/--no-write", default=True, help="Whether to write the result's file.")
def main(
    root: Path, holdouts: Sequence[str], recipe: str, settings: str, name: str, threads: int,
    published_anew: bool, write: bool,
) -> None:  # fmt: skip
    """Train and judge what is not judged yet; print and write the rates."""
    if threads:
        torch.set_num_threads(threads)
    workspace = open_workspace(root)
    overrides = json.loads(settings)
    groups = [tuple(each.split(",")) for each in holdouts]
    groups = groups or [(each.name,) for each in SIMULATED_FLEET]
    found: dict[str, dict[str, Any]] = {}
    for group in groups:
        if published_anew:
            _publish_anew(workspace, arm_folder(workspace, name, group), recipe, overrides)
        found |= judged_arm(workspace, name, group, recipe, overrides)
        for robot in group:
            areas = (f"{skill} {area:.4f}" for skill, area in found[robot]["auc"].items())
            click.echo(f"{line(robot, found[robot]['chosen'])}  area {', '.join(areas)}")
    mean = _mean(found, "chosen")
    click.echo(line("mean", mean))
    folders = {robot: arm_folder(workspace, name, group) for group in groups for robot in group}
    if len(folders) > 1:
        for robot, variants in strangers(folders).items():
            found[robot] |= variants
    for variant in ("unmet", "at_half", "settled", "strangers", "strangers_settled"):
        if all(variant in each for each in found.values()):
            click.echo(line(f"mean, {variant}", _mean(found, variant)))
    click.echo(line("paper, one robot", PAPER))
    if write:
        content = {
            "holdouts": {
                robot: {
                    **{key: each["chosen"][key] for key in (*RATES, "held_object_accuracy")},
                    **{key: each[key] for key in each if key not in ("chosen", "train_s")},
                    "train_s": each["train_s"],
                }
                for robot, each in found.items()
            },
            "held_out_together": [list(group) for group in groups],
            "mean": mean,
            "mean_at_strangers_thresholds": _mean(found, "strangers"),
            "mean_at_half": _mean(found, "at_half"),
            "mean_unmet": _mean(found, "unmet"),
            "paper": PAPER,
            **provenance(),
        }
        RESULT.parent.mkdir(exist_ok=True)
        write_atomically(RESULT, json.dumps(content, indent=1).encode() + b"\n")


def arm_folder(workspace: Workspace, name: str, group: Sequence[str]) -> Path:
    """Where the detector lies that left out the robots of `group`."""
    return workspace.detectors / "-".join([name, *group])


def judged_arm(
    workspace: Workspace, name: str, group: Sequence[str], recipe: str, overrides: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """What `judge` says of each robot of `group`, which one detector left out; it is trained where
    it is not yet."""
    folder = arm_folder(workspace, name, group)
    result = folder / "quality.json"
    if not result.exists():
        seconds = _train(workspace, folder, group, recipe, overrides)
        _write_judged(workspace, folder, group, seconds)
    judged: dict[str, dict[str, Any]] = json.loads(result.read_text())
    return judged


def _train(
    workspace: Workspace, folder: Path, group: Sequence[str], recipe: str, overrides: dict[str, Any]
) -> float:
    """Train the detector of `folder` from the beginning; CPU seconds of this process."""
    shutil.rmtree(folder, ignore_errors=True)
    began_s = time.process_time()
    config = load_recipe(recipe, overrides)
    manifest = build_manifest(
        Catalog(workspace),
        tasks=load_tasks(workspace),
        holdout=group,
        config=config,
        seed=0,
        created_at_ns=time.time_ns(),
        path=folder / "manifest.parquet",
    )
    train(
        manifest, config, folder, workspace=workspace, report=_Told(folder.name), seed=0,
        device="cpu",
    )  # fmt: skip
    return time.process_time() - began_s


def _write_judged(workspace: Workspace, folder: Path, group: Sequence[str], seconds: float) -> None:
    found = {
        robot: judge(folder, robot) | {"unmet": unmet(workspace, folder, robot), "train_s": seconds}
        for robot in group
    }
    write_atomically(folder / "quality.json", json.dumps(found, indent=1).encode())


def _publish_anew(
    workspace: Workspace, folder: Path, recipe: str, overrides: dict[str, Any]
) -> None:
    """Do again what today's code does once the weights of the detector in `folder` are final."""
    summary, manifest = load_summary(folder), Manifest.load(folder / MANIFEST)
    robot_frames = load_recipe(recipe, overrides).robot_frames
    config = dataclasses.replace(summary.config, robot_frames=robot_frames)
    seconds = json.loads((folder / "quality.json").read_text())[summary.holdout[0]]["train_s"]
    device = torch.device("cpu")
    finder = Finder.load(folder / FINDER, marks=config.marks, device=device)
    preprocessing = Preprocessing(config, finder)
    frames = LabelledFrames.of(manifest)
    stored = StoredLooks(frames, config, workspace, _Told(folder.name).progress)
    stored.look_closely(preprocessing, hashlib.sha256((folder / FINDER).read_bytes()).hexdigest())
    network = build_network(config, len(manifest.tasks), seed=summary.seed, device=device)
    load_weights(folder / WEIGHTS, network)
    network.divide_logits(1 / summary.temperature)
    publish_detector(
        network, frames, stored, preprocessing, manifest, config, folder, summary.seed, device
    )
    _write_judged(workspace, folder, summary.holdout, seconds)


def _mean(found: Mapping[str, Mapping[str, Any]], variant: str) -> dict[str, float]:
    keys = found[next(iter(found))][variant]
    return {key: float(np.mean([each[variant][key] for each in found.values()])) for key in keys}


def line(name: str, values: Mapping[str, float]) -> str:
    """A row of the printed table."""
    words = [f"{key} {values[key]:6.2%}" for key in RATES]
    if "held_object_accuracy" in values:
        words.append(f"held object {values['held_object_accuracy']:.1%}")
    return f"{name:18s} " + "  ".join(words)


if __name__ == "__main__":
    main()
