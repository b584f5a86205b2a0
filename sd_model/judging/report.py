"""The report: per task and per robot, how far a detector can be trusted, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.labels.splits import Split
from sd_model.artefact import DetectorSummary
from sd_model.judging.advice import advise
from sd_model.judging.comparison import Comparison
from sd_model.judging.confusion import Confusion, confusion
from sd_model.judging.label_counts import LabelCount
from sd_model.judging.metrics import MeanRate, Metrics, mean_of_other, mean_of_own, task_metrics
from sd_model.judging.reliability import (
    Reliability,
    ThresholdCurve,
    reliability,
    threshold_curve,
)
from sd_model.judging.scores import Place, at_place, of_own_task, places
from sd_model.judging.thresholds import Threshold
from sd_model.judging.trust import Verdict, judge
from sd_model.judging.worst import WorstMistake, worst_mistakes

RATES = (
    "false_negative", "false_positive", "other_false_negative", "other_false_positive",
)  # fmt: skip
"""The rate columns of `Metrics`, in the paper's order."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One task on one robot."""

    robot: str
    split: Split
    task: str
    metrics: Metrics
    verdict: Verdict
    advice: tuple[str, ...]
    """What to do next, in plain words; empty where nothing is."""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Plain means over the tasks of one robot: what the last line of a table shows."""

    robot: str
    split: Split
    rates: Mapping[str, MeanRate]
    """Per rate column of `Metrics`."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything a report shows."""

    detector_id: str
    created_at_ns: int
    holdout: tuple[str, ...]
    tasks: tuple[str, ...]
    warnings: tuple[str, ...]
    thresholds: Mapping[str, Threshold]
    cells: tuple[Cell, ...]
    """The holdout's robots first, each with every task."""
    means: tuple[Mean, ...]
    confusions: tuple[Confusion, ...]
    """One a held-out robot."""
    reliabilities: tuple[Reliability, ...]
    """One a place, in the order of `means`."""
    curves: tuple[ThresholdCurve, ...]
    """One a task."""
    labels: tuple[LabelCount, ...]
    worst: tuple[WorstMistake, ...]
    comparison: Comparison | None
    """Against the detector before it, where both were judged on the same frames."""

    def cells_of(self, place: Mean) -> tuple[Cell, ...]:
        """The cells of one robot, a task each."""
        return tuple(
            cell for cell in self.cells if (cell.robot, cell.split) == (place.robot, place.split)
        )


def build_report(
    summary: DetectorSummary,
    judged: pd.DataFrame,
    *,
    warnings: Sequence[str] = (),
    labels: Sequence[LabelCount] = (),
    comparison: Comparison | None = None,
) -> Report:
    """The report of a detector from what it said about the examples that judge it.

    Args:
        judged: The table of `scores`.
        warnings: What a reader should know about the data.
        labels: What it learned from.
        comparison: Against an earlier detector.
    """
    cells, means = [], []
    where = places(judged)
    for place in where:
        here = at_place(judged, place)
        found = [_cell(place, task, here) for task in summary.tasks.names]
        cells += found
        means.append(_mean(place, found))
    values = {task: chosen.value for task, chosen in summary.thresholds.items()}
    return Report(
        detector_id=summary.detector_id,
        created_at_ns=summary.created_at_ns,
        holdout=summary.holdout,
        tasks=summary.tasks.names,
        warnings=tuple(warnings),
        thresholds=summary.thresholds,
        cells=tuple(cells),
        means=tuple(means),
        confusions=tuple(confusion(judged, place) for place in where if place.split == "holdout"),
        reliabilities=tuple(reliability(judged, place) for place in where),
        curves=tuple(threshold_curve(judged, task) for task in summary.tasks.names),
        labels=tuple(labels),
        worst=worst_mistakes(judged, values),
        comparison=comparison,
    )


def _cell(place: Place, task: str, here: pd.DataFrame) -> Cell:
    rows = here[here["task"] == task]
    metrics = task_metrics(
        rows["score"].to_numpy(np.float32),
        rows["decision"].to_numpy(np.bool_),
        (rows["outcome"] == "success").to_numpy(np.bool_),
        of_own_task(rows),
        rows["episode_id"].astype(str).to_numpy(np.str_),
    )
    return Cell(
        robot=place.robot,
        split=place.split,
        task=task,
        metrics=metrics,
        verdict=judge(metrics),
        advice=advise(task, place.robot, metrics),
    )


def _mean(place: Place, cells: Sequence[Cell]) -> Mean:
    rates = {}
    for column in RATES:
        mean = mean_of_other if column.startswith("other") else mean_of_own
        rates[column] = mean([getattr(cell.metrics, column) for cell in cells])
    return Mean(robot=place.robot, split=place.split, rates=rates)
