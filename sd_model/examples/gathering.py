"""Gathering what people said into a manifest: which examples, which split, which tasks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from data.catalog.catalog import Catalog
from data.episodes.index import list_episodes
from data.errors import InvalidInput
from data.labels.labels import Label, standing_labels
from data.labels.splits import assign_split, check_splits
from data.tasks.tasks import Outcome, TaskSet
from sd_model.config import DetectorConfig
from sd_model.examples.labelled import Example, episode_examples
from sd_model.examples.manifest import Manifest, digest_of
from sd_model.examples.readable import readable_examples, told


def build_manifest(
    catalog: Catalog,
    *,
    tasks: TaskSet,
    wanted: Sequence[str] | None = None,
    holdout: Collection[str],
    config: DetectorConfig,
    seed: int,
    created_at_ns: int,
    path: Path,
    learned: Collection[str] = (),
) -> Manifest:
    """Join the standing labels, close them, split them by robot and freeze the result at `path`.

    Every frame of a clip shows its outcome, so `config.frames_per_clip` of them are taken, spread
    evenly, plus those that a label names; of a robot's episode the terminal frame counts alone.

    Frames whose labels contradict each other, or that cannot be read, are left out, and the
    manifest's warnings name them.

    Args:
        tasks: Every task of the workspace with its relations.
        wanted: Tasks of the detector; None: all that have successes and failures to learn from.
        holdout: Robots whose frames only judge.
        created_at_ns: Now [ns since the Unix epoch].
        learned: Groups that the detector which is gone on from has learned: they judge no more.

    Raises:
        InvalidInput: Nothing to learn from, a holdout robot without labels, a wanted task without
            successes or failures, a manifest already at `path`.
    """
    labels: dict[str, list[Label]] = defaultdict(list)
    for label in standing_labels(catalog):
        labels[label.episode_id].append(label)
    labelled = list_episodes(catalog, episode_ids=list(labels))
    _check_holdout(holdout, {episode.info.robot for episode in labelled})
    examples: list[Example] = []
    left_out: list[str] = []
    for episode in labelled:
        split = assign_split(
            episode.info.robot,
            episode.info.group,
            holdout=holdout,
            validation_share=config.validation_share,
            seed=seed,
        )
        if split == "validation" and episode.info.group in learned:
            split = "train"
        rows, conflicts = episode_examples(
            episode, labels[episode.info.episode_id], tasks, split, config.frames_per_clip
        )
        examples += rows
        left_out += conflicts
    examples, damaged = readable_examples(catalog.workspace, examples)
    left_out += damaged
    examples = feed_training(examples)
    chosen, warnings = _choose_tasks(examples, tasks, wanted, holdout)
    examples = [example for example in examples if example.task in chosen]
    check_splits((row.robot, row.group, row.split) for row in examples)
    chosen_tasks, held_out = tasks.only(chosen), tuple(sorted(holdout))
    manifest = Manifest(
        examples=tuple(examples),
        tasks=chosen_tasks,
        holdout=held_out,
        warnings=(*warnings, *told(left_out)),
        seed=seed,
        created_at_ns=created_at_ns,
        digest=digest_of(examples, chosen_tasks, held_out),
    )
    manifest.save(path)
    return manifest


def feed_training(examples: Sequence[Example]) -> list[Example]:
    """Move groups from validation to training where a task has an outcome in validation alone.

    With few scenes the draw may put every success of a task into validation, and a task that is
    never shown cannot be learned; a threshold can still be set without validation. Groups move
    whole, no more of them than needed; held-out robots are not touched.
    """
    shown = {(row.task, row.outcome) for row in examples if row.split == "train"}
    groups: dict[str, list[Example]] = defaultdict(list)
    for row in examples:
        if row.split == "validation":
            groups[row.group].append(row)
    moved: set[str] = set()
    for group, rows in sorted(groups.items()):
        outcomes = {(row.task, row.outcome) for row in rows}
        if outcomes - shown:
            moved.add(group)
            shown |= outcomes
    return [replace(row, split="train") if row.group in moved else row for row in examples]


def _check_holdout(holdout: Collection[str], robots: Collection[str]) -> None:
    if not robots:
        raise InvalidInput(
            "There are no labels yet, so there is nothing to train on.",
            next_step="Record a success and a failure clip of a task, or label robot episodes.",
        )
    for robot in sorted(holdout):
        if robot not in robots:
            raise InvalidInput(
                f"The holdout robot '{robot}' has no labels, so it could judge nothing.",
                valid=sorted(robots),
                next_step=f"Record or label episodes of '{robot}', or hold out another robot.",
            )
    if not set(robots) - set(holdout):
        raise InvalidInput(
            "Every robot with labels is held out, so there is nothing to train on.",
            next_step="Hold out fewer robots, or record on another one.",
        )


def _choose_tasks(
    examples: Sequence[Example],
    tasks: TaskSet,
    wanted: Sequence[str] | None,
    holdout: Collection[str],
) -> tuple[tuple[str, ...], list[str]]:
    counts = Counter((row.split, row.task, row.outcome) for row in examples)
    missing: dict[str, str] = {}
    for name in tasks.names:
        lacks = [o for o in get_args(Outcome) if not counts["train", name, o]]
        if lacks:
            missing[name] = " and ".join(lacks)
    trainable = tuple(name for name in tasks.in_use if name not in missing)
    if wanted is not None:
        wanted = [tasks[name].name for name in wanted]
        for name in wanted:
            if name in missing:
                raise InvalidInput(
                    f"The task '{name}' cannot be learned: the training robots have no "
                    f"{missing[name]} of it.",
                    valid=trainable,
                    next_step=f"Record clips of '{name}' that show {missing[name]}, or leave it "
                    "out.",
                )
    chosen = trainable if wanted is None else tuple(n for n in tasks.names if n in set(wanted))
    if not chosen:
        raise InvalidInput(
            "No task has both a success and a failure on the training robots.",
            next_step="Record a pair: one clip that shows success and one that shows failure.",
        )
    known = {task for _, task, _ in counts}
    warnings = [
        f"{name} was left out: the training robots have no {missing[name]} of it."
        for name in tasks.in_use
        if wanted is None and name in missing and name in known
    ]
    if not holdout:
        warnings.append("No robot was held out, so nothing shows how a new robot would be judged.")
    for split in ("validation", "holdout") if holdout else ("validation",):
        for name in chosen:
            lacks = [o for o in get_args(Outcome) if not counts[split, name, o]]
            if lacks:
                warnings.append(f"{name} has no {' and no '.join(lacks)} in the {split} split.")
    return chosen, warnings
