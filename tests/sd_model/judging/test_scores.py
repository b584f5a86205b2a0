from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data.episodes.shards import FrameRef, read_frames
from data.errors import CorruptData
from sd_model.judging.scores import load_scores

if TYPE_CHECKING:
    from conftest import Trained


def test_every_judging_row_is_kept_with_its_score(trained: Trained) -> None:
    judged = load_scores(trained.detector.folder)

    expected = [row for row in trained.manifest.examples if row.split != "train"]
    names = ["episode_id", "frame_index", "task", "outcome", "origin", "source", "shown_task"]
    assert list(judged[names].itertuples(index=False, name=None)) == [
        tuple(getattr(row, name) for name in names) for row in expected
    ]
    threshold = judged["task"].astype(str).map(trained.detector.thresholds)
    assert (judged["decision"] == (judged["score"] >= threshold)).all()


def test_a_kept_score_is_what_serving_gives(trained: Trained) -> None:
    judged = load_scores(trained.detector.folder)
    row = judged[judged["split"] == "holdout"].iloc[0]
    ref = FrameRef(row.shard, row.episode_id, row.frame_index)
    images = read_frames(trained.world.workspace, [ref])[0].decode().images

    score = trained.detector.score([images])[0, trained.detector.tasks.index(row.task)]

    np.testing.assert_allclose(score, row.score, atol=1e-5)


def test_missing_scores_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptData, match=r"scores\.parquet"):
        load_scores(tmp_path)
