"""Labels out: as a table, and with their frames for Label Studio and FiftyOne."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from data.catalog.catalog import Catalog
from data.errors import InvalidInput
from data.exporters.choice import Choice, chosen_episodes
from data.exporters.folder import new_folder
from data.exporters.frame_images import (
    ImageName,
    LabelledFrame,
    frame_name,
    write_labelled_frames,
)
from data.labels.labels import Label, standing_tables
from data.storage import full_disk_is_an_error, write_atomically
from data.tasks.store import load_tasks
from data.transfers.fiftyone import LABELS, image_name
from data.transfers.label_table import LABEL_SCHEMA
from data.transfers.tally import Progress, Tally, silent


def export_label_table(catalog: Catalog, path: Path, *, progress: Progress = silent) -> Tally:
    """Write every standing label into a new CSV or Parquet file, by its ending, in constant memory.

    The file appears when all is written.

    Raises:
        InvalidInput: The ending says neither, or the file is there already.
        StorageFull: The disk is full.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidInput(
            f"A table of labels cannot be a '{path.suffix}' file.",
            where=path,
            valid=[".csv", ".parquet"],
        )
    if path.exists():
        raise InvalidInput(
            "There is a file of this name already.", where=path, next_step="Name a new one."
        )
    write = pq.ParquetWriter if path.suffix == ".parquet" else pa.csv.CSVWriter
    tally = Tally()
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with full_disk_is_an_error(path), write(temporary, LABEL_SCHEMA) as writer:
            for share, table in standing_tables(catalog):
                writer.write_table(table.cast(LABEL_SCHEMA))
                tally.labels += len(table)
                progress(share, f"Exporting labels: {tally.labels}")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return tally


def export_label_studio(
    catalog: Catalog, folder: Path, choice: Choice, task: str, *, progress: Progress = silent
) -> Tally:
    """Write frames, `tasks.json` and `config.xml` that Label Studio imports, for one task of ours.

    Each task there shows the three views of a frame and asks for an outcome; what stands already
    is its annotation, under its own `label_id`.

    Raises:
        UnknownName: There is no such task.
        InvalidInput: Nothing to export, or `folder` is there already.
        CorruptData: A shard cannot be read.
        StorageFull: The disk is full.
    """
    task = load_tasks(catalog.workspace)[task].name
    tally = Tally()
    with new_folder(folder) as place:
        entries = [
            _label_studio_entry(frame, task, tally)
            for frame in _frames(catalog, place, choice, tally, progress)
        ]
        _write_json(place / "tasks.json", entries)
        write_atomically(place / "config.xml", _LABEL_STUDIO_CONFIG.encode())
    return tally


def export_fiftyone(
    catalog: Catalog, folder: Path, choice: Choice, task: str, *, progress: Progress = silent
) -> Tally:
    """Write a folder that `fiftyone.types.FiftyOneImageClassificationDataset` loads, for one task.

    Every view of every frame is an image, classified by what stands; frames without a label have
    no class.

    Raises:
        UnknownName: There is no such task.
        InvalidInput: Nothing to export, or `folder` is there already.
        CorruptData: A shard cannot be read.
        StorageFull: The disk is full.
    """
    task = load_tasks(catalog.workspace)[task].name
    tally = Tally()
    targets: dict[str, Any] = {}
    with new_folder(folder) as place:

        def named(episode_id: str, frame_index: int, camera: str) -> str:
            return image_name(episode_id, frame_index, task, camera)

        for frame in _frames(catalog, place, choice, tally, progress, named):
            label = frame.labels.get(task)
            tally.labels += label is not None
            for name in frame.images.values():
                targets[Path(name).stem] = None if label is None else _target(label)
        _write_json(place / LABELS, {"labels": targets})
    return tally


def _target(label: Label) -> dict[str, Any]:
    known = {"label_id": label.label_id, "outcome": label.outcome, "by": label.by,
             "at_ns": label.at_ns}  # fmt: skip
    return {"label": label.outcome, "confidence": None, "attributes": known}


def _frames(
    catalog: Catalog,
    folder: Path,
    choice: Choice,
    tally: Tally,
    progress: Progress,
    named: ImageName = frame_name,
) -> Iterator[LabelledFrame]:
    chosen = [each.info.episode_id for each in chosen_episodes(catalog, choice)]
    tally.episodes = len(chosen)
    for frame in write_labelled_frames(catalog, folder, chosen, named):
        progress(min(1.0, tally.frames / len(chosen)), f"Exporting frame {tally.frames + 1}")
        tally.frames += 1
        yield frame


_LABEL_STUDIO_CONFIG = """<View>
  <Header value="$question"/>
  <View style="display: flex">
    <Image name="over_shoulder" value="$over_shoulder"/>
    <Image name="left" value="$left"/>
    <Image name="right" value="$right"/>
  </View>
  <Choices name="outcome" toName="over_shoulder" choice="single" required="true">
    <Choice value="success" hotkey="1"/>
    <Choice value="failure" hotkey="0"/>
    <Choice value="unsure"/>
  </Choices>
</View>
"""


def _label_studio_entry(frame: LabelledFrame, task: str, tally: Tally) -> dict[str, Any]:
    local = "/data/local-files/?d="
    entry: dict[str, Any] = {
        "data": {
            "question": f"Did {task} succeed?",
            "episode_id": frame.info.episode_id,
            "frame_index": frame.frame_index,
            "task": task,
            **{camera: local + name for camera, name in frame.images.items()},
        }
    }
    label = frame.labels.get(task)
    if label is not None:
        tally.labels += 1
        entry["data"] |= {"label_id": label.label_id, "outcome": label.outcome, "by": label.by}
        at = datetime.fromtimestamp(label.at_ns / 1e9, UTC).isoformat()
        entry["annotations"] = [
            {
                "id": label.label_id,
                "was_cancelled": False,
                "created_at": at,
                "updated_at": at,
                "result": [
                    {
                        "id": label.label_id,
                        "from_name": "outcome",
                        "to_name": "over_shoulder",
                        "type": "choices",
                        "value": {"choices": [label.outcome]},
                    }
                ],
            }
        ]
    return entry


def _write_json(path: Path, content: Any) -> None:
    write_atomically(path, json.dumps(content, indent=1).encode())
