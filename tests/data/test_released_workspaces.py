"""Workspaces that released versions wrote open in this one.

`workspaces/<version>.zip` is one workspace a version, never changed: two clips, a robot's episode,
labels and an undo, a task and a robot of its own, and no index, which is filled anew.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from data.catalog.catalog import rebuild
from data.cells.robots import load_robots
from data.checking import check_workspace
from data.episodes.frames import CAMERAS
from data.episodes.index import list_episodes, load_episode
from data.labels.labels import label_history, standing_labels
from data.tasks.store import load_tasks
from data.workspace import open_workspace

RELEASED = sorted((Path(__file__).parent / "workspaces").glob("*.zip"))


def test_there_is_one_for_every_version() -> None:
    assert [path.stem for path in RELEASED] == ["0.1.0"]


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_it_opens_and_holds_what_it_held(path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        packed.extractall(tmp_path)
    catalog = rebuild(open_workspace(tmp_path, create=False))
    assert check_workspace(catalog, thorough=True) == []
    episodes = list_episodes(catalog)
    assert [each.info.kind for each in episodes] == ["clip", "clip", "robot"]
    steps = load_episode(catalog, episodes[2].info.episode_id).steps
    assert [step.done for step in steps] == [False, True, True]
    assert set(steps[-1].frames.jpegs) == set(CAMERAS)
    assert sorted((label.task, label.outcome) for label in standing_labels(catalog)) == [
        ("fold-towel", "success"), ("lift-any", "failure"), ("lift-any", "success"),
    ]  # fmt: skip
    assert len(label_history(catalog)) == 5
    assert load_tasks(catalog.workspace)["fold-towel"].description == "The towel is folded."
    assert load_robots(catalog.workspace)["lab-arm"].cameras["left"] == "1"
