"""The report as text and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from sd_model.judging.metrics import MeanRate, Rate
from sd_model.judging.report import RATES, Cell, Report


def report_table(report: Report) -> str:
    """The report as text, the columns of the paper's Table 3."""
    head = ("task", "total", "succ", "fail", "rate", "FN", "FP", "other FN", "other FP", "verdict")
    lines = []
    for mean in report.means:
        lines.append(f"{mean.robot} ({mean.split})")
        rows: list[tuple[str, ...]] = [head]
        rows += [_row(cell) for cell in report.cells_of(mean)]
        rows.append(("mean", "", "", "", "", *(mean_text(mean.rates[c]) for c in RATES), ""))
        lines += [*_aligned(rows), ""]
    lines += [f"! {warning}" for warning in report.warnings]
    return "\n".join(lines)


def report_csv(report: Report) -> str:
    """A line for each task on each robot: counts, rates, the ends of their intervals, verdict."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = [f"{rate}_{part}" for rate in RATES for part in ("errors", "count", "low", "high")]
    writer.writerow(
        ["robot", "split", "task", "total", "success", "failure", *columns, "auc", "threshold",
         "verdict"]
    )  # fmt: skip
    for cell in report.cells:
        m = cell.metrics
        rates: list[object] = []
        for name in RATES:
            rate: Rate = getattr(m, name)
            low, high = rate.interval
            rates += [rate.errors, rate.count, f"{low:.6f}", f"{high:.6f}"]
        writer.writerow(
            [
                *(cell.robot, cell.split, cell.task, m.total, m.success, m.failure),
                *rates,
                "" if m.auc is None else f"{m.auc:.6f}",
                f"{report.thresholds[cell.task].value:.6f}",
                cell.verdict.trust,
            ]
        )
    return buffer.getvalue()


def percent(value: float | None) -> str:
    """A share as percent; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.1f}%"


def interval_text(rate: Rate) -> str:
    """The interval of a rate with the counts behind it."""
    low, high = rate.interval
    return f"{rate.errors} of {rate.count}, {100 * low:.1f} to {100 * high:.1f}%"


def rate_text(rate: Rate) -> str:
    """A rate with its interval, for a table of text."""
    return "-" if rate.value is None else f"{percent(rate.value)} ({interval_text(rate)})"


def mean_text(mean: MeanRate) -> str:
    """A mean with its interval and the number of tasks it is over."""
    if mean.value is None:
        return "-"
    low, high = mean.interval
    tasks = "1 task" if mean.tasks == 1 else f"{mean.tasks} tasks"
    return f"{percent(mean.value)} ({tasks}, {100 * low:.1f} to {100 * high:.1f}%)"


def _row(cell: Cell) -> tuple[str, ...]:
    m = cell.metrics
    counts = (str(m.total), str(m.success), str(m.failure), percent(m.success_rate))
    rates = (rate_text(getattr(m, name)) for name in RATES)
    return (cell.task, *counts, *rates, cell.verdict.trust)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(
            (
                row[0].ljust(widths[0]),
                *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)),
            )
        ).rstrip()
        for row in rows
    ]
