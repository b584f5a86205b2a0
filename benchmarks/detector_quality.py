"""How a detector judges robots it has never seen: every robot of the fleet is left out of one.

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
import pandas as pd
import torch

from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog
from data.cells.robots import SIMULATED_FLEET
from data.episodes.shards import FrameRef, read_frames
from data.storage import write_atomically
from data.tasks.store import load_tasks
from data.tasks.tasks import OBJECT_KINDS, SEED_TASKS
from data.workspace import Workspace, open_workspace
from sd_model.artefact import FINDER, MANIFEST, WEIGHTS, load_summary
from sd_model.config import load_recipe
from sd_model.examples.dataset import LabelledFrames, StoredLooks
from sd_model.examples.gathering import build_manifest
from sd_model.examples.manifest import Manifest
from sd_model.judging.consistency import Consistency
from sd_model.judging.detector import Detector
from sd_model.judging.metrics import area_under_curve
from sd_model.judging.scores import load_scores
from sd_model.judging.thresholds import choose_threshold, shared_threshold
from sd_model.learning.augmentation import Preprocessing
from sd_model.learning.network import build_network
from sd_model.learning.publishing import publish_detector
from sd_model.learning.training import train
from sd_model.looking.finder import Finder
from sd_model.tensors import load_weights

RESULT = Path(__file__).parent / "results" / "detector_quality.json"
RATES = ("fn", "fp", "other_fn", "other_fp")
PAPER = {"fn": 0.032, "fp": 0.0075, "other_fn": 0.008, "other_fp": 0.0275}
_DRAWS = 1000
_FRAME = ["episode_id", "frame_index"]
_CHUNK = 256
_STRANGERS_RATE = 0.02
"""False positive rate that thresholds chosen on strangers must be bounded below."""


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


def judge(folder: Path, robot: str) -> dict[str, Any]:
    """Rates of the detector in `folder` on a robot that it held out."""
    rows = _judging_rows(folder, robot)
    success = rows["outcome"] == "success"
    found: dict[str, Any] = {}
    for name, decision in (("chosen", rows["decision"]), ("at_half", rows["score"] >= 0.5)):
        rows["wrong"] = decision != success
        found[name] = _mean_rates(_shares(rows))
        if name == "chosen":
            found["by_task"] = {
                task: {
                    key: {"errors": int(group["wrong"].sum()), "count": len(group)}
                    for key, group in of_task.groupby("rate")
                }
                for task, of_task in rows.groupby("task", observed=True)
            }
            found["counts"] = {key: int(n) for key, n in rows["rate"].value_counts().items()}
            found["intervals"] = _intervals(rows)
    found["chosen"]["held_object_accuracy"] = held_accuracy(rows)
    found["auc"] = _areas(rows)
    return found


def unmet(workspace: Workspace, folder: Path, robot: str) -> dict[str, float]:
    """Rates of the detector on the robot, looked at as robots in general are."""
    rows = _judging_rows(folder, robot)
    detector = Detector.load(folder, device="cpu")
    frames = rows[["shard", *_FRAME]].drop_duplicates(_FRAME)
    scores = []
    for start in range(0, len(frames), _CHUNK):
        refs = [
            FrameRef(row.shard, row.episode_id, int(row.frame_index))
            for row in frames[start : start + _CHUNK].itertuples()
        ]
        scores.append(
            detector.score([each.decode().images for each in read_frames(workspace, refs)])
        )
    table = pd.DataFrame(
        np.concatenate(scores),
        columns=detector.tasks,
        index=pd.MultiIndex.from_frame(frames[_FRAME]),
    ).stack()
    keys = pd.MultiIndex.from_frame(rows[[*_FRAME, "task"]].astype({"task": str}))
    rows["score"] = table.reindex(keys).to_numpy()
    return _rates_at(rows, detector.thresholds, None)


def strangers(folders: Mapping[str, Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Rates of each robot at thresholds that come from the others, and with settled decisions.

    The threshold of a task for one robot is chosen on the frames of all others, each scored by the
    detector that had left it out: on strangers, as the robot itself is one.
    """
    judged = {robot: _judging_rows(folder, robot) for robot, folder in folders.items()}
    tasks = load_summary(next(iter(folders.values()))).tasks
    consistency = Consistency(tasks)
    found = {}
    for robot, rows in judged.items():
        others = pd.concat([judged[other] for other in judged if other != robot])
        by_task = {str(task): each for task, each in others.groupby("task", observed=True)}
        scored = {
            task: (each["score"].to_numpy(), (each["outcome"] == "success").to_numpy())
            for task, each in by_task.items()
        }
        shared = shared_threshold(list(scored.values()))
        chosen = {
            task: choose_threshold(
                *scored[task],
                each["episode_id"].astype(str).to_numpy(),
                shared=shared,
                false_positive_rate=_STRANGERS_RATE,
                confidence=0.9,
            ).value
            for task, each in by_task.items()
        }
        own = load_summary(folders[robot]).thresholds
        found[robot] = {
            "strangers": _rates_at(rows, chosen, None),
            "strangers_settled": _rates_at(rows, chosen, consistency),
            "settled": _rates_at(rows, {t: each.value for t, each in own.items()}, consistency),
        }
    return found


