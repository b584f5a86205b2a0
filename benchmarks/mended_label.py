"""Mislabelled clips, found through Review and mended: what that does to the held-out error.

    goalpost demo --workspace DEMO      # or any workspace with clips of three robots
    python -m benchmarks.mended_label --workspace DEMO --folder SCRATCH --out benchmarks/results

Takes three robots' episodes, lets chance flip the labels of a few clips on the held-out robot,
trains a detector, looks at one page of Review's list of suspicious labels as a person would,
corrects those whose first label was another one, and goes on training from the detector with these
fixes, and for comparison without them. The detector is never told which labels were flipped; only
the one who corrects knows what the clips show.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import click
import numpy as np
import pandas as pd

from app.decision_log import apply_log
from app.galleries import JudgedFilter, gallery_items
from app.mistakes import item_of, tally
from app.retraining import retraining_spec
from app.views.review import CARDS
from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog, rebuild
from data.episodes.index import IndexedEpisode, list_episodes
from data.labels.labels import standing_labels
from data.recording.clips import relabel_clip
from data.runs.runs import create_run
from data.tasks.store import load_tasks
from data.workspace import Workspace, open_workspace
from sd_model.artefact import DetectorSummary, load_summary
from sd_model.judging.scores import load_scores, records
from sd_model.run import execute_run

_FRAME = ["episode_id", "frame_index", "task"]


@click.command()
@click.option("--workspace", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Made anew.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--robots", default="robot-1,robot-2,robot-3", show_default=True)
@click.option("--holdout", default="robot-3", show_default=True)
@click.option("--tasks", default="lift-any,place-any", show_default=True)
@click.option("--recipe", default="quick", show_default=True)
@click.option("--flipped", default=2, show_default=True, help="Clips with a wrong label.")
@click.option("--seed", default=0, show_default=True)
def main(
    workspace: Path,
    folder: Path,
    out: Path,
    robots: str,
    holdout: str,
    tasks: str,
    recipe: str,
    flipped: int,
    seed: int,
) -> None:
    """Flip, train, review, retrain; write `mended_label.json`."""
    small = _part_of(workspace, folder, robots.split(","))
    catalog = Catalog(small)
    wrong = _flip(catalog, holdout, tasks.split(","), flipped, seed)
    spec = {"recipe": recipe, "holdout": [holdout], "tasks": tasks.split(","), "seed": seed}
    first = _train(small, spec)
    before = _held_out(first)
    thresholds = {task: threshold.value for task, threshold in first.thresholds.items()}
    page = gallery_items("suspicious", before, thresholds)[:CARDS]
    places = {item_of(row).episode_id: rank for rank, row in enumerate(records(page), start=1)}
    found = {name: outcome for name, outcome in wrong.items() if name in places}
    unmended = _train(small, retraining_spec(first))
    _correct(catalog, page, found)
    second = _train(small, retraining_spec(first))
    after = _held_out(second)
    result = {
        **provenance(),
        "robots": robots.split(","),
        "holdout": holdout,
        "tasks": tasks.split(","),
        "flipped": len(wrong),
        "cards_looked_at": len(page),
        "found": len(found),
        "ranks": sorted(places[name] for name in found),
        "held_out_errors": {
            "before": _errors(before, first),
            "same detector, labels mended": _errors(_as_said(before, after), first),
            "retrained without the fixes, labels mended": _errors(
                _as_said(_held_out(unmended), after), unmended
            ),
            "retrained with the fixes": _errors(after, second),
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1)
    (out / "mended_label.json").write_text(text + "\n")
    click.echo(text)


def _part_of(root: Path, folder: Path, robots: list[str]) -> Workspace:
    """A workspace with the episodes of `robots` (linked) and what was said of them."""
    small = open_workspace(folder)
    for robot in robots:
        shutil.copytree(root / "episodes" / robot, small.episodes / robot, copy_function=os.link)
    catalog = rebuild(small)
    known = {each.info.episode_id for each in list_episodes(catalog)}
    with (root / "labels.jsonl").open() as lines:
        kept = [line for line in lines if json.loads(line)["episode_id"] in known]
    small.labels_path.write_text("".join(kept))
    rebuild(small)
    return small


def _flip(
    catalog: Catalog, robot: str, tasks: list[str], count: int, seed: int
) -> dict[str, IndexedEpisode]:
    """Give `count` clips of the robot the opposite label; what they are, by episode."""
    clips = [
        each
        for each in list_episodes(catalog, robots=[robot], kind="clip")
        if each.info.task in tasks
    ]
    drawn = np.random.default_rng(seed).choice(len(clips), count, replace=False)
    for clip in (clips[number] for number in drawn):
        opposite = "failure" if clip.info.outcome == "success" else "success"
        relabel_clip(catalog, clip.info, opposite, by="chance", at_ns=time.time_ns())
    return {clips[number].info.episode_id: clips[number] for number in drawn}


def _correct(catalog: Catalog, page: pd.DataFrame, wrong: dict[str, IndexedEpisode]) -> None:
    """Answer the cards of the mislabelled clips as Review's keys do."""
    now_ns = time.time_ns()
    entries = [
        {
            "client": "0123abcd", "n": number, "item": item_of(row).item_id,
            "answer": wrong[row["episode_id"]].info.outcome, "at": now_ns // 1_000_000,
        }
        for number, row in enumerate(records(page), start=1)
        if row["episode_id"] in wrong
    ]  # fmt: skip
    receipt = apply_log(
        catalog, entries, load_tasks(catalog.workspace), by="reviewer", source="review",
        now_ns=now_ns,
    )  # fmt: skip
    said = standing_labels(catalog, episode_ids=set(wrong))
    if receipt.refused or any(
        label.outcome != wrong[label.episode_id].info.outcome
        for label in said
        if label.task == wrong[label.episode_id].info.task
    ):
        raise SystemExit(f"The labels were not mended: {receipt.refused}")


def _train(workspace: Workspace, spec: dict[str, object]) -> DetectorSummary:
    folder = execute_run(create_run(workspace, "train-detector", spec))
    if folder is None:
        raise SystemExit("The training was cancelled.")
    return load_summary(folder)


def _held_out(summary: DetectorSummary) -> pd.DataFrame:
    return JudgedFilter(split="holdout").apply(load_scores(summary.folder))


def _as_said(judged: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """The scores of `judged` beside the outcomes of `later`."""
    return judged.drop(columns="outcome").merge(later[[*_FRAME, "outcome"]], on=_FRAME)


def _errors(judged: pd.DataFrame, summary: DetectorSummary) -> dict[str, object]:
    """Frames judged wrongly, of all tasks together."""
    counts = tally(judged, {task: each.value for task, each in summary.thresholds.items()})
    wrong = counts.false_positives + counts.false_negatives
    return {
        "false_positives": [counts.false_positives, counts.failures],
        "false_negatives": [counts.false_negatives, counts.successes],
        "error": round(wrong / (counts.successes + counts.failures), 4),
    }


if __name__ == "__main__":
    main()
