"""What labels of a policy's own episodes do for the detector that rewards it.

    python -m benchmarks.detector_workspace --workspace FOLDER
    python -m benchmarks.detector_from_policy --workspace FOLDER --episodes WORKSPACE

Clips and tries lie in FOLDER; the episodes of a policy, which an older detector rewarded, in
WORKSPACE. Of each task as many of these episodes are drawn at random and labelled, the simulator's
truth standing in for a person; for each number of labels a detector is trained, robot-7 left out,
and all are judged on those of the policy's episodes that no one labelled, by the truth. What is
done is not done again. Prints a table and writes benchmarks/results/detector_from_policy.json.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.detector_quality import frozen, judge, train_on
from benchmarks.policy_learning import HOLDOUT
from benchmarks.provenance import provenance
from data.catalog.catalog import Catalog
from data.episodes.index import IndexedEpisode, list_episodes, load_episode, save_episodes
from data.labels.truth import label_from_truth
from data.storage import write_atomically
from data.tasks.tasks import SEED_TASKS
from data.workspace import open_workspace
from sd_model.artefact import MANIFEST
from sd_model.config import load_recipe
from sd_model.examples.manifest import Manifest
from sd_model.judging.detector import Detector

RESULT = Path(__file__).parent / "results" / "detector_from_policy.json"
_TOGETHER = 64
"""Episodes copied, or scored, at a time."""


@click.command()
@click.option("--workspace", "root", type=click.Path(path_type=Path), required=True)
@click.option("--episodes", "source", type=click.Path(path_type=Path), required=True)
@click.option("--rewarded-by", required=True, help="The older detector, in WORKSPACE.")
@click.option(
    "--labels", "sizes", multiple=True, type=int, default=(0, 40, 150), show_default=True,
    help="Labelled episodes of each task; may be repeated, from few to many.",
)  # fmt: skip
@click.option("--recipe", default="cpu", show_default=True)
def main(root: Path, source: Path, rewarded_by: str, sizes: Sequence[int], recipe: str) -> None:
    """Label, train and judge what is not there yet; print and write the counts."""
    workspace, origin = open_workspace(root), Catalog(open_workspace(source))
    config = load_recipe(recipe)
    to_label, to_judge = _drawn(origin, max(sizes))
    arms = []
    for size in sizes:
        folder = workspace.detectors / f"own-{size}"
        if not (folder / MANIFEST).exists():
            _label(Catalog(workspace), origin, [row for each in to_label for row in each[:size]])
            frozen(workspace, folder, [HOLDOUT], config)
        arms.append((size, folder))
    older = Detector.load(origin.workspace.detectors / rewarded_by)
    found: dict[str, Any] = {"older": _judged(older, origin, to_judge)}
    click.echo(f"the older one: {_line(found['older'])}")
    for size, folder in reversed(arms):
        result = folder / "from_policy.json"
        if not result.exists():
            seconds = train_on(Manifest.load(folder / MANIFEST), config, folder, workspace)
            content = _judged(Detector.load(folder), origin, to_judge) | {
                "clips_and_tries": judge(folder, HOLDOUT)["chosen"],
                "train_s": seconds,
            }
            write_atomically(result, json.dumps(content, indent=1).encode())
        found[str(size)] = json.loads(result.read_text())
        click.echo(f"{size} labels of each task: {_line(found[str(size)])}")
    content = {"labels_of_each_task": found, **provenance()}
    write_atomically(RESULT, json.dumps(content, indent=1).encode() + b"\n")


def _drawn(origin: Catalog, most: int) -> tuple[list[list[IndexedEpisode]], list[IndexedEpisode]]:
    """The policy's episodes to label, by task in a random order; and those that judge."""
    by_task: dict[str, list[IndexedEpisode]] = defaultdict(list)
    to_judge = []
    for episode in list_episodes(origin, kind="robot"):
        if episode.info.behaviour.startswith("policy:"):
            if episode.info.robot == HOLDOUT:
                to_judge.append(episode)
            else:
                by_task[str(episode.info.task)].append(episode)
    generator = np.random.default_rng(0)
    to_label = []
    for task in SEED_TASKS.names:
        shuffled = [by_task[task][n] for n in generator.permutation(len(by_task[task]))]
        to_label.append(shuffled[:most])
        to_judge += shuffled[most : 2 * most]
    return to_label, to_judge


def _label(catalog: Catalog, origin: Catalog, wanted: Sequence[IndexedEpisode]) -> None:
    """Copy the episodes that are not there yet, and say of their last frames what is true."""
    there = {each.info.episode_id for each in list_episodes(catalog, kind="robot")}
    missing: dict[str, list[str]] = defaultdict(list)
    for each in wanted:
        if each.info.episode_id not in there:
            missing[each.info.robot].append(each.info.episode_id)
    for ids in missing.values():  # a shard holds one robot's
        for start in range(0, len(ids), _TOGETHER):
            part = ids[start : start + _TOGETHER]
            save_episodes(catalog, [load_episode(origin, each) for each in part])
    if wanted:
        label_from_truth(catalog, wanted, SEED_TASKS, at_ns=time.time_ns())


def _judged(
    detector: Detector, origin: Catalog, episodes: Sequence[IndexedEpisode]
) -> dict[str, Any]:
    """Errors on last frames, for the task that was asked for; robot-7 apart."""
    decided: list[np.ndarray[Any, np.dtype[np.bool_]]] = []
    for start in range(0, len(episodes), _TOGETHER):
        last = [
            load_episode(origin, each.info.episode_id).steps[-1].frames.decode().images
            for each in episodes[start : start + _TOGETHER]
        ]
        decided.extend(detector.decide(detector.score(last)))
    counts: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for episode, decision_T in zip(episodes, decided, strict=True):
        task = str(episode.info.task)
        truth = (episode.info.truth or {})[task]
        accepted = bool(decision_T[detector.tasks.index(task)])
        robots = "unseen_robot" if episode.info.robot == HOLDOUT else "known_robots"
        row = counts[robots].setdefault(
            task, {"successes": 0, "missed": 0, "failures": 0, "accepted": 0}
        )
        row["successes" if truth else "failures"] += 1
        if accepted != truth:
            row["missed" if truth else "accepted"] += 1
    return dict(counts)


def _line(found: Mapping[str, Any]) -> str:
    """Of lifts and places, on known robots and the unseen one: missed and accepted."""
    words = []
    for robots in ("known_robots", "unseen_robot"):
        for skill in ("lift", "place"):
            rows = [row for task, row in found.get(robots, {}).items() if task.startswith(skill)]
            total = {key: sum(row[key] for row in rows) for key in (rows[0] if rows else ())}
            if total:
                words.append(
                    f"{robots} {skill} missed {total['missed']}/{total['successes']}"
                    f" accepted {total['accepted']}/{total['failures']}"
                )
    return "; ".join(words)


if __name__ == "__main__":
    main()
