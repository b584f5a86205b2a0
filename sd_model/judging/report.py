"""The report: per task and per robot, how far a detector can be trusted, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from data.errors import CorruptData
from data.splits import Split
from data.storage import write_atomically
from sd_model.artefact import DetectorSummary
from sd_model.examples.manifest import Manifest
from sd_model.judging.advice import advise
from sd_model.judging.metrics import Interval, Metrics, Rate, task_metrics
from sd_model.judging.scores import JudgedExample, load_scores
from sd_model.judging.thresholds import Threshold

FORMAT = 1
"""Version of `report.json`."""

JSON = "report.json"
HTML = "report.html"

_COLUMNS = (
    "false_negative", "false_positive", "other_false_negative", "other_false_positive",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One task on one robot."""

    robot: str
    split: Split
    task: str
    metrics: Metrics
    advice: tuple[str, ...]
    """What to do next, in plain words; empty where nothing is."""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Plain means over the tasks of one robot: what the last line of a table shows."""

    robot: str
    split: Split
    rates: Mapping[str, float | None]
    """Per rate column of `Metrics`; None where no task has a value."""


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


def build_report(
    summary: DetectorSummary, judged: Sequence[JudgedExample], warnings: Sequence[str]
) -> Report:
    """The report of a detector from what it said about the examples that judge it."""
    cells, means = [], []
    places = {(row.split, row.robot) for row in judged}
    for split, robot in sorted(places, key=lambda place: (place[0] != "holdout", place[1])):
        here = [row for row in judged if (row.split, row.robot) == (split, robot)]
        found = []
        for task in summary.tasks.names:
            metrics = _metrics([row for row in here if row.task == task])
            found.append(
                Cell(
                    robot=robot,
                    split=split,
                    task=task,
                    metrics=metrics,
                    advice=advise(task, robot, metrics),
                )
            )
        cells += found
        means.append(Mean(robot=robot, split=split, rates=_means(found)))
    return Report(
        detector_id=summary.detector_id,
        created_at_ns=summary.created_at_ns,
        holdout=summary.holdout,
        tasks=summary.tasks.names,
        warnings=tuple(warnings),
        thresholds=summary.thresholds,
        cells=tuple(cells),
        means=tuple(means),
    )


def write_report(summary: DetectorSummary, manifest: Manifest) -> Report:
    """Build the report from the folder's scores and write `report.json` and `report.html`.

    Raises:
        CorruptData: The scores cannot be read.
        StorageFull: The disk is full.
    """
    report = build_report(summary, load_scores(summary.folder), manifest.warnings)
    content = json.dumps({"format": FORMAT, **asdict(report)}, indent=1)
    write_atomically(summary.folder / JSON, content.encode() + b"\n")
    write_atomically(summary.folder / HTML, report_html(report).encode())
    return report


def load_report(folder: Path) -> Report:
    """Read `report.json` of the detector in `folder`.

    Raises:
        CorruptData: It is missing, damaged, or a newer Goalpost wrote it.
    """
    path = folder / JSON
    try:
        content = json.loads(path.read_bytes())
        if content["format"] > FORMAT:
            raise CorruptData(
                f"The report has format {content['format']}, newer than this Goalpost reads.",
                where=path,
                next_step="Update Goalpost.",
            )
        return Report(
            detector_id=content["detector_id"],
            created_at_ns=content["created_at_ns"],
            holdout=tuple(content["holdout"]),
            tasks=tuple(content["tasks"]),
            warnings=tuple(content["warnings"]),
            thresholds={name: Threshold(**each) for name, each in content["thresholds"].items()},
            cells=tuple(_cell(each) for each in content["cells"]),
            means=tuple(Mean(**each) for each in content["means"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptData(
            f"The report cannot be read: {error}",
            where=path,
            next_step="Write it again with `goalpost sd report DETECTOR --again`.",
        ) from error


def report_table(report: Report) -> str:
    """The report as text, the columns of the paper's Table 3."""
    head = ("task", "total", "succ", "fail", "rate", "FN", "FP", "other FN", "other FP")
    lines = []
    for mean in report.means:
        lines.append(f"{mean.robot} ({mean.split})")
        rows: list[tuple[str, ...]] = [head]
        for cell in report.cells:
            if (cell.robot, cell.split) == (mean.robot, mean.split):
                m = cell.metrics
                rows.append(
                    (
                        cell.task,
                        str(m.total),
                        str(m.success),
                        str(m.failure),
                        percent(m.success_rate),
                        *(rate_text(getattr(m, c)) for c in _COLUMNS),
                    )
                )
        rows.append(("mean", "", "", "", "", *(percent(mean.rates[c]) for c in _COLUMNS)))
        widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
        for row in rows:
            first = row[0].ljust(widths[0])
            rest = (text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))
            lines.append("  ".join((first, *rest)).rstrip())
        lines.append("")
    lines += [f"! {warning}" for warning in report.warnings]
    return "\n".join(lines)


def report_html(report: Report) -> str:
    """The report as one self-contained page."""
    source = resources.files("sd_model.judging").joinpath("report.html").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    created = datetime.fromtimestamp(report.created_at_ns / 1e9, UTC)
    return environment.from_string(source).render(
        report=report,
        created=created.strftime("%Y-%m-%d %H:%M UTC"),
        columns=_COLUMNS,
        percent=percent,
        interval=interval_text,
    )


def percent(value: float | None) -> str:
    """A share as percent; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.1f}%"


def interval_text(rate: Rate) -> str:
    """The interval of a rate with the counts behind it."""
    low, high = rate.interval
    return f"{rate.errors} of {rate.count}, {100 * low:.0f} to {100 * high:.0f}%"


def rate_text(rate: Rate) -> str:
    """A rate with its interval, for a table of text."""
    return "-" if rate.value is None else f"{percent(rate.value)} ({interval_text(rate)})"


def _metrics(rows: Sequence[JudgedExample]) -> Metrics:
    return task_metrics(
        np.array([row.score for row in rows], dtype=np.float32),
        np.array([row.decision for row in rows], dtype=np.bool_),
        np.array([row.outcome == "success" for row in rows], dtype=np.bool_),
        np.array([row.origin == "derived" for row in rows], dtype=np.bool_),
        np.array([row.episode_id for row in rows], dtype=np.str_),
    )


def _means(cells: Sequence[Cell]) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for column in _COLUMNS:
        values = [getattr(cell.metrics, column).value for cell in cells]
        known = [value for value in values if value is not None]
        means[column] = sum(known) / len(known) if known else None
    return means


def _cell(content: Mapping[str, Any]) -> Cell:
    metrics = dict(content["metrics"])
    for column in _COLUMNS:
        rate = metrics[column]
        metrics[column] = Rate(**{**rate, "interval": Interval(*rate["interval"])})
    return Cell(**{**content, "metrics": Metrics(**metrics), "advice": tuple(content["advice"])})
