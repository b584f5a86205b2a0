"""From corrected labels to a better detector: start the training, then show what changed."""

from __future__ import annotations

import streamlit as st

from app import access, jobs, state
from app.forecast import retraining_time
from app.retraining import retraining_spec
from app.reviews import Reviews
from app.widgets.comparison import show_comparison
from app.widgets.notice import errors_shown
from app.widgets.run_progress import show_run, warn_if_busy
from app.wording import counted
from data.errors import CorruptData
from data.runs.runs import list_runs
from sd_model.artefact import DetectorSummary
from sd_model.judging.report_files import load_report


def offer_retraining(summary: DetectorSummary, reviews: Reviews) -> None:
    """The runs at work, what the newest one changed, and the button that starts the next."""
    for run in jobs.active_runs(state.workspace()):
        if run.kind == "train-detector":
            show_run(run, headline_metrics=("loss",))
    fixes = reviews.since(summary.created_at_ns)
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
            f"**It takes** {retraining_time(list_runs(state.workspace()))}. **It brings** "
            "a new detector, and what changed against this one on the same frames."
        )
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
