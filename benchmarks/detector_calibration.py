"""Whether a detector's scores come true on robots it has never seen, and what abstaining buys.

    python -m benchmarks.detector_quality --workspace FOLDER
    python -m benchmarks.detector_calibration --workspace FOLDER

Takes the detectors of `detector_quality`, each of which left one robot out, as they were before
their temperature. For each left-out robot and the tasks its frames show: the expected calibration
error and the log loss of raw scores, at the temperature that the detector's own validation frames
choose (which is what is published), and at the one that the other detectors' left-out robots
choose; then the share of frames that are too close to call at the published temperature, and the
errors among all frames and among the others. Trains nothing. Prints a table and writes
benchmarks/results/detector_calibration.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.detector_quality import arm_folder
from benchmarks.provenance import provenance
from data.cells.robots import SIMULATED_FLEET
from data.storage import write_atomically
from data.workspace import open_workspace
from sd_model.artefact import load_summary
from sd_model.judging.calibration import fit_temperature, tempered, too_close_to_call
from sd_model.judging.reliability import expected_calibration_error, reliability_bins
from sd_model.judging.scores import load_scores, of_own_task

RESULT = Path(__file__).parent / "results" / "detector_calibration.json"


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path), required=True)
@click.option("--name", default="quality", show_default=True, help="Of the detectors.")
def main(root: Path, name: str) -> None:
    """Judge the calibration of each robot's detector; print and write it."""
    workspace = open_workspace(root)
    robots = [each.name for each in SIMULATED_FLEET]
    folders = {robot: arm_folder(workspace, name, [robot]) for robot in robots}
    temperature = {robot: load_summary(folder).temperature for robot, folder in folders.items()}
    rows = {robot: _raw(folder, "holdout", temperature[robot]) for robot, folder in folders.items()}
    found = {}
    for robot in robots:
        others = pd.concat([rows[other] for other in robots if other != robot])
        strangers = fit_temperature(*_told(others))
        found[robot] = {
            "raw": _judged(rows[robot], 1.0),
            "validation": _judged(rows[robot], temperature[robot]),
            "strangers": _judged(rows[robot], strangers),
            "abstaining": _abstaining(folders[robot], robot),
        }
    mean = {
        way: {key: float(np.mean([each[way][key] for each in found.values()])) for key in first}
        for way, first in found[robots[0]].items()
    }
    for place, each in (*found.items(), ("mean", mean)):
        click.echo(_line(place, each))
    RESULT.parent.mkdir(exist_ok=True)
    content = {"holdouts": found, "mean": mean, **provenance()}
    write_atomically(RESULT, json.dumps(content, indent=1).encode() + b"\n")


def _raw(folder: Path, split: str, temperature: float) -> pd.DataFrame:
    """Own-task rows of one split, their scores as they were before the temperature."""
    judged = load_scores(folder)
    judged = judged[(judged["split"] == split) & of_own_task(judged)].copy()
    judged["score"] = tempered(judged["score"].to_numpy(), 1 / temperature)
    return judged


def _told(judged: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return judged["score"].to_numpy(np.float64), (judged["outcome"] == "success").to_numpy()


def _judged(judged: pd.DataFrame, temperature: float) -> dict[str, float]:
    score_N, success_N = _told(judged)
    score_N = tempered(score_N, temperature).astype(np.float64)
    promised_N = np.clip(np.where(success_N, score_N, 1 - score_N), 1e-7, 1)
    return {
        "temperature": temperature,
        "calibration_error": expected_calibration_error(reliability_bins(score_N, success_N)),
        "log_loss": float(-np.log(promised_N).mean()),
    }


def _abstaining(folder: Path, robot: str) -> dict[str, float]:
    judged = load_scores(folder)
    judged = judged[(judged["split"] == "holdout") & (judged["robot"] == robot)]
    judged = judged[of_own_task(judged)]
    thresholds = {task: each.value for task, each in load_summary(folder).thresholds.items()}
    threshold_N = judged["task"].astype(str).map(thresholds).to_numpy(np.float64)
    unsure_N = too_close_to_call(judged["score"].to_numpy(), threshold_N)
    wrong_N = judged["decision"].to_numpy() != (judged["outcome"] == "success").to_numpy()
    return {
        "unsure": float(unsure_N.mean()),
        "wrong": float(wrong_N.mean()),
        "wrong_where_sure": float(wrong_N[~unsure_N].mean()),
    }


def _line(place: str, each: dict[str, dict[str, float]]) -> str:
    ways = "  ".join(
        f"{way} {each[way]['calibration_error']:.1%} (log loss {each[way]['log_loss']:.3f})"
        for way in ("raw", "validation", "strangers")
    )
    abstaining = each["abstaining"]
    return (
        f"{place:10}  calibration error {ways}  too close to call {abstaining['unsure']:.1%}, "
        f"wrong {abstaining['wrong']:.1%}, where sure {abstaining['wrong_where_sure']:.1%}"
    )


if __name__ == "__main__":
    main()
