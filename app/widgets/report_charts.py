"""The drawings of a detector's report: heat maps, confusion, reliability, thresholds, labels."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from sd_model.judging.report import RATES, Report

RATE_TITLES = {
    "false_negative": "Missed successes (FN)",
    "false_positive": "False successes (FP)",
    "other_false_negative": "Other-task FN",
    "other_false_positive": "Other-task FP",
}
_HEAT = alt.Scale(
    range=["#e4ebe7", "#f2a65a", "#a3160b"], type="sqrt", domain=[0, 0.3, 1], interpolate="rgb"
)
"""Nothing wrong is no warning: it is grey, on a light and on a dark page."""
_INK = alt.condition("datum.share > 0.35", alt.value("white"), alt.value("#16211d"))
_NAME_PX = 220
"""Room for the names of people's own tasks."""
_ROW_PX = 30
_MAP_PX = 430
"""Room for the numbers of seven robots; in a narrow window the maps stand below each other."""


def show_heat_maps(report: Report) -> None:
    """Robots by tasks, one map a rate; what was not judged stays empty."""
    maps = st.container(horizontal=True, gap="medium")
    for name in RATES:
        rows = [
            {
                "robot": cell.robot + (" (held out)" if cell.split == "holdout" else ""),
                "task": cell.task,
                "share": rate.value,
                "counts": f"{rate.errors} of {rate.count}",
            }
            for cell in report.cells
            for rate in (getattr(cell.metrics, name),)
            if rate.value is not None
        ]
        with maps.container(width=_MAP_PX):
            st.markdown(f"**{RATE_TITLES[name]}**")
            if rows:
                _heat(pd.DataFrame(rows), "robot", "task", list(report.tasks), RATE_TITLES[name])
            else:
                st.caption("No frame was judged.")


def show_confusion(report: Report) -> None:
    """Of the frames that succeed at one task, the share judged a success of another."""
    st.caption(
        "Of the frames that succeed at the task on the left, the share that was judged a success "
        "of the task below. The colour is the share judged wrongly: a lifted carrot is rightly a "
        "success of lift-any, too."
    )
    for each in report.confusions:
        rows = [
            {
                "shown": pair.shown,
                "judged": pair.judged,
                "share": pair.errors / pair.count,
                "accepted": pair.accepted / pair.count,
                "counts": f"{pair.accepted} of {pair.count} accepted, {pair.errors} wrongly judged",
            }
            for pair in each.pairs
        ]
        st.markdown(f"**{each.robot}**")
        if rows:
            frame = pd.DataFrame(rows)
            _heat(frame, "judged", "shown", list(report.tasks), each.robot, text="accepted")
        else:
            st.caption("No success was judged.")


def _heat(
    frame: pd.DataFrame,
    across: str,
    down: str,
    order: list[str],
    title: str,
    text: str = "share",
) -> None:
    base = alt.Chart(frame).encode(
        x=alt.X(
            f"{across}:N",
            title=None,
            axis=alt.Axis(labelAngle=-35, labelLimit=_NAME_PX),
            sort=order,
        ),
        y=alt.Y(f"{down}:N", title=None, axis=alt.Axis(labelLimit=_NAME_PX), sort=order),
        tooltip=[down, across, alt.Tooltip("share:Q", format=".1%"), "counts"],
    )
    cells = base.mark_rect().encode(color=alt.Color("share:Q", scale=_HEAT, legend=None))
    words = base.mark_text(fontSize=11).encode(
        text=alt.Text(f"{text}:Q", format=".1%" if text == "share" else ".0%"), color=_INK
    )
    st.altair_chart(
        (cells + words).properties(height=alt.Step(_ROW_PX)),
        alt=f"{title}: {down} by {across}, as shares",
    )


