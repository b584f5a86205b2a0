"""What each part of the detector is worth: the same training without it, judged on the same robots.

    python -m benchmarks.detector_workspace --workspace FOLDER
    python -m benchmarks.detector_ablations --workspace FOLDER

Each arm is a training of the `cpu` recipe with some of its settings replaced, for each of the
chosen held-out robots; an arm that is done is not done again. Prints a table and writes the arms
that are done to benchmarks/results/detector_ablations.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.detector_quality import judged_arm, line
from benchmarks.detector_rates import RATES
from benchmarks.provenance import provenance
from data.storage import write_atomically
from data.workspace import open_workspace

RESULT = Path(__file__).parent / "results" / "detector_ablations.json"
ARMS: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "one look": {"cut_px": 0, "place_px": 0},
    "no look at the place": {"place_px": 0},
    "half the updates": {"steps": 750},
    "twice the updates": {"steps": 3000},
    "finer whole view": {"image_px": 144, "stem_stride": 4},
    "no brightness": {"brightness_probability": 0.0},
    "stronger brightness": {"brightness": 0.3},
    "no rotation": {"rotation_probability": 0.0},
    "no shadows": {"shadow_probability": 0.0},
    "crop only": {
        "brightness_probability": 0.0, "rotation_probability": 0.0, "shadow_probability": 0.0,
    },
    "wider second look": {"cut_share": 0.2},
    "no label smoothing": {"label_smoothing": 0.0},
}  # fmt: skip


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path), required=True)
@click.option("--arm", "arms", multiple=True, type=click.Choice(list(ARMS)), help="Default: all.")
@click.option("--holdout", "holdouts", multiple=True, default=("robot-1", "robot-3"))
@click.option("--threads", default=0, help="Threads of torch; 0: as many as it chooses.")
def main(root: Path, arms: Sequence[str], holdouts: Sequence[str], threads: int) -> None:
    """Train and judge what is not judged yet; print and write the rates."""
    if threads:
        torch.set_num_threads(threads)
    workspace = open_workspace(root)
    done: dict[str, Any] = {}
    for arm in arms or ARMS:
        name = "ablation-" + arm.replace(" ", "-")
        found = [
            judged_arm(workspace, name, [robot], "cpu", dict(ARMS[arm]))[robot]["chosen"]
            for robot in holdouts
        ]
        mean = {key: float(np.mean([each[key] for each in found])) for key in found[0]}
        done[arm] = {"settings": ARMS[arm], "holdouts": dict(zip(holdouts, found, strict=True))}
        done[arm]["mean"] = {key: mean[key] for key in (*RATES, "held_object_accuracy")}
        click.echo(line(arm, mean))
        RESULT.parent.mkdir(exist_ok=True)
        content = {"arms": done, **provenance()}
        write_atomically(RESULT, json.dumps(content, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
