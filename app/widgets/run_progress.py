"""The live progress of one background run, polled only while it is at work."""

from __future__ import annotations

import time
from datetime import timedelta

import altair as alt
import pandas as pd
import streamlit as st

from app import access
from app.jobs import active_runs, start_again
from app.pages import link
from app.state import workspace
from app.widgets.notice import errors_shown
from app.wording import counted, duration
from data.runs.queue import ahead_of, places, put_first
from data.runs.runs import FINISHED, Run, RunStatus

POLL_S = 2.0
"""Seconds between two looks at a run that is at work."""
_LOG_LINES = 40
_EVEN_PACED = ("collect", "evaluate-policy", "score-episodes")
"""Kinds of run whose pace so far tells how long the rest takes; a training has unlike parts."""
_TELLING_SHARE = 0.05
"""Of a run's work; less says nothing about the rest."""
_WORDS = {
    "queued": ("blue", ":material/hourglass_empty:", "Starting"),
    "running": ("blue", ":material/sync:", "Working"),
    "done": ("green", ":material/check_circle:", "Done"),
    "failed": ("red", ":material/error:", "Failed"),
    "cancelled": ("gray", ":material/cancel:", "Cancelled"),
    "lost": ("orange", ":material/help:", "Stopped without a word"),
}
KIND_WORDS = {
    "train-detector": "Detector training",
    "score-episodes": "Judging the waiting pictures",
    "collect": "Collecting episodes",
    "train-policy": "Policy training",
    "evaluate-policy": "Policy evaluation",
    "import": "Import",
    "export": "Export",
    "undo-import": "Taking back an import",
}
_THEN = {
    "train-detector": "Its report is under Reports.",
    "score-episodes": "Label orders its questions by what the detector said.",
    "collect": "Label how its episodes ended, or retrain the policy with them.",
    "train-policy": "What it learned is under Results.",
    "evaluate-policy": "The figures are under Results.",
    "import": "What came and what did not is said below.",
    "export": "It lies where you said.",
    "undo-import": "It can be imported again, in another way too.",
}
_GOES_ON = ("import", "undo-import")
"""Kinds of run that, started again, go on where they stopped."""


def show_run(run: Run, *, headline_metrics: tuple[str, ...] = ()) -> None:
    """Show `run`; while it is at work the view refreshes itself, and the page once when it ends.

    Args:
        headline_metrics: Metrics to draw.
    """
    status = run.status()
    if status.state not in FINISHED:
        with st.container(border=True):
            _live(run, headline_metrics)
        return
    color, icon, words = _WORDS[status.state]
    title = f"{KIND_WORDS[run.kind]}: :{color}[{words.lower()}], {_elapsed_words(status)}"
    if status.state == "done":
        title += f". {_THEN[run.kind]}"
    with st.expander(title, icon=icon, expanded=status.state != "done"):
        _show(run, status, headline_metrics)
        if status.state != "done":
            _offer_again(run)
    if status.state == "done" and run.kind == "collect":
        link("label", "Label these episodes")


def warn_if_busy() -> None:
    """Say that a run is at work already; another one waits in line."""
    here = workspace()
    elsewhere = [place.run for place in places() if place.run.workspace != here]
    line = [*elsewhere, *active_runs(here)]
    if line:
        names = ", ".join(_named(run) for run in line)
        st.info(
            f"At work or in line on this computer: {names}. A run that you start now begins when "
            "they are done; you can let it go first.",
            icon=":material/hourglass_top:",
        )


def _named(run: Run) -> str:
    words = KIND_WORDS[run.kind].lower()
    here = run.workspace.root == workspace().root
    return words if here else f"{words} of {run.workspace.root.name}"


