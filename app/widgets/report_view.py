"""A detector's report: the held-out robots first, what it means and what to do next."""

from __future__ import annotations

import streamlit as st

from app import state
from app.pages import link
from app.verdict import detector_words, holdout_verdict, untrusted_lines
from app.widgets.comparison import show_comparison
from app.widgets.notice import show_error
from app.widgets.report_charts import (
    show_confusion,
    show_heat_maps,
    show_labels,
    show_reliability,
    show_thresholds,
)
from app.wording import when
from data.errors import CorruptData
from sd_model.artefact import DetectorSummary, list_detectors
from sd_model.judging.comparison import compare
from sd_model.judging.metrics import Rate
from sd_model.judging.report import Cell, Mean, Report
from sd_model.judging.report_files import CSV, HTML, JSON, load_report
from sd_model.judging.report_tables import interval_text, mean_text, percent
from sd_model.judging.scores import load_scores

_RATES = {
    "false_negative": ("missed (FN)", "Successes that it took for failures."),
    "false_positive": (
        "false success (FP)",
        "Failures that it took for success. These harm a policy most.",
    ),
    "other_false_negative": (
        "other-task FN",
        "Frames of other tasks' episodes that succeed at this one too, taken for failure.",
    ),
    "other_false_positive": (
        "other-task FP",
        "Frames of other tasks' episodes that fail at this one, taken for success.",
    ),
}
_FEW = 3
"""So much advice is read at once; more is opened by whoever wants it."""
_TRUST_WORDS = {
    "trusted": ":green-badge[trusted]",
    "with care": ":orange-badge[with care]",
    "cannot tell": ":red-badge[cannot tell]",
    "too few": ":gray-badge[too few to say]",
}
_SPLIT_WORDS = {
    "holdout": "held out: the detector was never told its answers",
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
    st.caption(f"Detector `{summary.detector_id}`, trained {when(summary.created_at_ns)}")
    st.info(holdout_verdict(report), icon=":material/fact_check:")
    show_untrusted(report)
    if report.warnings:
        st.warning("\n".join(f"- {text}" for text in report.warnings))
    for mean in report.means:
        if mean.split == "holdout":
            _show_robot(report, mean)
    with st.expander("What the columns mean"):
        st.markdown("\n".join(f"- **{words}**: {text}" for words, text in _RATES.values()))
        st.markdown(
            "Behind a rate stand the counts and the 95% interval. The frames of one clip resemble "
            "each other, so the interval counts clips, not frames. *10 in 1* are ten frames of one "
            "episode; a clip is an episode too. The last line is the mean over tasks. Review "
            "counts the frames of all tasks together, so its percentage of them is another."
        )
    others = [mean for mean in report.means if mean.split != "holdout"]
    if others:
        with st.expander(f"The other robots ({len(others)})"):
            for mean in others:
                _show_robot(report, mean)
    _show_drawings(summary, report)
    with st.container(horizontal=True, vertical_alignment="center"):
        link("review", "Review its mistakes", {"detector": summary.detector_id})
        _downloads(summary)


def show_untrusted(report: Report) -> None:
    """A clear warning of the tasks that the detector is not to be relied on for."""
    lines = untrusted_lines(report)
    if lines:
        st.warning(
            "**Do not rely on it for**\n" + "\n".join(f"- {text}" for text in lines),
            icon=":material/warning:",
        )


def _show_drawings(summary: DetectorSummary, report: Report) -> None:
    names = {
        "Robots and tasks": lambda: show_heat_maps(report),
        "Confusion": lambda: show_confusion(report),
        "Reliability": lambda: show_reliability(report),
        "Thresholds": lambda: show_thresholds(report),
        "Labels": lambda: show_labels(report),
        "Against another": lambda: _compare(summary),
    }
    chosen = st.segmented_control(
        "Look closer",
        list(names),
        default="Robots and tasks",
        required=True,
        key="report-drawing",
        label_visibility="collapsed",
    )
    names[chosen]()


def _compare(summary: DetectorSummary) -> None:
    others = {
        each.detector_id: each
        for each in list_detectors(state.workspace())
        if each.detector_id != summary.detector_id
    }
    if not others:
        st.caption("There is no other detector yet.")
        return
    chosen = st.selectbox(
        "Compared with",
        list(others),
        format_func=lambda name: detector_words(others[name]),
        key="report-against",
    )
    try:
        comparison = compare(
            summary.detector_id,
            load_scores(summary.folder),
            chosen,
            load_scores(others[chosen].folder),
        )
    except CorruptData as error:
        show_error(error)
        return
    if comparison is None:
        st.caption("The two were never judged on the same frames.")
    else:
        show_comparison(comparison)


def _show_robot(report: Report, mean: Mean) -> None:
    cells = report.cells_of(mean)
    st.markdown(f"**{mean.robot}** · {_SPLIT_WORDS[mean.split]}")
    rows = [_row(cell) for cell in cells]
    rates = {
        words: "no examples" if mean.rates[column].value is None else mean_text(mean.rates[column])
        for column, (words, _) in _RATES.items()
    }
    rows.append({**dict.fromkeys(rows[0], ""), "task": "mean", **rates})
    # A static table, since its cells wrap: no column hides beyond the edge of the page.
    st.table(
        rows,
        hide_index=True,
        border="horizontal",
        alt=f"Errors of the detector on {mean.robot}, a line for each task",
    )
    advice = [text for cell in cells for text in cell.advice]
    if advice:
        few = len(advice) <= _FEW
        with st.expander(f"What to do next on {mean.robot} ({len(advice)})", expanded=few):
            st.markdown("\n".join(f"- {text}" for text in advice))


def _row(cell: Cell) -> dict[str, str]:
    metrics = cell.metrics
    row = {
        "task": cell.task,
        "verdict": _TRUST_WORDS[cell.verdict.trust],
        "success": _frames(metrics.false_negative),
        "failure": _frames(metrics.false_positive),
    }
    for column, (words, _) in _RATES.items():
        rate = getattr(metrics, column)
        known = rate.value is not None
        row[words] = f"{percent(rate.value)} ({interval_text(rate)})" if known else "no examples"
    return row


def _frames(rate: Rate) -> str:
    """How many frames, and in how many episodes where that is another number."""
    return f"{rate.count} in {rate.episodes}" if rate.source else str(rate.count)


def _downloads(summary: DetectorSummary) -> None:
    for name, words, mime in (
        (HTML, "Report as a page", "text/html"),
        (JSON, "Report as data", "application/json"),
        (CSV, "Report as a table", "text/csv"),
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
