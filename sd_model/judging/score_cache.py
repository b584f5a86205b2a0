"""The scores of terminal frames that a detector gave, remembered between runs.

Shapes: N episodes, T tasks of the detector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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


class ScoreCache:
    """A detector's scores of terminal frames, kept in the workspace's cache between runs.

    Scores are kept and not decisions, so that a threshold can move without scoring anything again.
    A line that a killed process left unfinished is passed over: its episode is scored again. The
    file is read once something is asked of it.
    """

    def __init__(self, workspace: Workspace, detector: Named) -> None:
        self.path: Path = workspace.cache / "scores" / f"{detector.detector_id}.jsonl"
        self._task_count = len(detector.tasks)

    @cached_property
    def _scores(self) -> dict[str, NDArray[np.float32]]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        return dict(found for line in lines if (found := self._read(line)) is not None)

    def _read(self, line: bytes) -> tuple[str, NDArray[np.float32]] | None:
        try:
            episode_id, scores = json.loads(line)
            score_T = np.asarray(scores, dtype=np.float32)
        except (ValueError, TypeError):
            return None
        whole = isinstance(episode_id, str) and score_T.shape == (self._task_count,)
        return (episode_id, score_T) if whole else None

    def get(self, episode_id: str) -> NDArray[np.float32] | None:
        """The scores of an episode's terminal frame, shape (T,), if they are known."""
        return self._scores.get(episode_id)

    def table(self) -> tuple[list[str], NDArray[np.float32]]:
        """The episodes whose scores are known, and those scores, (N, T)."""
        rows = [np.empty((0, self._task_count), dtype=np.float32)]
        rows += [score_T[None] for score_T in self._scores.values()]
        return list(self._scores), np.concatenate(rows)

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
