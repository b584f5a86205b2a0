from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.errors import CorruptData
from sd_model.artefact import load_summary
from sd_model.judging.report import build_report, load_report, report_html, report_table
from sd_model.judging.scores import load_scores

if TYPE_CHECKING:
    from conftest import Trained


def test_the_holdout_comes_first_and_every_task_has_a_cell(trained: Trained) -> None:
    report = load_report(trained.detector.folder)

    assert report.means[0].robot == "robot-4"
    assert {mean.split for mean in report.means} == {"holdout", "validation"}
    assert len(report.cells) == 3 * len(report.means)


def test_counts_tell_labelled_from_derived(trained: Trained) -> None:
    report = load_report(trained.detector.folder)
    cell = next(c for c in report.cells if (c.robot, c.task) == ("robot-4", "show-red"))

    # 8 scenes of 4 frames: labelled for show-red are the red and the empty ones; what the green
    # ones say of show-red follows from the label of show-green.
    assert (cell.metrics.total, cell.metrics.success, cell.metrics.failure) == (64, 32, 32)
    assert cell.metrics.false_positive.episodes == 8
    assert cell.metrics.other_false_positive.count == 32
    assert cell.metrics.other_false_negative.count == 0


def test_it_survives_json(trained: Trained) -> None:
    summary = load_summary(trained.detector.folder)
    judged = load_scores(trained.detector.folder)

    report = build_report(summary, judged, trained.manifest.warnings)

    assert load_report(trained.detector.folder) == report


def test_errors_show_in_the_table_and_on_the_page(trained: Trained) -> None:
    summary = load_summary(trained.detector.folder)
    judged = [
        replace(row, decision=True) if row.task == "show-red" else row
        for row in load_scores(trained.detector.folder)
    ]

    report = build_report(summary, judged, ["<b>look</b>"])
    table = report_table(report)
    page = report_html(report)

    line = next(line for line in table.splitlines() if line.startswith("show-red"))
    assert line.split()[:5] == ["show-red", "64", "32", "32", "50.0%"]
    assert "100.0% (32 of 32, 68 to 100%)" in line
    assert "32 of 32 failures of show-red on robot-4 were accepted" in page
    assert "&lt;b&gt;look&lt;/b&gt;" in page
    assert "http" not in page


@pytest.mark.parametrize("content", [None, "{", json.dumps({"format": 99}), "[]"])
def test_a_report_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)

    with pytest.raises(CorruptData, match=r"report\.json"):
        load_report(tmp_path)
