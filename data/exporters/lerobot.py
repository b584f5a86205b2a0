"""Episodes as a LeRobotDataset v3.0 that the `lerobot` library loads, iterates and trains on.

A dataset holds clips or robots' episodes, since the one kind acts and the other does not. A clip
has all cameras in every frame. A robot's episode has the policy's camera in every frame and all
three only at its end: its video is of that one camera, and the three terminal views lie beside it
as they were stored, together with labels, tasks and all that is known of each episode.

The terminal frame of a robot's episode is the last row, and its action, of which there was none,
is zero; `next.done` is True on it and on the row before, whose action ended the episode.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo
from data.errors import InvalidInput
from data.exporters.choice import Choice, chosen_episodes, read_chosen
from data.exporters.folder import new_folder
from data.exporters.lerobot_rows import Rows
from data.exporters.lerobot_writer import LeRobotWriter
from data.exporters.rolling_parquet import RollingParquet
from data.labels.labels import standing_labels
from data.recording.sealing import RATE_HZ
from data.storage import write_atomically
from data.tasks.store import load_tasks
from data.transfers import lerobot
from data.transfers.label_table import label_rows
from data.transfers.tally import Progress, Tally, silent

Outcomes = Callable[[Sequence[EpisodeInfo]], Mapping[str, bool]]
"""Whether the episodes succeeded at their own task, by episode_id; those not known are missing."""

_BATCH = 256


def labelled_outcomes(catalog: Catalog) -> Outcomes:
    """The outcomes that people stated: the standing label of each episode's own task, of the whole
    clip or at the robot's end."""

    def outcomes(infos: Sequence[EpisodeInfo]) -> dict[str, bool]:
        by_id = {info.episode_id: info for info in infos}
        found: dict[str, bool] = {}
        for label in standing_labels(catalog, episode_ids=list(by_id)):
            info = by_id[label.episode_id]
            judged = None if info.kind == "clip" else info.step_count - 1
            about_it = (label.task, label.frame_index) == (info.task, judged)
            if about_it and label.outcome != "unsure":
                found[info.episode_id] = label.outcome == "success"
        return found

    return outcomes


def _no_successes(catalog: Catalog, infos: Sequence[EpisodeInfo]) -> dict[str, set[int]]:
    """By clip, the frames of which people say something else than success, as of those that were
    trimmed off it."""
    task_of = {info.episode_id: info.task for info in infos if info.kind == "clip"}
    found: dict[str, set[int]] = {}
    for label in standing_labels(catalog, episode_ids=list(task_of)):
        index = label.frame_index
        if index is None or label.task != task_of[label.episode_id] or label.outcome == "success":
            continue
        found.setdefault(label.episode_id, set()).add(index)
    return found


def export_lerobot(
    catalog: Catalog,
    folder: Path,
    choice: Choice,
    *,
    outcomes: Outcomes | None = None,
    as_video: bool = True,
    progress: Progress = silent,
) -> Tally:
    """Write the chosen episodes, one in memory at a time; the folder appears when all is written.

    Args:
        folder: New; holds the dataset afterwards.
        choice: Its `kind` must be given.
        outcomes: Where `next.success` and `next.reward` come from; episodes of which it knows
            none are left out. Without it the dataset has neither.
        as_video: H.264 in MP4, or else the stored JPEGs within the rows, without any loss but for
            those of another size than the first, such as a robot's terminal view, which are scaled.

    Raises:
        InvalidInput: No kind, nothing to export, or `folder` is there already.
        CorruptData: A shard cannot be read.
        StorageFull: The disk is full. Nothing is left behind.
    """
    if choice.kind is None:
        raise InvalidInput(
            "A LeRobotDataset holds clips or robots' episodes, not both: clips have no actions.",
            valid=["clip", "robot"],
            next_step="Choose one kind, and export the other into a folder of its own.",
        )
    chosen = chosen_episodes(catalog, choice)
    first = next(read_chosen(catalog, chosen[:1]))
    rows = Rows.of(first, rewarded=outcomes is not None)
    tasks = load_tasks(catalog.workspace)
    tally = Tally()
    with new_folder(folder) as place:
        writer = LeRobotWriter(
            place,
            columns=rows.features(),
            sizes={f"{lerobot.IMAGE_PREFIX}{camera}": size for camera, size in rows.sizes.items()},
            rate_hz=round(RATE_HZ),
            as_video=as_video,
            robot="goalpost",
        )
        beside = _Beside(catalog, place)
        for start in range(0, len(chosen), _BATCH):
            exported: list[str] = []
            batch = chosen[start : start + _BATCH]
            infos = [each.info for each in batch]
            known = {} if outcomes is None else outcomes(infos)
            no_successes = {} if outcomes is None else _no_successes(catalog, infos)
            for number, episode in enumerate(read_chosen(catalog, batch), start):
                progress(number / len(chosen), f"Exporting episode {number + 1} of {len(chosen)}")
                succeeded = known.get(episode.info.episode_id)
                reason = rows.unfit(episode, succeeded)
                if reason is not None:
                    tally.leave_out(reason)
                    continue
                doubted = no_successes.get(episode.info.episode_id, ())
                index = writer.add(rows.convert(episode, succeeded, tasks, doubted=doubted))
                beside.add(index, episode)
                exported.append(episode.info.episode_id)
                tally.episodes += 1
                tally.frames += len(episode.steps)
            tally.labels += beside.add_labels(exported)
        if not tally.episodes:
            raise InvalidInput(
                "No episode could be exported: " + "; ".join(tally.lines()[1:]),
                next_step="Label episodes first, or choose others.",
            )
        writer.close()
        beside.close()
        content = json.dumps({"tasks": tasks.as_json()}, indent=1).encode()
        write_atomically(place / lerobot.OWN_TASKS, content)
    return tally


class _Beside:
    """The files that only Goalpost reads: what LeRobot has no place for."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self._episodes = RollingParquet(folder, lerobot.OWN_EPISODES)
        self._labels = RollingParquet(folder, lerobot.OWN_LABELS)

    def add(self, index: int, episode: Episode) -> None:
        """Keep what is known of an episode, and its terminal views if it is a robot's."""
        terminal = episode.steps[-1].frames
        views: list[dict[str, Any]] = [
            {"camera": camera, "jpeg": jpeg, "timestamp_ns": terminal.timestamps_ns[camera]}
            for camera, jpeg in terminal.jpegs.items()
            if episode.info.kind == "robot"
        ]
        row = {"episode_index": index, "info": json.dumps(episode.info.as_json()), "views": views}
        self._episodes.append(pa.Table.from_pylist([row], lerobot.OWN_EPISODE_SCHEMA))

    def add_labels(self, episode_ids: Sequence[str]) -> int:
        """Keep the labels of these episodes, whatever task they are of; returns how many."""
        labels = standing_labels(self._catalog, episode_ids=episode_ids)
        self._labels.append(label_rows(labels))
        return len(labels)

    def close(self) -> None:
        """Finish both files."""
        self._episodes.close()
        self._labels.close()
