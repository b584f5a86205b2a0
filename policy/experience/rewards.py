"""Rewards: what a detector says about terminal frames, by its own thresholds (MT-Opt, Sec. V).

Shapes: N episodes, T tasks of the detector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.episodes.frames import ImageHWC
from sd_model.judging.score_cache import Named


class Judge(Named, Protocol):
    """What rewards need of a detector; `sd_model.judging.detector.Detector` is one."""

    def score(
        self, frames: Sequence[Mapping[str, ImageHWC]], robots: Sequence[str | None] | None = None
    ) -> NDArray[np.float32]:
        """Probabilities of success of each task from three views, shape (N, T), and whose cell
        each shows."""

    def decide(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Success of each task, by the task's own threshold."""


@dataclass(frozen=True, kw_only=True)
class EpisodeReward:
    """How a detector judged one episode."""

    detector: str
    """The id of the detector."""
    outcomes: Mapping[str, bool]
    """Success of each task it judges: the sparse reward 1 or 0 at the episode's end."""


def episode_rewards(
    detector: Judge,
    terminal_frames: Sequence[Mapping[str, ImageHWC]],
    robots: Sequence[str | None] | None = None,
) -> list[EpisodeReward]:
    """Judge each episode by its terminal frame.

    Args:
        detector: Its thresholds decide.
        terminal_frames: For each episode, the image of every camera.
        robots: For each, the robot that acted.
    """
    if not terminal_frames:
        return []
    return rewards_from_scores(detector, detector.score(terminal_frames, robots))


def rewards_from_scores(detector: Judge, score_NT: NDArray[np.float32]) -> list[EpisodeReward]:
    """Turn the detector's scores, new or remembered, into rewards."""
    return [
        EpisodeReward(
            detector=detector.detector_id,
            outcomes=dict(zip(detector.tasks, row.tolist(), strict=True)),
        )
        for row in detector.decide(score_NT)
    ]
