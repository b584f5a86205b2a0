"""What every page needs to know: the workspace, and snapshots of its catalog that stay cheap.

A snapshot is read again only when the catalog's files have changed, so that a rerun of a page
(every click causes one) does not wait for the catalog's lock.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import streamlit as st

from data.catalog import Catalog
from data.episode_index import IndexedEpisode, list_episodes
from data.labels import Label, standing_labels
from data.robots import Robot, load_robots
from data.task_store import load_tasks
from data.tasks import TaskSet
from data.workspace import Workspace, default_root, open_workspace

Stamp = tuple[int, ...]
"""Identifies one state of some files: the modification time [ns] and size of each."""


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


def robots() -> dict[str, Robot]:
    """The workspace's robots by name."""
    return load_robots(workspace())


def episodes() -> list[IndexedEpisode]:
    """Every indexed episode, oldest first."""
    return _episodes(str(workspace().root), stamp())


def labels() -> list[Label]:
    """The label that stands for every frame and task."""
    return _labels(str(workspace().root), stamp())


def stamp() -> Stamp:
    """The catalog as it stands now; differs after anything was indexed or labelled."""
    files = (workspace().catalog_path, workspace().labels_path)
    stats = [file.stat() for file in files if file.exists()]
    return tuple(number for stat in stats for number in (stat.st_mtime_ns, stat.st_size))


@st.cache_resource(max_entries=2, show_spinner=False)
def _episodes(root: str, stamp: Stamp) -> list[IndexedEpisode]:
    return list_episodes(catalog())


@st.cache_resource(max_entries=2, show_spinner=False)
def _labels(root: str, stamp: Stamp) -> list[Label]:
    return standing_labels(catalog())
