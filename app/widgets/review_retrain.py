"""From corrected labels to a better detector: start the training, then show what changed."""

from __future__ import annotations

import streamlit as st

from app import access, jobs, state
from app.forecast import retraining_time
from app.retraining import newest_retraining, retraining_spec, what_fixes_do
from app.reviews import Reviews
from app.widgets.comparison import show_comparison
from app.widgets.notice import errors_shown
from app.widgets.run_progress import show_run, warn_if_busy
from app.wording import counted
from data.errors import CorruptData
from data.runs.runs import FINISHED, Run, list_runs
from sd_model.artefact import DetectorSummary, list_detectors
from sd_model.judging.report_files import load_report

CHOSEN = "detector"
"""Session state: the detector that Review shows."""


def offer_retraining(summary: DetectorSummary, reviews: Reviews) -> None:
    """The runs at work, what the newest one changed, and the button that starts the next."""
    for run in jobs.active_runs(state.workspace()):
        if run.kind == "train-detector":
            show_run(run, headline_metrics=("loss",))
    runs = list_runs(state.workspace())
    retraining = newest_retraining(runs, summary)
    if retraining is not None and retraining.status().state in FINISHED:
        _show_end(retraining)
    answers = reviews.since(summary.created_at_ns)
    fixes = len(answers)
    row = st.container(horizontal=True, vertical_alignment="center")
    with row.popover(
        "Retrain with these fixes",
        icon=":material/model_training:",
        disabled=not fixes,
        help="Nothing was reviewed since this detector was trained." if not fixes else None,
    ):
        st.markdown(
            f"{counted(fixes, 'label')} reviewed since this detector was trained. Training goes on "
            "from it with all labels as they are now, with the same tasks and held-out robots. "
            f"**It takes** {retraining_time(runs)}. **It brings** "
            "a new detector, and what changed against this one on the same frames."
        )
        st.markdown(what_fixes_do(answers, summary))
        warn_if_busy()
        if access.button("Start", type="primary", key="retrain-detector"):
            with errors_shown():
                spec = retraining_spec(summary)
                jobs.start(state.workspace(), "train-detector", spec)
                st.rerun()
    row.caption(f"{counted(fixes, 'label')} reviewed since this detector was trained.")
    try:
        comparison = load_report(summary.folder).comparison
    except CorruptData:
        return  # the Detector page says what is wrong with it
    if comparison is not None:
        with st.expander("What changed against the detector before it", icon=":material/compare:"):
            show_comparison(comparison)


def _show_end(run: Run) -> None:
    """What came of going on from the detector that is shown."""
    detectors = {each.detector_id: each for each in list_detectors(state.workspace())}
    trained = detectors.get(run.status().result.get("detector", ""))
    if trained is None:
        show_run(run)
        return
    with st.container(border=True):
        st.markdown(
            ":green[:material/check_circle:] **The retrained detector is ready.** This page still "
            "shows the one before it."
        )
        with errors_shown():
            comparison = load_report(trained.folder).comparison
            if comparison is None:
                st.markdown("No frame was judged by both, so nothing can be compared.")
            else:
                show_comparison(comparison)
        st.button(
            "Review the new detector",
            key="review-retrained",
            type="primary",
            icon=":material/arrow_forward:",
            on_click=_show_detector,
            args=(trained.detector_id,),
        )


def _show_detector(detector_id: str) -> None:
    st.session_state[CHOSEN] = detector_id
