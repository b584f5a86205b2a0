"""Rewards: what a detector says about terminal frames, by its own thresholds (MT-Opt, Sec. V).

Shapes: N episodes, T tasks of the detector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.episodes.frames import ImageHWC
from data.storage import append
from data.workspace import Workspace


class Named(Protocol):
    """What tells a detector's scores from another's."""

    @property
    def detector_id(self) -> str:
        """Its name in the workspace."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks it judges, in the order of its scores."""


class Judge(Named, Protocol):
    """What rewards need of a detector; `sd_model.judging.detector.Detector` is one."""

    def score(self, frames: Sequence[Mapping[str, ImageHWC]]) -> NDArray[np.float32]:
        """Probabilities of success of each task from three views, shape (N, T)."""

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
    detector: Judge, terminal_frames: Sequence[Mapping[str, ImageHWC]]
) -> list[EpisodeReward]:
    """Judge each episode by its terminal frame.

    Args:
        detector: Its thresholds decide.
        terminal_frames: For each episode, the image of every camera.
    """
    if not terminal_frames:
        return []
    return rewards_from_scores(detector, detector.score(terminal_frames))


def rewards_from_scores(detector: Judge, score_NT: NDArray[np.float32]) -> list[EpisodeReward]:
    """Turn the detector's scores, new or remembered, into rewards."""
    return [
        EpisodeReward(
            detector=detector.detector_id,
            outcomes=dict(zip(detector.tasks, row.tolist(), strict=True)),
        )
        for row in detector.decide(score_NT)
    ]


class ScoreCache:
    """A detector's scores of terminal frames, kept in the workspace's cache between runs.

    Scores are kept and not decisions, so that a threshold can move without scoring anything again.
    A line that a killed process left unfinished is passed over: its episode is scored again.
    """

    def __init__(self, workspace: Workspace, detector: Named) -> None:
        self.path: Path = workspace.cache / "scores" / f"{detector.detector_id}.jsonl"
        self._scores: dict[str, NDArray[np.float32]] = {}
        if self.path.exists():
            for line in self.path.read_bytes().splitlines():
                self._remember(line, len(detector.tasks))

    def _remember(self, line: bytes, task_count: int) -> None:
        try:
            episode_id, scores = json.loads(line)
            score_T = np.asarray(scores, dtype=np.float32)
        except (ValueError, TypeError):
            return
        if isinstance(episode_id, str) and score_T.shape == (task_count,):
            self._scores[episode_id] = score_T

    def get(self, episode_id: str) -> NDArray[np.float32] | None:
        """The scores of an episode's terminal frame, shape (T,), if they are known."""
        return self._scores.get(episode_id)

    def add(self, scores: Mapping[str, NDArray[np.float32]]) -> None:
        """Remember the `scores` of some episodes. Raises `StorageFull`."""
        if not scores:
            return
        self._scores.update(scores)
        lines = b"".join(
            json.dumps([episode_id, score_T.tolist()]).encode() + b"\n"
            for episode_id, score_T in scores.items()
        )
        # Starting on a new line keeps one torn write from spoiling the next.
        append(self.path, b"\n" + lines)