def show_reliability(report: Report) -> None:
    """Whether scores come true as often as they say."""
    st.caption(
        "A dot a bin of scores; its area is its share of the frames. On the line, a score comes "
        "true as often as it says."
    )
    shown = [each for each in report.reliabilities if each.count]
    columns = st.columns(3)
    for number, each in enumerate(shown):
        dots = pd.DataFrame(
            {"score": b.mean_score, "succeeded": b.success_share, "frames": b.count}
            for b in each.bins
            if b.count
        )
        line = alt.Chart(pd.DataFrame({"score": [0, 1], "succeeded": [0, 1]}))
        points = (
            alt.Chart(dots)
            .mark_circle(color="#17835f", opacity=0.8)
            .encode(
                x=alt.X("score:Q", scale=alt.Scale(domain=[0, 1])),
                y=alt.Y(
                    "succeeded:Q", title="share that succeeded", scale=alt.Scale(domain=[0, 1])
                ),
                size=alt.Size("frames:Q", legend=None, scale=alt.Scale(range=[20, 500])),
                tooltip=[
                    "frames",
                    alt.Tooltip("score:Q", format=".2f"),
                    alt.Tooltip("succeeded:Q", format=".2f"),
                ],
            )
        )
        diagonal = line.mark_line(strokeDash=[4, 4], color="gray").encode(x="score", y="succeeded")
        with columns[number % 3]:
            held_out = " (held out)" if each.split == "holdout" else ""
            st.markdown(f"**{each.robot}**{held_out}")
            st.altair_chart(
                (diagonal + points).properties(height=230),
                alt=f"Reliability of the scores on {each.robot}",
            )
            st.caption(
                f"{each.count} frames, expected calibration error "
                f"{each.expected_calibration_error:.1%}"
            )


def show_thresholds(report: Report) -> None:
    """What every threshold would do on the held-out robots, and the chosen one."""
    st.caption(
        "What every threshold would do on the held-out robots. The upright line is the chosen one; "
        "it was chosen without them."
    )
    columns = st.columns(3)
    shown = [curve for curve in report.curves if curve.successes or curve.failures]
    for number, curve in enumerate(shown):
        wide = pd.DataFrame(
            {
                "threshold": curve.threshold,
                "missed successes": curve.false_negative,
                "false successes": curve.false_positive,
            }
        )
        chosen = report.thresholds[curve.task].value
        lines = (
            alt.Chart(wide.melt("threshold", var_name="error", value_name="share"))
            .mark_line()
            .encode(
                x="threshold:Q",
                y=alt.Y("share:Q", title="share wrong", scale=alt.Scale(domain=[0, 1])),
                color=alt.Color(
                    "error:N",
                    title=None,
                    legend=alt.Legend(orient="bottom", columns=1),
                    scale=alt.Scale(
                        domain=["missed successes", "false successes"],
                        range=["#c7892b", "#c8372d"],
                    ),
                ),
                strokeDash=alt.StrokeDash("error:N", legend=None),
            )
        )
        rule = (
            alt.Chart(pd.DataFrame({"threshold": [chosen]}))
            .mark_rule(strokeDash=[4, 4], color="gray")
            .encode(x="threshold:Q")
        )
        with columns[number % 3]:
            st.markdown(f"**{curve.task}**, from {chosen:.3f}")
            st.altair_chart(
                (lines + rule).properties(height=230), alt=f"Errors of {curve.task} by threshold"
            )
            st.caption(f"{curve.successes} successes, {curve.failures} failures")


def show_labels(report: Report) -> None:
    """What it learned from, by task, outcome and origin (MT-Opt, Fig. 15)."""
    rows = [
        {"task": f"{each.task}, {each.outcome}", "origin": each.origin, "frames": each.frames}
        for each in report.labels
        if each.split == "train"
    ]
    if not rows:
        st.caption("The report was written without its manifest.")
        return
    order = [f"{task}, {outcome}" for task in report.tasks for outcome in ("success", "failure")]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            x=alt.X("frames:Q", title="training frames"),
            y=alt.Y("task:N", title=None, sort=order, axis=alt.Axis(labelLimit=_NAME_PX)),
            color=alt.Color("origin:N", title=None, scale=alt.Scale(scheme="tableau10")),
            tooltip=["task", "origin", "frames"],
        )
        .properties(height=22 * len(order) + 40)
    )
    st.altair_chart(chart, alt="Training frames by task, outcome and origin")
