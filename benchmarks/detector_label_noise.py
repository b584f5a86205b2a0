"""What careless answers cost a detector, and whether Review's list of suspicious labels finds them.

    python -m benchmarks.detector_workspace --workspace FOLDER
    python -m benchmarks.detector_label_noise --workspace FOLDER --folder SCRATCH

Chance turns round a share of the answers about the task that a clip or a try was for, on all robots
but the held-out one, whose labels stay right. A detector learns from the rest and is judged on the
held-out robot, beside the one of `benchmarks.detector_quality` that learned from right labels
(`quality-ROBOT` in the same workspace; trained if it is not there). The labels that no training saw
are then put in the order of the suspicious list: how many of the turned ones stand in its first
tenth? A try's other labels are the truth's, so some turned ones contradict them: such frames are
left out of training, as always, and counted. Writes benchmarks/results/detector_label_noise.json.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.detector_quality import judged_arm, line
from benchmarks.detector_rates import RATES
from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog, rebuild
from data.episodes.index import list_episodes
from data.labels.labels import Label, append_labels, new_label_id, standing_labels
from data.storage import write_atomically
from data.workspace import open_workspace
from sd_model.examples.manifest import Manifest
from sd_model.judging.scores import load_scores
from sd_model.judging.suspicion import suspicious_labels

RESULT = Path(__file__).parent / "results" / "detector_label_noise.json"
_NAME = "careless"
_LOOKED_AT = 0.1
"""Share of the suspicious list that a person looks at."""


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Made, or gone on.")
@click.option("--holdout", default="robot-7", show_default=True)
@click.option("--share", default=0.05, show_default=True, help="Of the answers, turned round.")
@click.option("--recipe", default="cpu", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=0, help="Threads of torch; 0: as many as it chooses.")
def main(
    root: Path, folder: Path, holdout: str, share: float, recipe: str, seed: int, threads: int
) -> None:
    """Turn labels round, train, judge; write the result."""
    if threads:
        torch.set_num_threads(threads)
    careless = _careless(root, folder, holdout, share, seed)
    turned = {
        (label.episode_id, label.task) for label in standing_labels(careless) if label.by == _NAME
    }
    workspace = careless.workspace
    noisy = judged_arm(workspace, _NAME, (holdout,), recipe, {})[holdout]
    right = judged_arm(open_workspace(root), "quality", (holdout,), recipe, {})[holdout]
    trained = workspace.detectors / f"{_NAME}-{holdout}"
    used = {
        (row.episode_id, row.task)
        for row in Manifest.load(trained / "manifest.parquet").examples
        if row.origin == "labelled"
    }
    scores = load_scores(trained)
    ranked = suspicious_labels(scores[scores["split"] == "validation"])
    keys = zip(ranked["episode_id"].astype(str), ranked["task"].astype(str), strict=True)
    rank_of = {key: rank for rank, key in enumerate(keys, start=1) if key in turned}
    looked_at = int(np.ceil(_LOOKED_AT * len(ranked)))
    found = sum(rank <= looked_at for rank in rank_of.values())
    result = {
        **provenance(),
        "holdout": holdout,
        "turned": len(turned),
        "turned_that_contradict_other_labels": len(turned - used),
        "right_labels": _rates(right),
        "turned_labels": _rates(noisy),
        "cost_fn_and_fp": sum(noisy["chosen"][k] - right["chosen"][k] for k in ("fn", "fp")),
        "list": {
            "labels": len(ranked),
            "turned_among_them": len(rank_of),
            "looked_at": looked_at,
            "found": found,
            "found_share": found / len(rank_of) if rank_of else None,
        },
    }
    write_atomically(RESULT, json.dumps(result, indent=1).encode() + b"\n")
    click.echo(line("right labels", right["chosen"]))
    click.echo(line("turned labels", noisy["chosen"]))
    click.echo(f"first {looked_at} of {len(ranked)} labels hold {found} of {len(rank_of)} turned")


def _careless(root: Path, folder: Path, holdout: str, share: float, seed: int) -> Catalog:
    """The workspace in `folder`: the episodes of `root` (linked), some answers turned round."""
    made = folder.exists()
    workspace = open_workspace(folder)
    if made:
        return Catalog(workspace)
    shutil.copytree(
        root / "episodes", workspace.episodes, copy_function=os.link, dirs_exist_ok=True
    )
    shutil.copy(root / "labels.jsonl", workspace.labels_path)
    catalog = rebuild(workspace)
    task_of = {
        each.info.episode_id: each.info.task
        for each in list_episodes(catalog)
        if each.info.robot != holdout
    }
    answers = [
        label for label in standing_labels(catalog) if task_of.get(label.episode_id) == label.task
    ]
    drawn = np.random.default_rng(seed).choice(
        len(answers), round(share * len(answers)), replace=False
    )
    append_labels(catalog, [_turned(answers[number]) for number in sorted(drawn)])
    return catalog


def _turned(label: Label) -> Label:
    return Label(
        label_id=new_label_id(), episode_id=label.episode_id, frame_index=label.frame_index,
        task=label.task, outcome="failure" if label.outcome == "success" else "success",
        by=_NAME, source="person", at_ns=time.time_ns(),
    )  # fmt: skip


def _rates(judged: dict[str, dict[str, float]]) -> dict[str, float]:
    return {key: judged["chosen"][key] for key in RATES}


if __name__ == "__main__":
    main()
