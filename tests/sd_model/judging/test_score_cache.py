from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from data.errors import StorageFull
from data.workspace import Workspace, open_workspace
from sd_model.judging.score_cache import ScoreCache


class Two:
    """A detector of two tasks."""

    detector_id = "two-1"
    tasks = ("a", "b")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace")


def test_scores_outlive_the_process(workspace: Workspace) -> None:
    detector = Two()
    cache = ScoreCache(workspace, detector)
    assert cache.get("e1") is None
    cache.add({"e1": np.array([0.95, 0.1], dtype=np.float32)})
    cache.add({"e2": np.array([0.1, 0.45], dtype=np.float32)})
    again = ScoreCache(workspace, detector)
    known = [again.get("e1"), again.get("e2")]
    assert [score_T.tolist() for score_T in known if score_T is not None] == [
        pytest.approx([0.95, 0.1]),
        pytest.approx([0.1, 0.45]),
    ]
    names, score_NT = again.table()
    assert names == ["e1", "e2"]
    np.testing.assert_allclose(score_NT, [[0.95, 0.1], [0.1, 0.45]])
    assert ScoreCache(workspace, detector).table()[1].dtype == np.float32


def test_nothing_remembered_is_an_empty_table(workspace: Workspace) -> None:
    names, score_NT = ScoreCache(workspace, Two()).table()
    assert (names, score_NT.shape) == ([], (0, 2))


def test_a_torn_line_costs_only_its_own_episode(workspace: Workspace) -> None:
    cache = ScoreCache(workspace, Two())
    cache.add({"e1": np.array([1, 0], dtype=np.float32)})
    cache.add({"e2": np.array([1, 0], dtype=np.float32)})
    cache.path.write_bytes(cache.path.read_bytes()[:-6])  # killed in mid-write
    torn = ScoreCache(workspace, Two())
    assert torn.get("e1") is not None
    assert torn.get("e2") is None
    torn.add({"e3": np.array([0, 1], dtype=np.float32)})
    assert ScoreCache(workspace, Two()).get("e3") is not None


def test_lines_that_mean_nothing_are_passed_over(workspace: Workspace) -> None:
    cache = ScoreCache(workspace, Two())
    cache.add({"e1": np.array([1, 0], dtype=np.float32)})
    with cache.path.open("ab") as file:
        file.write(b'["e2", [0.5]]\n{"e3": 1}\n["e4", "x"]\n7\n\xff\n[[1], [0.5, 0.5]]\n')
    again = ScoreCache(workspace, Two())
    assert again.get("e1") is not None
    assert [again.get(f"e{number}") for number in (2, 3, 4)] == [None] * 3


def test_a_full_disk_says_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    cache = ScoreCache(workspace, Two())
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageFull, match="disk is full"):
        cache.add({"e1": np.array([1, 0], dtype=np.float32)})
