"""What a trained detector pays for a new task: time, and what it loses on the tasks that it knew.

    python -m benchmarks.detector_workspace --workspace FOLDER
    python -m benchmarks.detector_new_task --workspace FOLDER

Trains a detector on all tasks but one, then goes on from it with that task added, as the page does,
and judges both on the held-out robot, beside the detector of `benchmarks.detector_quality` that
learned all tasks from nothing (`quality-ROBOT`; trained if it is not there). Rates are means over
the tasks, of the frames that show the task itself. An arm that is done is not done again. Writes
benchmarks/results/detector_new_task.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.detector_quality import judged_arm
from benchmarks.detector_rates import judge
from benchmarks.provenance import provenance
from data.runs.runs import find_or_create_run
from data.storage import write_atomically
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace
from sd_model.run import execute_run

RESULT = Path(__file__).parent / "results" / "detector_new_task.json"
_RATES = ("fn", "fp")


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--holdout", default="robot-7", show_default=True)
@click.option("--task", default="place-top-right", show_default=True, help="The new one.")
@click.option("--recipe", default="cpu", show_default=True)
@click.option("--threads", default=0, help="Threads of torch; 0: as many as it chooses.")
def main(root: Path, holdout: str, task: str, recipe: str, threads: int) -> None:
    """Train without the task, add it, judge; write the result."""
    if threads:
        torch.set_num_threads(threads)
    workspace = open_workspace(root)
    known = [name for name in SEED_TASKS.names if name != task]
    about = {"holdout": [holdout], "seed": 0}
    before = _trained(workspace, holdout, {**about, "recipe": recipe, "tasks": known})
    after = _trained(
        workspace,
        holdout,
        {**about, "tasks": list(SEED_TASKS.names), "from_detector": before["detector"]},
    )
    from_nothing = judged_arm(workspace, "quality", (holdout,), recipe, {})[holdout]
    result = {
        **provenance(),
        "holdout": holdout,
        "new_task": task,
        "of_the_time": after["cpu_s"] / before["cpu_s"],
        "cpu_s": {"all_but_one": before["cpu_s"], "added": after["cpu_s"]},
        "known_tasks": {
            "before": _rates(before["judged"], known),
            "after": _rates(after["judged"], known),
            "from_nothing": _rates(from_nothing, known),
        },
        "new": {
            "after": _rates(after["judged"], [task]),
            "from_nothing": _rates(from_nothing, [task]),
        },
    }
    text = json.dumps(result, indent=1)
    write_atomically(RESULT, text.encode() + b"\n")
    click.echo(text)


def _trained(workspace: Workspace, holdout: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The detector of the training with this spec, what it cost and how it judges the robot."""
    run = find_or_create_run(workspace, "train-detector", spec)
    told = run.folder / "benchmark.json"
    if not told.exists():
        began_s = time.process_time()
        folder = execute_run(run)
        if folder is None:
            raise click.ClickException("The training was cancelled.")
        cpu_s = time.process_time() - began_s
        content = {
            "detector": folder.name, "cpu_s": round(cpu_s), "judged": judge(folder, holdout)
        }  # fmt: skip
        write_atomically(told, json.dumps(content).encode())
    found: dict[str, Any] = json.loads(told.read_text())
    return found


def _rates(judged: Mapping[str, Any], tasks: list[str]) -> dict[str, float]:
    """Mean error rates of the frames that show these tasks themselves."""
    shares = {
        key: [
            counts[key]["errors"] / counts[key]["count"]
            for task in tasks
            if key in (counts := judged["by_task"][task])
        ]
        for key in _RATES
    }
    return {key: float(np.mean(each)) for key, each in shares.items()}


if __name__ == "__main__":
    main()
