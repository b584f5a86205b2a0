"""RLDS and TFDS data sets in: MT-Opt's release, Open X-Embodiment and their like.

Two forms are read, whatever the names of the features. A record that has `steps/...` is an episode
(RLDS). A record without is one moment, seen by every camera, with an outcome: what MT-Opt's success
detector was trained on (`image_0`, `image_1`, `image_2`, `success`, `task_code`); it becomes an
episode of one step, whose only frame is the terminal one.

Differs: the releases do not say which robot an example comes from, so all become episodes of one
robot, and those of a split other than `train` of another (`<robot>-test`), which can be held out as
a whole. Actions are not taken, since another arm's numbers mean something else; the state is, where
it is QT-Opt's (`gripper_closed`, `height_to_bottom`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.catalog.catalog import Catalog
from data.errors import GoalpostError, InvalidInput
from data.importers.intake import Intake
from data.importers.mapping import DatasetMapping, digest_of, settle
from data.importers.receipts import receipt_for
from data.importers.rlds_episodes import RldsReader, camera_names
from data.importers.tf_example import Values, parse_example
from data.importers.tfrecord import read_records
from data.tasks.store import load_tasks
from data.transfers.tally import Progress, Tally, silent

_FILE = re.compile(r"(?:(?P<name>.+)-)?(?P<split>[A-Za-z0-9]+)\.tfrecord.*")
_LOOK_AHEAD = 1000


def import_rlds(
    catalog: Catalog,
    folder: Path,
    mapping: DatasetMapping,
    *,
    by: str,
    outcome: str = "success",
    progress: Progress = silent,
    now_ns: int | None = None,
) -> Tally:
    """Take in every record that is not known yet; a shard's worth of them is in memory at a time.

    Args:
        folder: Holds the TFRecord files, at any depth.
        mapping: See `settle` for what may be left out.
        by: Whose word the outcomes are.
        outcome: The feature that says success, by a value above 0 (its last one, in an episode);
            a data set without it comes in unlabelled.
        now_ns: When a data set that is new here is first seen [ns since the Unix epoch].

    Raises:
        InvalidInput: No TFRecord file, or cameras or robot are missing.
        UnknownName: A camera or a task that does not exist.
        CorruptData: A file is cut off or damaged; what was taken in before stays, and importing
            again goes on from there. A record that makes no episode is left out and counted.
        StorageFull: The disk is full.
    """
    described = describe(folder)
    files = described.files
    known = settle(
        catalog.workspace,
        described.digest,
        mapping,
        cameras=described.cameras,
        now_ns=time.time_ns() if now_ns is None else now_ns,
    )
    reader = RldsReader(known, load_tasks(catalog.workspace), by=by, outcome=outcome)
    tally = Tally()
    receipt = receipt_for(catalog.workspace, known.digest, f"RLDS data set {folder.resolve()}")
    with Intake(catalog, tally, receipt) as intake:
        for number, path in enumerate(files):
            progress(number / len(files), f"Importing file {number + 1} of {len(files)}")
            split = split_of(path)
            file = ""
            present: set[str] = set()
            for index, record in enumerate(read_records(path)):
                file = file or digest_of([path.name.encode(), record])
                if index % _LOOK_AHEAD == 0:
                    progress(number / len(files), f"Importing {path.name}, record {index + 1}")
                    ahead = range(index, index + _LOOK_AHEAD)
                    present = intake.known([reader.episode_id(file, each) for each in ahead])
                episode_id = reader.episode_id(file, index)
                try:
                    taken = reader.take(episode_id, parse_example(record), split)
                except GoalpostError as error:
                    tally.leave_out(error.what)
                    continue
                if episode_id in present:
                    intake.pass_over(taken.episode.info.robot, taken.labels)
                else:
                    intake.add(taken.episode, taken.labels)
    tally.notes += reader.notes()
    return tally


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a data set says of itself in its first record."""

    files: Sequence[Path]
    digest: str
    cameras: tuple[str, ...]


def describe(folder: Path) -> Described:
    """Look at the data set below `folder`. Raises `InvalidInput` and `CorruptData`."""
    files = tfrecord_files(folder)
    first = _first_example(files)
    # Neither where files lie nor how much of them has been downloaded may tell data sets apart.
    about = {_FILE.sub(r"\g<name>", path.name) for path in files} | set(first)
    return Described(
        files=files,
        digest=digest_of(name.encode() for name in sorted(about)),
        cameras=tuple(camera_names(first)),
    )


def first_images(folder: Path) -> dict[str, bytes]:
    """The first image of every camera. Raises like `describe`."""
    first = _first_example(tfrecord_files(folder))
    return {camera: bytes(first[camera][0]) for camera in camera_names(first)}


def _first_example(files: Sequence[Path]) -> dict[str, Values]:
    for path in files:
        for record in read_records(path):
            return parse_example(record)
    raise InvalidInput(
        "The TFRecord files are empty.",
        where=files[0].parent,
        next_step="Copy or download the data set again.",
    )


def tfrecord_files(folder: Path) -> list[Path]:
    """The TFRecord files below `folder`, in order. Raises `InvalidInput` where there is none."""
    found = sorted(path for path in folder.rglob("*.tfrecord*") if path.is_file())
    if not found:
        raise InvalidInput(
            "There is no TFRecord file here.",
            where=folder,
            valid=["NAME-SPLIT.tfrecord-00000-of-00001"],
            next_step="Name the folder that holds the data set's files.",
        )
    return found


def split_of(path: Path) -> str:
    """The split that a file of TFDS belongs to, by its name; `train` where it says none."""
    match = _FILE.fullmatch(path.name)
    return match["split"] if match and match["name"] else "train"
