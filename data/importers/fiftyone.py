"""FiftyOne's image classification folder in: the class of every image is an outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.errors import CorruptData
from data.importers.label_table import Part, Row, in_parts
from data.transfers.fiftyone import LABELS, parse_name


def read_fiftyone(folder: Path) -> Iterator[Part]:
    """The outcomes in a `FiftyOneImageClassificationDataset`, as rows of a table of labels.

    Images must be called as `goalpost data export fiftyone` calls them. The views of one frame are
    one frame: the outcome that somebody changed counts, else what stood before.

    Raises:
        CorruptData: The folder holds no such data set.
    """
    path = folder / LABELS
    try:
        content = json.loads(path.read_bytes())
        classes = content.get("classes")
        frames: dict[tuple[str, int, str], Row] = {}
        for name, target in content["labels"].items():
            if target is None:
                continue
            episode_id, frame_index, task = parse_name(name)
            row = _row(target, classes)
            key = (episode_id, frame_index, task)
            if key not in frames or row["label_id"] is None:
                about = {"episode_id": episode_id, "frame_index": frame_index, "task": task}
                frames[key] = {**about, **row}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CorruptData(
            f"This is no FiftyOneImageClassificationDataset ({error!r}).",
            where=path,
            next_step="Export it with that dataset_type and include_attributes=True.",
        ) from error
    yield from in_parts(list(frames.values()))


def _row(target: Any, classes: list[str] | None) -> dict[str, Any]:
    said = target if isinstance(target, dict) else {"label": target}
    label = said["label"]
    outcome = classes[label] if isinstance(label, int) and classes else label
    ours = said.get("attributes") or {}
    unchanged = ours.get("outcome") == outcome
    return {
        "label_id": ours["label_id"] if unchanged else None,
        "outcome": outcome,
        "by": ours["by"] if unchanged else None,
        # Who was shown what stood and changed it reviewed it; what was never said here is new.
        "source": "review" if ours.get("outcome") else "import",
        "at_ns": ours["at_ns"] if unchanged else None,
    }
