from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from sd_model.artefact import DetectorSummary
from sd_model.judging.report import build_report
from sd_model.judging.scores import as_table

# What a simulator says of two episodes: every task is labelled, none is derived.
EPISODES = [
    ("carrot", "lift-carrot", "lift-any", "success", 0.9),
    ("carrot", "lift-carrot", "lift-carrot", "success", 0.4),
    ("carrot", "lift-carrot", "lift-banana", "failure", 0.8),
    ("empty", "lift-any", "lift-any", "failure", 0.1),
    ("empty", "lift-any", "lift-carrot", "failure", 0.7),
    ("empty", "lift-any", "lift-banana", "failure", 0.2),
]


def test_other_task_columns_count_what_other_episodes_show(
    table: Callable[..., pd.DataFrame], summary: DetectorSummary
) -> None:
    report = build_report(summary, table(EPISODES))

    metrics = {cell.task: cell.metrics for cell in report.cells}
    carrot, banana, anything = (metrics[f"lift-{n}"] for n in ("carrot", "banana", "any"))
    assert (carrot.total, carrot.false_negative.errors, carrot.false_positive.count) == (1, 1, 0)
    assert (carrot.other_false_positive.errors, carrot.other_false_positive.count) == (1, 1)
    assert (banana.total, banana.other_false_positive.errors) == (0, 1)
    assert banana.other_false_positive.count == 2
    assert (anything.total, anything.other_false_negative.count) == (1, 1)
    mean = report.means[0].rates["other_false_positive"]
    assert mean.tasks == 2
    assert mean.value == pytest.approx((1 / 1 + 1 / 2) / 2)


def test_held_out_robots_come_first_and_every_task_has_a_cell(
    table: Callable[..., pd.DataFrame], summary: DetectorSummary
) -> None:
    judged = as_table(
        pd.concat([table(EPISODES, robot="robot-1", split="validation"), table(EPISODES)])
    )

    report = build_report(summary, judged)

    assert [(mean.robot, mean.split) for mean in report.means] == [
        ("robot-7", "holdout"), ("robot-1", "validation"),
    ]  # fmt: skip
    assert [cell.task for cell in report.cells] == 2 * list(summary.tasks.names)
    assert [each.robot for each in report.confusions] == ["robot-7"]
    assert {each.robot for each in report.worst} == {"robot-7"}
