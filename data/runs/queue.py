"""The queue of heavy runs: one at a time on a machine, in an order that people can change.

A run waits in its own process: `python -m data.runs.queue FOLDER COMMAND...` stands in line, and
when its turn comes it becomes the command. The turn is a lock on a file that the command inherits,
so a run that is killed gives it back, and nobody has to keep the queue running.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from data.errors import GoalpostError
from data.runs.runs import Run, open_run
from data.storage import read_json, write_atomically

_POLL_S = 0.5
_LOOK_S = 1.0
"""How long the processor is watched to see which cores are free."""
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Place:
    """One run's place in line."""

    run: Run
    rank: float
    """The lowest is next."""
    working: bool
    """It has the turn already."""


def places() -> list[Place]:
    """The run at work and those that wait for it, in order; of every workspace on this machine."""
    found = []
    for path in queue_folder().glob("*.json"):
        entry = _entry(path)
        if entry is None or not _alive(entry):
            path.unlink(missing_ok=True)
            continue
        try:
            run = open_run(Path(str(entry["folder"])))
        except GoalpostError:
            continue
        found.append(Place(run=run, rank=float(str(entry["rank"])), working=bool(entry["working"])))
    return sorted(found, key=lambda place: (not place.working, place.rank, place.run.run_id))


def ahead_of(run: Run) -> list[Run]:
    """The runs that a waiting one waits for, the one at work first; none if it does not wait."""
    line = [place.run for place in places()]
    folders = [each.folder for each in line]
    return line[: folders.index(run.folder)] if run.folder in folders else []


def put_first(run: Run) -> None:
    """Let a waiting run be the next one. A run that has begun already is left alone."""
    waiting = [place for place in places() if not place.working]
    path = _path(run)
    entry = _entry(path)
    if entry is not None and waiting and not entry["working"]:
        _write(path, entry | {"rank": min(place.rank for place in waiting) - 1})


def wait_for_turn(run: Run) -> int:
    """Stand in line until it is the run's turn; ends the process where a cancel was asked.

    Returns:
        The open file whose lock is the turn; it lasts until every process that has it ends.
    """
    path = _path(run)
    me: dict[str, object] = {
        "folder": str(run.folder),
        "rank": run.created_at_ns / 1e9,
        "pid": os.getpid(),
        "started_s": psutil.Process().create_time(),
        "working": False,
    }
    _write(path, me)
    turn = os.open(queue_folder() / "turn", os.O_RDWR | os.O_CREAT, 0o600)
    while not (ahead_of(run) == [] and _take(turn)):
        if run.cancel_path.exists():
            path.unlink(missing_ok=True)
            sys.exit(0)
        time.sleep(_POLL_S)
    _write(path, me | {"working": True})
    return turn


def thread_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """As many threads as cores are free, threads that do not spin; what is set already stays."""
    cores = psutil.cpu_count() or 1
    busy = psutil.cpu_percent(interval=_LOOK_S) / 100 * cores
    threads = str(max(1, round(cores - busy)))
    settings = {**dict.fromkeys(_THREAD_SETTINGS, threads), "OMP_WAIT_POLICY": "PASSIVE"}
    return {name: value for name, value in settings.items() if name not in environment}


def queue_folder() -> Path:
    """Where this user's queue is kept: `$GOALPOST_QUEUE`, or a folder for temporary files."""
    default = Path(tempfile.gettempdir()) / f"goalpost-{os.getuid()}" / "queue"
    folder = Path(os.environ.get("GOALPOST_QUEUE", default))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _take(turn: int) -> bool:
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(entry: Mapping[str, object]) -> bool:
    try:
        process = psutil.Process(int(str(entry["pid"])))
        same = abs(process.create_time() - float(str(entry["started_s"]))) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _path(run: Run) -> Path:
    return queue_folder() / f"{run.run_id}.json"


def _entry(path: Path) -> dict[str, object] | None:
    try:
        entry: dict[str, object] = read_json(path)
        return entry if {"folder", "rank", "pid", "started_s", "working"} <= set(entry) else None
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, entry: Mapping[str, object]) -> None:
    write_atomically(path, json.dumps(entry).encode() + b"\n")


def main() -> None:
    """Wait in line, then become the command."""
    folder, *command = sys.argv[1:]
    turn = wait_for_turn(open_run(Path(folder)))
    os.set_inheritable(turn, True)
    os.execvpe(command[0], command, {**os.environ, **thread_settings(os.environ)})


if __name__ == "__main__":
    main()