@st.fragment(run_every=timedelta(seconds=POLL_S))
def _live(run: Run, headline_metrics: tuple[str, ...]) -> None:
    status = run.status()
    if status.state in FINISHED:
        # The page is drawn anew without this fragment, so that the polling ends with the run.
        st.rerun()
    color, icon, words = _WORDS[status.state]
    if status.state == "queued" and ahead_of(run):
        words = "In line"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{KIND_WORDS[run.kind]}**")
        st.markdown(f":{color}-badge[{icon} {words}]")
        st.caption(f"{_elapsed_words(status)}{_left_words(run.kind, status)}")
        cancelling = run.cancel_path.exists()
        if access.button(
            "Stopping …" if cancelling else "Cancel this run",
            key=f"cancel-{run.run_id}",
            icon=":material/stop_circle:",
            disabled=cancelling,
            help="Stops the run at its next safe point. What it saved so far stays in its folder.",
        ):
            run.cancel()
            st.rerun(scope="fragment")
    ahead = ahead_of(run) if status.state == "queued" else []
    if ahead:
        _show_waiting(run, ahead)
        return
    st.progress(min(max(status.progress, 0.0), 1.0), text=status.message or "Getting ready")
    _show(run, status, headline_metrics)


def _show_waiting(run: Run, ahead: list[Run]) -> None:
    """What it waits for, and a way to the front of the line."""
    st.caption(f"In line behind {counted(len(ahead), 'run')}: {', '.join(map(_named, ahead))}.")
    if len(ahead) > 1 and access.button(
        "Let this one go next",
        key=f"first-{run.run_id}",
        icon=":material/vertical_align_top:",
        help="The run at work is finished first.",
    ):
        put_first(run)
        st.rerun(scope="fragment")


def _elapsed_words(status: RunStatus) -> str:
    return elapsed(status, time.time_ns())


def _left_words(kind: str, status: RunStatus) -> str:
    left = left_s(status, time.time_ns()) if kind in _EVEN_PACED else None
    return "" if left is None else f", about {duration(left)} left at this pace"


def _show(run: Run, status: RunStatus, headline_metrics: tuple[str, ...]) -> None:
    if status.state == "failed":
        st.error(status.error or status.message or "The run ended with an error; see its log.")
    elif status.state == "lost":
        st.warning(
            "The run's process ended without saying why: it was killed, or the computer was "
            "restarted. What it saved stays in its folder. Start a new run; if this repeats, look "
            "at the end of the log."
        )
    elif status.state == "done" and status.message:
        st.caption(status.message)
    _show_metrics(run, headline_metrics)
    log = run.log_tail(_LOG_LINES)
    with st.expander("Log", icon=":material/article:"):
        st.caption(f"Run `{run.run_id}`")
        st.code(log or "Nothing was printed yet.", language=None, wrap_lines=True)


def _offer_again(run: Run) -> None:
    goes_on = run.kind in _GOES_ON
    if access.button(
        "Go on with it" if goes_on else "Start a new run with the same settings",
        key=f"again-{run.run_id}",
        icon=":material/restart_alt:",
        help="What is done already is passed over."
        if goes_on
        else "Begins anew; what this run has saved stays, and is not made a second time."
        if run.kind == "collect"
        else "Begins anew; nothing is taken over from this run.",
    ):
        with errors_shown():
            start_again(workspace(), run)
            st.rerun()


def _show_metrics(run: Run, headline_metrics: tuple[str, ...]) -> None:
    """Draw the metrics over the run's updates."""
    frame = pd.DataFrame(run.metrics())
    if frame.empty or "step" not in frame:
        return
    chosen = [name for name in headline_metrics if name in frame.columns]
    if not chosen:
        return
    for column, name in zip(st.columns(len(chosen)), chosen, strict=True):
        points = frame[["step", name]].dropna()
        chart = (
            alt.Chart(points)
            .mark_line(point=len(points) < 3)
            .encode(
                x=alt.X("step:Q", title="updates"),
                y=alt.Y(f"{name}:Q", title=name.replace("_", " ")),
                tooltip=["step", name],
            )
            .properties(height=180)
        )
        column.altair_chart(chart, alt=f"{name} over the run's updates")


def left_s(status: RunStatus, now_ns: int) -> float | None:
    """What the rest of a run takes if it goes on at its pace so far [s]; None too early to tell."""
    if not status.started_at_ns or not _TELLING_SHARE <= status.progress < 1:
        return None
    return (now_ns - status.started_at_ns) / 1e9 * (1 / status.progress - 1)


def elapsed(status: RunStatus, now_ns: int) -> str:
    """How long a run has taken or took, in words."""
    if not status.started_at_ns:
        return "loading the program"
    end_ns = status.updated_at_ns if status.state in FINISHED else now_ns
    seconds = max(0, ((end_ns or now_ns) - status.started_at_ns) // 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
