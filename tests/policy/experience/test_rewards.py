from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.episodes.frames import ImageHWC
from data.errors import StorageFull
from data.workspace import Workspace, open_workspace
from policy.experience.rewards import ScoreCache, episode_rewards, rewards_from_scores


class GreyDetector:
    """Scores the brightness of the left image: task b at half of task a."""

    detector_id = "grey-1"
    tasks = ("a", "b")

    def score(self, frames: Sequence[Mapping[str, ImageHWC]]) -> NDArray[np.float32]:
        grey_N = np.array([images["left"].mean() / 255 for images in frames])
        return np.stack([grey_N, grey_N / 2], axis=1).astype(np.float32)

    def decide(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        return scores_NT >= np.array([0.9, 0.4])


def views(grey: int) -> dict[str, ImageHWC]:
    return {"left": np.full((4, 4, 3), grey, dtype=np.uint8)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace")


def test_the_detectors_own_thresholds_decide() -> None:
    rewards = episode_rewards(GreyDetector(), [views(255), views(217), views(0)])
    # Scores (1, 0.5), (0.85, 0.43) and (0, 0) against thresholds (0.9, 0.4).
    assert [reward.outcomes for reward in rewards] == [
        {"a": True, "b": True},
        {"a": False, "b": True},
        {"a": False, "b": False},
    ]
    assert {reward.detector for reward in rewards} == {"grey-1"}


def test_no_frames_no_rewards() -> None:
    assert episode_rewards(GreyDetector(), []) == []


def test_scores_outlive_the_process(workspace: Workspace) -> None:
    detector = GreyDetector()
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
    rewards = rewards_from_scores(detector, np.stack([s for s in known if s is not None]))
    assert [reward.outcomes for reward in rewards] == [
        {"a": True, "b": False},
        {"a": False, "b": True},
    ]


def test_a_torn_line_costs_only_its_own_episode(workspace: Workspace) -> None:
    cache = ScoreCache(workspace, GreyDetector())
    cache.add({"e1": np.array([1, 0], dtype=np.float32)})
    cache.add({"e2": np.array([1, 0], dtype=np.float32)})
    cache.path.write_bytes(cache.path.read_bytes()[:-6])  # killed in mid-write
    torn = ScoreCache(workspace, GreyDetector())
    assert torn.get("e1") is not None
    assert torn.get("e2") is None
    torn.add({"e3": np.array([0, 1], dtype=np.float32)})
    assert ScoreCache(workspace, GreyDetector()).get("e3") is not None


def test_lines_that_mean_nothing_are_passed_over(workspace: Workspace) -> None:
    cache = ScoreCache(workspace, GreyDetector())
    cache.add({"e1": np.array([1, 0], dtype=np.float32)})
    with cache.path.open("ab") as file:
        file.write(b'["e2", [0.5]]\n{"e3": 1}\n["e4", "x"]\n7\n\xff\n[[1], [0.5, 0.5]]\n')
    again = ScoreCache(workspace, GreyDetector())
    assert again.get("e1") is not None
    assert [again.get(f"e{number}") for number in (2, 3, 4)] == [None] * 3


def test_a_full_disk_says_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    cache = ScoreCache(workspace, GreyDetector())
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageFull, match="disk is full"):
        cache.add({"e1": np.array([1, 0], dtype=np.float32)})