def _rates_at(
    rows: pd.DataFrame, thresholds: Mapping[str, float], consistency: Consistency | None
) -> dict[str, float]:
    """Mean rates at `thresholds`; settled where every task of a frame is known to be scored."""
    rows = rows.copy()
    rows["decision"] = rows["score"] >= rows["task"].astype(str).map(thresholds)
    if consistency is not None:
        frames = ["episode_id", "frame_index"]
        names = list(thresholds)
        score = rows.pivot_table("score", frames, "task", observed=True).reindex(columns=names)
        # A task whose outcome is unknown has no row: it says nothing and is put at its threshold.
        score = score.fillna({name: thresholds[name] - 1e-6 for name in names})
        settled = pd.DataFrame(
            consistency.settle(
                score.to_numpy(np.float32), np.array([thresholds[name] for name in names])
            ),
            index=score.index,
            columns=names,
        ).stack()
        keys = pd.MultiIndex.from_frame(rows[[*frames, "task"]].astype({"task": str}))
        rows["decision"] = settled.reindex(keys).to_numpy(dtype=bool)
    rows["wrong"] = rows["decision"] != (rows["outcome"] == "success")
    return _mean_rates(_shares(rows))


def _judging_rows(folder: Path, robot: str) -> pd.DataFrame:
    """The rows of a robot that a detector held out, each with the rate it counts for."""
    scores = load_scores(folder)
    rows = scores[(scores["split"] == "holdout") & (scores["robot"] == robot)].copy()
    own = rows["shown_task"].astype(str) == rows["task"].astype(str)
    kind = np.where(rows["outcome"] == "success", "fn", "fp").astype(object)
    rows["rate"] = np.where(own, "", "other_") + kind
    return rows


def _mean(found: Mapping[str, Mapping[str, Any]], variant: str) -> dict[str, float]:
    keys = found[next(iter(found))][variant]
    return {key: float(np.mean([each[variant][key] for each in found.values()])) for key in keys}


def held_accuracy(rows: pd.DataFrame) -> float:
    """Share of frames on which what is held (one of seven, or nothing) is named rightly."""
    lifts = [f"lift-{kind}" for kind in OBJECT_KINDS]
    of_lifts = rows[rows["task"].isin(lifts)]
    frames = ["episode_id", "frame_index"]
    score = of_lifts.pivot_table("score", frames, "task", observed=True)[lifts]
    success = of_lifts.assign(is_success=of_lifts["outcome"] == "success")
    held = success.pivot_table("is_success", frames, "task", observed=True)[lifts]
    known = held.notna().all(axis=1)
    score_N7, held_N7 = score[known].to_numpy(), held[known].to_numpy() > 0
    named_N = np.where(score_N7.max(1) >= 0.5, score_N7.argmax(1), -1)
    held_N = np.where(held_N7.any(1), held_N7.argmax(1), -1)
    return float((named_N == held_N).mean())


def _areas(rows: pd.DataFrame) -> dict[str, float]:
    """Area under the curve of the frames that show the task itself: the mean of each skill's tasks,
    whatever their thresholds."""
    own = rows[rows["rate"].isin(("fn", "fp"))]
    areas: dict[str, list[float]] = {}
    for task, of_task in own.groupby(own["task"].astype(str)):
        success_N = (of_task["outcome"] == "success").to_numpy()
        area = area_under_curve(of_task["score"].to_numpy(), success_N)
        if area is not None:
            areas.setdefault(SEED_TASKS[str(task)].skill, []).append(area)
    return {skill: float(np.mean(each)) for skill, each in areas.items()}


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(["rate", "task"], observed=True)["wrong"].mean().unstack()


def _mean_rates(shares: pd.DataFrame) -> dict[str, float]:
    """Each rate as the mean over the tasks that have any frame for it."""
    return {key: float(shares.loc[key].mean()) for key in RATES if key in shares.index}


def _intervals(rows: pd.DataFrame) -> dict[str, list[float]]:
    """95% intervals of the mean rates: clips and episodes are drawn anew, for their frames are
    alike."""
    episode_N, episodes = pd.factorize(rows["episode_id"])
    cell_N, cells = pd.factorize(pd.MultiIndex.from_frame(rows[["rate", "task"]].astype(str)))
    wrong_N = rows["wrong"].to_numpy(dtype=float)
    of_rate = {key: [n for n, cell in enumerate(cells) if cell[0] == key] for key in RATES}
    generator = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {key: [] for key in RATES if of_rate[key]}
    for _ in range(_DRAWS):
        weight_E = np.bincount(
            generator.integers(len(episodes), size=len(episodes)), minlength=len(episodes)
        )
        weight_N = weight_E[episode_N].astype(float)
        count_C = np.bincount(cell_N, weight_N, minlength=len(cells))
        share_C = np.bincount(cell_N, weight_N * wrong_N, minlength=len(cells)) / np.where(
            count_C > 0, count_C, np.nan
        )
        for key in drawn:
            drawn[key].append(float(np.nanmean(share_C[of_rate[key]])))
    return {
        key: [float(np.percentile(values, edge)) for edge in (2.5, 97.5)]
        for key, values in drawn.items()
    }


def line(name: str, values: Mapping[str, float]) -> str:
    """A row of the printed table."""
    words = [f"{key} {values[key]:6.2%}" for key in RATES]
    if "held_object_accuracy" in values:
        words.append(f"held object {values['held_object_accuracy']:.1%}")
    return f"{name:18s} " + "  ".join(words)


if __name__ == "__main__":
    main()
