"""Tables of scores that are written down by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from data.tasks.tasks import SEED_TASKS
from sd_model.artefact import DetectorSummary
from sd_model.config import load_recipe
from sd_model.judging.scores import as_table
from sd_model.judging.thresholds import Threshold

Row = tuple[str, str, str, str, float]
"""Episode, the task it shows, the judged task, its outcome, the score."""


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """A table of one frame an episode, all on one robot, judged at 0.5."""

    def make(
        rows: list[Row],
        *,
        robot: str = "robot-7",
        split: str = "holdout",
        origin: str = "labelled",
        shard: str = "s",
    ) -> pd.DataFrame:
        return as_table(
            pd.DataFrame(
                {
                    "episode_id": episode,
                    "frame_index": 0,
                    "shard": shard,
                    "robot": robot,
                    "kind": "robot",
                    "split": split,
                    "recorded_at_ns": 1,
                    "shown_task": shown,
                    "task": task,
                    "outcome": outcome,
                    "origin": origin,
                    "from_task": task,
                    "label_id": f"{episode}-{task}",
                    "source": "simulator",
                    "score": score,
                    "decision": score >= 0.5,
                }
                for episode, shown, task, outcome, score in rows
            )
        )

    return make


@pytest.fixture
def summary(tmp_path: Path) -> DetectorSummary:
    """A detector of three lifts with the threshold 0.5."""
    tasks = SEED_TASKS.only(["lift-any", "lift-banana", "lift-carrot"])
    threshold = Threshold(
        value=0.5, way="balanced", failures=3, false_positives=0, bound=0.5, needed=45
    )
    folder = tmp_path / "detectors" / "now"
    folder.mkdir(parents=True)
    return DetectorSummary(
        detector_id="now",
        folder=folder,
        tasks=tasks,
        holdout=("robot-7",),
        created_at_ns=1_790_000_000_000_000_000,
        config=load_recipe("smoke"),
        thresholds=dict.fromkeys(tasks.names, threshold),
        seed=0,
        manifest_digest="",
    )
