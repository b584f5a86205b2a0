"""The workspace: the folder in which all data lives (never inside the package `data/`)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from data.errors import WorkspaceError, WorkspaceTooNew
from data.storage import read_json, write_atomically

FORMAT = 1
"""Version of the workspace's layout; raised when an older Goalpost could no longer read it."""

_MARKER = "goalpost.json"
SIGN_IN_FILE = "sign-in.toml"
"""Who may do what in the app; may be there before the workspace is."""
_FOLDERS = (
    "episodes", "journals", "detectors", "policies", "runs", "cells", "cache",
)  # fmt: skip


@dataclass(frozen=True)
class Workspace:
    """Where each kind of data lives. Make one with `open_workspace`."""

    root: Path

    @property
    def catalog_path(self) -> Path:
        """The DuckDB index; can be rebuilt from everything else."""
        return self.root / "catalog.duckdb"

    @property
    def labels_path(self) -> Path:
        """The append-only log of label events, one JSON object a line."""
        return self.root / "labels.jsonl"

    @property
    def notes_path(self) -> Path:
        """The append-only log of notes about episodes, one JSON object a line."""
        return self.root / "notes.jsonl"

    @property
    def sightings_path(self) -> Path:
        """The append-only log of what people pointed at in pictures, one JSON object a line."""
        return self.root / "sightings.jsonl"

    @property
    def tasks_path(self) -> Path:
        """Task definitions and relations."""
        return self.root / "tasks.json"

    @property
    def robots_path(self) -> Path:
        """Robot definitions: kind of cell, camera sources, appearance."""
        return self.root / "robots.json"

    @property
    def episodes(self) -> Path:
        """Immutable Parquet shards, `<robot>/<day>/*.parquet`."""
        return self.root / "episodes"

    @property
    def journals(self) -> Path:
        """Recordings under way, and what crashed recordings left behind."""
        return self.root / "journals"

    @property
    def detectors(self) -> Path:
        """One folder per trained detector."""
        return self.root / "detectors"

    @property
    def policies(self) -> Path:
        """One folder per trained policy."""
        return self.root / "policies"

    @property
    def runs(self) -> Path:
        """One folder per background run."""
        return self.root / "runs"

    @property
    def cells(self) -> Path:
        """Where running cell hosts leave their addresses, `<robot>.json`."""
        return self.root / "cells"

    @property
    def cache(self) -> Path:
        """Derived files; may be deleted at any time."""
        return self.root / "cache"


def default_root() -> Path:
    """`$GOALPOST_WORKSPACE`, or `workspace/` in the current folder."""
    return Path(os.environ.get("GOALPOST_WORKSPACE", "workspace")).resolve()


def open_workspace(root: Path, *, create: bool = True) -> Workspace:
    """Open the workspace at `root`, making its folders if it is new.

    Raises:
        WorkspaceTooNew: It was written by a newer Goalpost. Nothing is changed.
        WorkspaceError: `root` is not a workspace and may not become one.
    """
    root = root.resolve()
    marker = root / _MARKER
    if marker.exists():
        _check_format(marker)
    elif not create:
        raise WorkspaceError(
            "There is no Goalpost workspace here.",
            where=root,
            next_step="Start one with `goalpost up --workspace FOLDER`, or name another folder.",
        )
    elif root.exists() and not _is_free(root):
        raise WorkspaceError(
            "This is not a Goalpost workspace, and it is not empty.",
            where=root,
            next_step="Name an empty or a new folder, so that nothing of yours is mixed up.",
        )
    else:
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(marker, json.dumps({"format": FORMAT}).encode() + b"\n")
    for folder in _FOLDERS:
        (root / folder).mkdir(exist_ok=True)
    return Workspace(root)


def _is_free(root: Path) -> bool:
    return root.is_dir() and {path.name for path in root.iterdir()} <= {SIGN_IN_FILE}


def _check_format(marker: Path) -> None:
    try:
        found = read_json(marker)["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            "The workspace's marker file cannot be read.",
            where=marker,
            valid=[f'{{"format": {FORMAT}}}'],
            next_step="Restore the file from a backup; the data beside it is untouched.",
        ) from error
    if not isinstance(found, int) or found > FORMAT:
        raise WorkspaceTooNew(
            f"This workspace has format {found}; this Goalpost reads up to format {FORMAT}.",
            where=marker,
            valid=[str(n) for n in range(1, FORMAT + 1)],
            next_step="Update Goalpost, or open another workspace. Nothing was changed.",
        )
