"""A detector's report: the held-out robots first, what it means and what to do next."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from app.pages import link
from app.verdict import holdout_verdict
from app.widgets.notice import show_error
from data.errors import CorruptData
from sd_model.artefact import DetectorSummary
from sd_model.report import (
    HTML,
    JSON,
    Cell,
    Mean,
    Report,
    interval_text,
    load_report,
    percent,
)

_RATES = {
    "false_negative": ("false negatives", "Successes that it took for failures."),
    "false_positive": (
        "false positives",
        "Failures that it took for success. These harm a policy most.",
    ),
    "other_false_negative": (
        "other-task false negatives",
        "Frames labelled for another task from which success of this one follows, taken for "
        "failure.",
    ),
    "other_false_positive": (
        "other-task false positives",
        "Frames labelled for another task from which failure of this one follows, taken for "
        "success.",
    ),
}
_SPLIT_WORDS = {
    "holdout": "held out: the detector has never seen it",
    "validation": "helped to choose the thresholds",
    "train": "trained the detector",
}


def show_report(summary: DetectorSummary) -> None:
    """Show the report of a finished detector."""
    try:
        report = load_report(summary.folder)
    except CorruptData as error:
        show_error(error)
        return
    st.info(holdout_verdict(report), icon=":material/fact_check:")
    for warning in report.warnings:
        st.warning(warning)
    first, *others = report.means
    _show_robot(report, first)
    if others:
        with st.expander(f"The other robots ({len(others)})"):
            for mean in others:
                _show_robot(report, mean)
    with st.container(horizontal=True):
        link("review", "Review its mistakes")
        _downloads(summary)


def _show_robot(report: Report, mean: Mean) -> None:
    cells = [c for c in report.cells if (c.robot, c.split) == (mean.robot, mean.split)]
    st.markdown(f"**{mean.robot}** · {_SPLIT_WORDS[mean.split]}")
    rows = [_row(cell) for cell in cells]
    rows.append(
        {"task": "mean", **{words: percent(mean.rates[c]) for c, (words, _) in _RATES.items()}}
    )
    st.dataframe(
        rows,
        hide_index=True,
        alt=f"Errors of the detector on {mean.robot}, a line for each task",
        column_config={
            words: st.column_config.TextColumn(
                help=f"{text} The share, then the counts and the 95% interval."
            )
            for words, text in _RATES.values()
        },
    )
    advice = [text for cell in cells for text in cell.advice]
    if advice:
        st.markdown("What to do next:\n" + "\n".join(f"- {text}" for text in advice))


def _row(cell: Cell) -> dict[str, str | int | None]:
    metrics = cell.metrics
    row: dict[str, str | int | None] = {
        "task": cell.task,
        "total": metrics.total,
        "success": metrics.success,
        "failure": metrics.failure,
        "success rate": percent(metrics.success_rate),
    }
    for column, (words, _) in _RATES.items():
        rate = getattr(metrics, column)
        known = rate.value is not None
        row[words] = f"{percent(rate.value)} ({interval_text(rate)})" if known else "no examples"
    return row


def _downloads(summary: DetectorSummary) -> None:
    for name, words, mime in (
        (HTML, "Report as a page", "text/html"),
        (JSON, "Report as data", "application/json"),
    ):
        path = summary.folder / name
        if path.is_file():
            st.download_button(
                words,
                path.read_bytes(),
                file_name=f"{summary.detector_id}-{name}",
                mime=mime,
                key=f"download-{summary.detector_id}-{name}",
                icon=":material/download:",
                help=f"Saves {name} of this detector; it can be sent to others.",
                on_click="ignore",
            )


def when(at_ns: int) -> str:
    """A moment as people write it, in UTC."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")
