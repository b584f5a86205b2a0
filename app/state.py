"""What every page needs to know: the workspace, and what its catalog answers.

A question is asked again only when the catalog's files have changed, so that a rerun of a page
(every click causes one) does not wait for the catalog's lock.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

from cachetools import LRUCache

from data.catalog import counts
from data.catalog.catalog import Catalog
from data.catalog.counts import Census, OutcomeCounts
from data.cells.robots import Robot, load_robots
from data.cells.simulated.opening import has_simulator
from data.tasks.store import load_tasks
from data.tasks.tasks import SEED_TASKS, TaskSet
from data.workspace import Workspace, default_root, open_workspace

Stamp = tuple[int, ...]
"""Identifies one state of some files: the modification time [ns] and size of each."""
Answer = TypeVar("Answer")
Asked = ParamSpec("Asked")

_ANSWERS: LRUCache[tuple[object, ...], tuple[Stamp, object]] = LRUCache(maxsize=32)
"""By question and what it was asked about: the last answer, and the state that it was given of."""
_ANSWERS_LOCK = threading.Lock()


def workspace() -> Workspace:
    """The workspace this server was started for (`$GOALPOST_WORKSPACE`)."""
    return _workspace(default_root())


def catalog() -> Catalog:
    """The catalog of `workspace()`; made once, opened for one short transaction at a time."""
    return _catalog(workspace())


@lru_cache(maxsize=4)
def _workspace(root: Path) -> Workspace:
    return open_workspace(root)


@lru_cache(maxsize=4)
def _catalog(workspace: Workspace) -> Catalog:
    return Catalog(workspace)


def tasks() -> TaskSet:
    """The workspace's tasks."""
    return load_tasks(workspace())


def tasks_to_choose() -> list[str]:
    """The tasks in use as a person looks for them: one's own first, the newest leading."""
    names = tasks().in_use
    own = [name for name in reversed(names) if name not in SEED_TASKS]
    return [*own, *(name for name in names if name in SEED_TASKS)]


def robots() -> dict[str, Robot]:
    """The workspace's robots by name."""
    return load_robots(workspace())


def robots_with_cameras() -> list[str]:
    """Those whose cameras can be opened here."""
    return [
        robot.name
        for robot in robots().values()
        if robot.has_cell and (robot.kind != "simulated" or has_simulator())
    ]


def acting_robots() -> list[str]:
    """Those whose arms Goalpost can move: the simulated ones."""
    simulated = [robot.name for robot in robots().values() if robot.kind == "simulated"]
    return simulated if has_simulator() else []


def census() -> Census:
    """Every indexed episode, counted."""
    return answer(counts.census)


def outcome_counts() -> OutcomeCounts:
    """What people said and what follows from it, counted by task and robot."""
    return answer(counts.outcome_counts)


def pair_counts() -> Counter[tuple[str, str]]:
    """Complete pairs of clips by (task, robot)."""
    return answer(counts.pair_counts)


def answer(
    question: Callable[Concatenate[Catalog, Asked], Answer],
    *arguments: Asked.args,
    **options: Asked.kwargs,
) -> Answer:
    """The answer to a question that only the catalog decides, asked once for each state of it.

    Args:
        arguments: What it is asked about, hashable, as are `options`.

    Returns:
        What every page shares: not to be changed.
    """
    key = (question, workspace().root, arguments, tuple(sorted(options.items())))
    stamp = _stamp()
    with _ANSWERS_LOCK:
        known = _ANSWERS.get(key)
    if known is not None and known[0] == stamp:
        return cast(Answer, known[1])
    found = question(catalog(), *arguments, **options)
    with _ANSWERS_LOCK:
        _ANSWERS[key] = stamp, found
    return found


def _stamp() -> Stamp:
    """The catalog as it stands now; differs after anything was indexed, labelled or defined."""
    files = (workspace().catalog_path, workspace().labels_path, workspace().tasks_path)
    stats = [file.stat() for file in files if file.exists()]
    return tuple(number for stat in stats for number in (stat.st_mtime_ns, stat.st_size))
