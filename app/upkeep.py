"""What the app does by itself when nobody needs it: merging small shards into large ones."""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import islice
from pathlib import Path

from data.catalog.indexing import shard_files
from data.episodes.compaction import is_small
from data.errors import CorruptData
from data.runs.priority import RUN_NICENESS, set_priority
from data.runs.queue import places
from data.workspace import Workspace

IDLE_S = 600.0
"""A workspace in which nothing was written for so long is left alone by its people."""
WORTHWHILE = 50
"""So many small shards are worth a compaction."""


async def keep_tidy(workspace: Workspace) -> None:
    """Compact `workspace` whenever it is idle and has many small shards; runs until cancelled."""
    while True:
        await asyncio.sleep(IDLE_S)
        if await asyncio.to_thread(_is_due, workspace):
            await _compact(workspace)


def _is_due(workspace: Workspace) -> bool:
    return is_idle(workspace, now_s=time.time()) and has_many_small_shards(workspace)


def is_idle(workspace: Workspace, *, now_s: float) -> bool:
    """Whether nothing is recorded, labelled or run here at `now_s` [s since the Unix epoch]."""
    if places() or any(workspace.journals.iterdir()):
        return False
    written = (workspace.catalog_path, workspace.labels_path, workspace.tasks_path)
    return all(not path.exists() or now_s - path.stat().st_mtime > IDLE_S for path in written)


def has_many_small_shards(workspace: Workspace) -> bool:
    """Whether a compaction is worthwhile."""
    small = (path for path in shard_files(workspace) if _is_small(path))
    return next(islice(small, WORTHWHILE - 1, None), None) is not None


def _is_small(path: Path) -> bool:
    try:
        return is_small(path)
    except (CorruptData, FileNotFoundError):
        return False  # a compaction leaves it alone, or has just merged it


async def _compact(workspace: Workspace) -> None:
    command = ("-m", "app.cli", "data", "--workspace", str(workspace.root), "compact")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    set_priority(process.pid, RUN_NICENESS)
    await process.wait()
