"""The manifest: the frozen table of examples that a detector was trained and judged on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq

from data.catalog import Catalog
from data.episode_index import list_episodes
from data.errors import CorruptData, InvalidInput, LabelConflict
from data.labels import Label, standing_labels
from data.splits import assign_split, check_splits
from data.storage import write_atomically
from data.tasks import Outcome, Task, TaskSet
from sd_model.config import DetectorConfig
from sd_model.examples import Example, episode_examples

FORMAT = 1
"""Version of the table; raised when an older Goalpost could no longer read it."""

_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("episode_id", pa.string()),
        ("frame_index", pa.int32()),
        ("shard", pa.string()),
        ("robot", pa.string()),
        ("group", pa.string()),
        ("kind", pa.string()),
        ("split", pa.string()),
        ("task", pa.string()),
        ("outcome", pa.string()),
        ("origin", pa.string()),
        ("label_id", pa.string()),
        ("from_task", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Examples with what was decided about them. Make one with `build_manifest`."""

    examples: tuple[Example, ...]
    tasks: TaskSet
    """The detector's tasks in the order of its logits, with their relations."""
    holdout: tuple[str, ...]
    """Robots whose frames only judge."""
    warnings: tuple[str, ...]
    """What a reader of the report should know about the data, in plain words."""
    seed: int
    created_at_ns: int
    digest: str
    """SHA-256 of the examples; names the frame cache and shows later changes."""

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a frozen manifest.

        Raises:
            CorruptData: Missing, unreadable, of a newer format, or changed since it was frozen.
        """
        try:
            table = pq.read_table(path)
            about = json.loads(table.schema.metadata[b"goalpost"])
            rows = table.select(_SCHEMA.names).to_pylist()
            found = about["format"]
            examples = tuple(Example(**row) for row in rows)
            manifest = cls(
                examples=examples,
                tasks=TaskSet(
                    Task(**{**t, "implies": tuple(t["implies"]), "excludes": tuple(t["excludes"])})
                    for t in about["tasks"]
                ),
                holdout=tuple(about["holdout"]),
                warnings=tuple(about["warnings"]),
                seed=about["seed"],
                created_at_ns=about["created_at_ns"],
                digest=about["digest"],
            )
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
            raise CorruptData(
                f"The manifest cannot be read: {error}",
                where=path,
                next_step="Train again: a manifest is rebuilt from the labels.",
            ) from error
        if found > FORMAT or _digest(examples) != manifest.digest:
            raise CorruptData(
                "The manifest was changed after it was frozen, or a newer Goalpost wrote it.",
                where=path,
                next_step="Update Goalpost, or train again: a manifest is rebuilt from the labels.",
            )
        return manifest

    def save(self, path: Path) -> None:
        """Freeze the manifest as Parquet.

        Raises:
            InvalidInput: There is a manifest at `path` already; it is left as it is.
            StorageFull: The disk is full; nothing was written.
        """
        if path.exists():
            raise InvalidInput(
                "A manifest is frozen and is never overwritten.",
                where=path,
                next_step="Name a new folder for the new detector.",
            )
        about = {
            "format": FORMAT,
            "tasks": [asdict(task) for task in self.tasks],
            "holdout": self.holdout,
            "warnings": self.warnings,
            "seed": self.seed,
            "created_at_ns": self.created_at_ns,
            "digest": self.digest,
        }
        schema = _SCHEMA.with_metadata({"goalpost": json.dumps(about)})
        table = pa.Table.from_pylist([asdict(row) for row in self.examples], schema=schema)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_atomically(path, sink.getvalue().to_pybytes())


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
) -> Manifest:
    """Join the standing labels, close them, split them by robot and freeze the result at `path`.

    Every frame of a clip shows its outcome, so `config.frames_per_clip` of them are taken, spread
    evenly, plus those that a label names; of a robot's episode the terminal frame counts alone.

    Args:
        tasks: Every task of the workspace with its relations.
        wanted: Tasks of the detector; None: all that have successes and failures to learn from.
        holdout: Robots whose frames only judge.
        created_at_ns: Now [ns since the Unix epoch].

    Raises:
        LabelConflict: Labels contradict each other; names the episodes.
        InvalidInput: Nothing to learn from, a holdout robot without labels, a wanted task without
            successes or failures, a manifest already at `path`.
    """
    episodes = list_episodes(catalog)
    labels: dict[str, list[Label]] = defaultdict(list)
    for label in standing_labels(catalog):
        labels[label.episode_id].append(label)
    labelled = [episode for episode in episodes if episode.info.episode_id in labels]
    _check_holdout(holdout, {episode.info.robot for episode in labelled})
    examples: list[Example] = []
    conflicts: list[str] = []
    for episode in labelled:
        split = assign_split(
            episode.info.robot,
            episode.info.group,
            holdout=holdout,
            validation_share=config.validation_share,
            seed=seed,
        )
        try:
            rows = episode_examples(
                episode, labels[episode.info.episode_id], tasks, split, config.frames_per_clip
            )
        except LabelConflict as error:
            conflicts.append(f"{episode.info.episode_id} ({episode.info.robot}): {error.what}")
        else:
            examples.extend(rows)
    if conflicts:
        raise LabelConflict(
            f"Labels of {len(conflicts)} episode(s) contradict each other. " + " ".join(conflicts),
            where=", ".join(line.split(" ")[0] for line in conflicts),
            next_step="Open these episodes in Label, correct or undo one label of each, and train.",
        )
    chosen, warnings = _choose_tasks(examples, tasks, wanted, holdout)
    examples = [example for example in examples if example.task in chosen]
    check_splits((row.robot, row.group, row.split) for row in examples)
    manifest = Manifest(
        examples=tuple(examples),
        tasks=tasks.only(chosen),
        holdout=tuple(sorted(holdout)),
        warnings=tuple(warnings),
        seed=seed,
        created_at_ns=created_at_ns,
        digest=_digest(examples),
    )
    manifest.save(path)
    return manifest


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
    trainable = tuple(name for name in tasks.names if name not in missing)
    if wanted is not None:
        for name in wanted:
            if tasks[name].name in missing:
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
        for name in tasks.names
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


def _digest(examples: Sequence[Example]) -> str:
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps(list(asdict(example).values())).encode())
    return digest.hexdigest()
