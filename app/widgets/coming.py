"""While robots collect: how many episodes there are already, and that more are coming."""

from __future__ import annotations

import streamlit as st

from app import jobs, state
from app.widgets.run_progress import POLL_S
from data.runs.runs import FINISHED, Run


def tell_of_coming() -> bool:
    """Say so while a run collects, and draw the page anew whenever episodes have come.

    Returns:
        Whether one does.
    """
    runs = [
        run
        for run in jobs.active_runs(state.workspace())
        if run.kind == "collect" or run.spec.get("collect_robots")
    ]
    if runs:
        _watch(runs[-1], state.census().robot_episodes)
    return bool(runs)


@st.fragment(run_every=POLL_S)
def _watch(run: Run, known: int) -> None:
    status = run.status()
    if status.state in FINISHED or state.census().robot_episodes != known:
        st.rerun()
    if status.message:
        how_far = f"{status.message} ({status.progress:.0%})."
    else:
        how_far = "They begin when other runs on this computer are done."
    st.info(
        f"**Robots are collecting: episodes are coming.** {how_far} They are saved some at a time, "
        "and asked about here as they come; you need not wait for the end.",
        icon=":material/hourglass_top:",
    )
