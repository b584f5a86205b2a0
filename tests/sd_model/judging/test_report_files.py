from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.shards import write_shard
from data.errors import CorruptData
from data.workspace import Workspace
from sd_model.artefact import DetectorSummary, save_summary
from sd_model.examples.labelled import Example
from sd_model.examples.manifest import Manifest
from sd_model.judging.report_files import load_report, write_report
from sd_model.judging.scores import save_scores

ROWS = [
    ("e1", "lift-carrot", "lift-carrot", "failure", 0.9),
    ("e2", "lift-carrot", "lift-carrot", "success", 0.8),
]


def _manifest(summary: DetectorSummary) -> Manifest:
    example = Example(
        example_id="x",
        episode_id="x",
        frame_index=0,
        shard="s",
        robot="robot-1",
        group="x",
        kind="clip",
        split="train",
        task="lift-carrot",
        outcome="success",
        origin="labelled",
        label_id="l",
        from_task="lift-carrot",
        source="clip",
        shown_task="lift-carrot",
        recorded_at_ns=1,
    )
    return Manifest(
        examples=(example,),
        tasks=summary.tasks,
        holdout=summary.holdout,
        warnings=("<b>look</b>",),
        seed=0,
        created_at_ns=0,
        digest="",
    )


def test_the_files_hold_the_report_and_the_page_needs_nothing_else(
    table: Callable[..., pd.DataFrame], summary: DetectorSummary
) -> None:
    workspace = Workspace(summary.folder.parent.parent)
    jpegs = dict.fromkeys(CAMERAS, encode_jpeg(np.full((8, 10, 3), 90, np.uint8)))
    frames = EncodedFrameSet(jpegs=jpegs, timestamps_ns=dict.fromkeys(CAMERAS, 1))
    info = EpisodeInfo(
        episode_id="e1", robot="robot-7", kind="robot", behaviour="noisy", recorded_at_ns=1,
        step_count=1,
    )  # fmt: skip
    shard = write_shard(workspace, [Episode(info=info, steps=(Step(frames=frames, done=True),))])
    judged = table(ROWS, shard=str(shard.relative_to(workspace.root)))
    save_scores(summary.folder, judged)

    report = write_report(summary, _manifest(summary))

    assert load_report(summary.folder) == report
    page = (summary.folder / "report.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 3
    assert "http" not in page and "<script" not in page
    assert "&lt;b&gt;look&lt;/b&gt;" in page
    assert "1 of 1 failures of lift-carrot on robot-7 were accepted" in page
    head, *lines = (summary.folder / "report.csv").read_text("utf-8").splitlines()
    row = dict(zip(head.split(","), lines[2].split(","), strict=True))
    assert (row["task"], row["false_positive_errors"], row["false_positive_count"]) == (
        "lift-carrot", "1", "1",
    )  # fmt: skip
    assert [(each.origin, each.frames) for each in report.labels] == [("clip", 1)]


def test_it_is_compared_with_the_newest_detector_before_it(
    table: Callable[..., pd.DataFrame], summary: DetectorSummary
) -> None:
    for name, earlier_ns, score in (("oldest", 2, 0.9), ("before", 1, 0.2), ("elsewhere", 0, 0.9)):
        folder = summary.folder.with_name(name)
        folder.mkdir()
        earlier = replace(
            summary,
            detector_id=name,
            folder=folder,
            created_at_ns=summary.created_at_ns - earlier_ns,
        )
        save_summary(earlier)
        episode = "e9" if name == "elsewhere" else "e2"
        save_scores(folder, table([(episode, "lift-carrot", "lift-carrot", "success", score)]))
    save_scores(summary.folder, table(ROWS))

    comparison = write_report(summary, _manifest(summary)).comparison

    assert comparison is not None
    assert comparison.before == "before"
    [change] = comparison.tasks
    assert (change.missed_before, change.missed_now, change.mended) == (1, 0, 1)


@pytest.mark.parametrize("content", [None, "{", json.dumps({"format": 99}), "[]"])
def test_a_report_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)

    with pytest.raises(CorruptData, match=r"report\.json"):
        load_report(tmp_path)
