"""LeRobotDataset v3.0 in: any dataset's cameras become ours, its last frame is what is judged.

A dataset that Goalpost exported comes back as it was, with its labels, tasks and identifiers; only
pictures that went through a video have lost what the codec drops.

Differs: a foreign dataset acts on its last frame, whereas our terminal frame follows the last
action, so that action is dropped. Its states and actions are taken only where they are ours, since
another arm's numbers mean something else; its pictures and outcomes are always of use.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from data.catalog.catalog import Catalog
from data.errors import CorruptData, GoalpostError
from data.importers.intake import Intake
from data.importers.lerobot_dataset import LeRobotDataset
from data.importers.lerobot_episodes import EpisodeSource, ForeignEpisodes, OwnEpisodes
from data.importers.mapping import DatasetMapping, settle
from data.importers.receipts import receipt_for
from data.tasks.changes import define_task
from data.tasks.store import load_tasks
from data.tasks.tasks import TaskSet
from data.transfers import lerobot
from data.transfers.tally import Progress, Tally, silent

_LOOK_AHEAD = 200


def import_lerobot(
    catalog: Catalog,
    folder: Path,
    mapping: DatasetMapping,
    *,
    by: str,
    progress: Progress = silent,
    now_ns: int | None = None,
) -> Tally:
    """Take in every episode that is not known yet; a shard's worth of them is in memory at a time.

    Args:
        folder: The dataset's.
        mapping: See `settle` for what may be left out.
        by: Whose word its `next.success` is.
        now_ns: When a dataset that is new here is first seen [ns since the Unix epoch].

    Raises:
        InvalidInput: No dataset, another version, or cameras or robot are missing.
        UnknownName: A camera or a task that does not exist.
        CorruptData: A file is damaged, or a video shorter than its table; what was taken in
            before stays, and importing again goes on from there.
        StorageFull: The disk is full.
    """
    dataset = LeRobotDataset(folder)
    known = settle(
        catalog.workspace,
        dataset.digest(),
        mapping,
        cameras=dataset.cameras,
        now_ns=time.time_ns() if now_ns is None else now_ns,
        complete=not dataset.is_own,
    )
    tally = Tally()
    receipt = receipt_for(catalog.workspace, known.digest, f"LeRobot dataset {folder.resolve()}")
    source: EpisodeSource
    if dataset.is_own:
        _define_missing_tasks(catalog, folder)
        source = OwnEpisodes(dataset)
    else:
        foreign = ForeignEpisodes(dataset, known, load_tasks(catalog.workspace), by)
        tally.notes += foreign.notes()
        source = foreign
    rows = dataset.episodes()
    with Intake(catalog, tally, receipt) as intake:
        for start in range(0, len(rows), _LOOK_AHEAD):
            batch = rows[start : start + _LOOK_AHEAD]
            infos = [source.info(row) for row in batch]
            present = intake.known([info.episode_id for info in infos])
            for number, (row, info) in enumerate(zip(batch, infos, strict=True), start):
                progress(number / len(rows), f"Importing episode {number + 1} of {len(rows)}")
                if info.episode_id in present:
                    intake.pass_over(info.robot, source.labels(row, info))
                else:
                    intake.add(source.episode(row, info), source.labels(row, info))
    return tally


def _define_missing_tasks(catalog: Catalog, folder: Path) -> None:
    path = folder / lerobot.OWN_TASKS
    try:
        theirs = TaskSet.from_json(json.loads(path.read_bytes())["tasks"])
    except (OSError, ValueError, KeyError, TypeError, GoalpostError) as error:
        raise CorruptData(
            f"The dataset's tasks cannot be read ({error}).",
            where=path,
            next_step="Copy the dataset again.",
        ) from error
    ours = load_tasks(catalog.workspace)
    missing = [task for task in theirs if ours.current_name(task.name) not in ours]
    for task in missing:  # those that others refer to first, without their own relations
        define_task(catalog, type(task)(name=task.name, skill=task.skill))
    for task in missing:
        define_task(catalog, task)
