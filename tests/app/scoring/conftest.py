"""A service whose detector is as simple as can be: brightness is success."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from app.scoring.keys import ApiKeys
from data.episodes.frames import CAMERAS, ImageHWC, encode_jpeg
from data.workspace import Workspace, open_workspace
from sd_model.judging.detector import Detector
from sd_model.judging.metrics import Metrics, error_rate
from sd_model.judging.report import Cell
from sd_model.judging.trust import judge
from sd_model.serving.current import CurrentDetector, Trusted


class Brightness:
    """Scores frames by how bright they are; `place-any` by how dark."""

    tasks = ("lift-can", "place-any")
    thresholds: Mapping[str, float] = {"lift-can": 0.6, "place-any": 0.5}

    def __init__(self, detector_id: str) -> None:
        self.detector_id = detector_id
        self.batches: list[int] = []
        self.robots: list[str | None] = []

    def score(
        self, frames: Sequence[Mapping[str, ImageHWC]], robots: Sequence[str | None] | None = None
    ) -> NDArray[np.float32]:
        self.batches.append(len(frames))
        self.robots += robots or []
        bright_N = np.array([np.mean([images[c] for c in CAMERAS]) / 255 for images in frames])
        return np.stack([bright_N, 1 - bright_N], axis=1).astype(np.float32)

    def decide(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        reached: NDArray[np.bool_] = scores_NT >= np.array(list(self.thresholds.values()))
        return reached

    def unsure(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        between: NDArray[np.bool_] = (scores_NT > 0.4) & (scores_NT < 0.7)
        return between


@dataclass
class Chosen:
    """A `CurrentDetector` whose next detector a test names."""

    trusted: Trusted
    next: Trusted | None = None
    problems: list[Exception] = field(default_factory=list)

    def refresh(self) -> bool:
        if self.problems:
            raise self.problems.pop()
        if self.next is None:
            return False
        self.trusted, self.next = self.next, None
        return True


def _trusted(detector_id: str) -> Trusted:
    """Brightness, held out on robot-7, where lift-can is fine and place-any was never judged."""
    cells = []
    for task, count in (("lift-can", 400), ("place-any", 0)):
        episode_N = np.arange(count).astype(str)
        right = error_rate(np.zeros(count, bool), episode_N)
        metrics = Metrics(
            total=2 * count, success=count, failure=count, success_rate=None, auc=None,
            false_negative=right, false_positive=right, other_false_negative=right,
            other_false_positive=right,
        )  # fmt: skip
        cells.append(
            Cell(
                robot="robot-7",
                split="holdout",
                task=task,
                metrics=metrics,
                verdict=judge(metrics),
                advice=(),
            )
        )
    return Trusted(detector=cast(Detector, Brightness(detector_id)), cells=tuple(cells))


@pytest.fixture
def trusted() -> Callable[[str], Trusted]:
    return _trusted


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace")


@pytest.fixture
def key(workspace: Workspace) -> str:
    return ApiKeys(workspace).add("lab")


@pytest.fixture
def current() -> CurrentDetector:
    return cast(CurrentDetector, Chosen(_trusted("detector-1")))


Views = Callable[..., list[tuple[str, tuple[str, bytes, str]]]]


@pytest.fixture
def views() -> Views:
    """The parts of a multipart request: frame sets of these brightnesses."""

    def make(*greys: int, **changed: Any) -> list[tuple[str, tuple[str, bytes, str]]]:
        parts = []
        for camera in CAMERAS:
            for grey in greys:
                jpeg = changed.get(camera, encode_jpeg(np.full((24, 32, 3), grey, np.uint8)))
                parts.append((camera, (f"{camera}.jpg", jpeg, "image/jpeg")))
        return parts

    return make
