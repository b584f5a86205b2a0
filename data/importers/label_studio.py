"""Label Studio's JSON in: what people chose for each frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from data.errors import CorruptData, InvalidInput
from data.importers.label_table import Part, Row, in_parts


def read_label_studio(path: Path) -> Iterator[Part]:
    """The choices in an export of Label Studio ("JSON"), as rows of a table of labels.

    Every task there must carry `episode_id`, `frame_index` and `task` in its `data`, as
    `goalpost data export label-studio` writes them. Skipped annotations say nothing.

    Raises:
        CorruptData: The file is no such export.
    """
    try:
        entries = json.loads(path.read_bytes())
        if not isinstance(entries, list):
            raise TypeError("not a list of tasks")
        rows = [
            row
            for entry in entries
            for annotation in entry.get("annotations", ())
            if not annotation.get("was_cancelled")
            for row in _rows(entry["data"], annotation)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptData(
            f"This is no JSON export of Label Studio ({error!r}).",
            where=path,
            next_step="Export the project as JSON (not JSON-MIN), and import that file.",
        ) from error
    yield from in_parts(rows)


def _rows(about: Mapping[str, Any], annotation: Mapping[str, Any]) -> Iterator[Row]:
    for result in annotation["result"]:
        if result["type"] != "choices":
            continue
        [outcome] = result["value"]["choices"]
        said_at = annotation.get("updated_at") or annotation.get("created_at")
        unchanged = about.get("outcome") == outcome
        yield {
            "label_id": about["label_id"]
            if unchanged
            else f"label-studio-{annotation['id']}-{result['id']}-{said_at}",
            "episode_id": about["episode_id"],
            "frame_index": about["frame_index"],
            "task": about["task"],
            "outcome": outcome,
            "by": about["by"] if unchanged else _person(annotation.get("completed_by")),
            # Who was shown what stood and changed it reviewed it; what was never said here is new.
            "source": "review" if about.get("outcome") else "import",
            "at_ns": _nanoseconds(said_at),
        }


def _person(completed_by: Any) -> str | None:
    if isinstance(completed_by, Mapping):
        return str(completed_by.get("email") or completed_by["id"])
    return None if completed_by is None else f"label-studio-{completed_by}"


def _nanoseconds(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1e6) * 1000
    except ValueError as error:
        raise InvalidInput(f"a time that cannot be read: {text}") from error
