from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data.episodes.frames import ImageHWC
from policy.experience.rewards import episode_rewards, rewards_from_scores


class GreyDetector:
    """Scores the brightness of the left image: task b at half of task a."""

    detector_id = "grey-1"
    tasks = ("a", "b")

    def score(
        self, frames: Sequence[Mapping[str, ImageHWC]], robots: Sequence[str | None] | None = None
    ) -> NDArray[np.float32]:
        grey_N = np.array([images["left"].mean() / 255 for images in frames])
        return np.stack([grey_N, grey_N / 2], axis=1).astype(np.float32)

    def decide(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        return scores_NT >= np.array([0.9, 0.4])


def views(grey: int) -> dict[str, ImageHWC]:
    return {"left": np.full((4, 4, 3), grey, dtype=np.uint8)}


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


def test_remembered_scores_are_decided_like_new_ones() -> None:
    score_NT = np.array([[0.95, 0.1], [0.1, 0.45]], dtype=np.float32)
    assert [reward.outcomes for reward in rewards_from_scores(GreyDetector(), score_NT)] == [
        {"a": True, "b": False},
        {"a": False, "b": True},
    ]
