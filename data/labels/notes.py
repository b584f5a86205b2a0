"""Notes: what a person wants to remember of an episode, one JSON object a line, only appended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from data.catalog.catalog import Catalog
from data.storage import append
from data.workspace import Workspace

LONGEST = 2000
"""Characters of a note that are kept."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What somebody wrote; of several about one episode the newest stands (empty: none)."""

    episode_id: str
    text: str
    by: str
    at_ns: int
    """When it was written [ns since the Unix epoch]."""


def write_note(catalog: Catalog, note: Note) -> None:
    """Append a note. Raises `StorageFull` where the disk is full."""
    path = catalog.workspace.notes_path
    line = json.dumps(asdict(note) | {"text": note.text[:LONGEST]}).encode()
    with catalog.transaction():  # for its lock: two writers must not mix their lines
        # Starting on a new line keeps one torn write from spoiling the next.
        append(path, b"\n" + line + b"\n")


def read_notes(workspace: Workspace) -> dict[str, Note]:
    """The note that stands for each episode that has one; lines that are none are passed over."""
    notes: dict[str, Note] = {}
    try:
        lines = workspace.notes_path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return notes
    for line in lines:
        try:
            note = Note(**json.loads(line))
        except (ValueError, TypeError):
            continue
        notes[note.episode_id] = note
    return {name: note for name, note in notes.items() if note.text}
