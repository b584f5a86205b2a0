"""The Import and export page: episodes and labels from and for other tools."""

from __future__ import annotations

import streamlit as st

from app import jobs, state
from app.doors.transfer_run import KINDS, VERBS
from app.widgets.export_form import show_export_form
from app.widgets.import_form import show_import_form
from app.widgets.import_list import show_imports
from app.widgets.run_progress import show_run
from app.wording import plain
from data.importers.receipts import list_receipts
from data.runs.runs import Run
from data.transfers.tally import Tally


def render() -> None:
    """Show the page."""
    st.title("Import and export")
    st.write(
        "Episodes and labels come from other tools, and go to them. Both run in the background: "
        "you can leave this page, and stop, go on with or take back an import."
    )
    for run in jobs.runs_to_show(state.workspace(), *KINDS):
        show_run(run)
        _tell(run)
    receipts = list_receipts(state.workspace())
    bring, give, brought = st.tabs(
        ["Import", "Export", f"What was imported ({len(receipts)})"],
        key="transfers-tab",
        on_change="rerun",
    )
    if bring.open:
        with bring:
            show_import_form()
    if give.open:
        with give:
            show_export_form()
    if brought.open:
        with brought:
            show_imports(receipts)


def _tell(run: Run) -> None:
    """What a run that is done moved, and what it left out and why."""
    status = run.status()
    if status.state != "done":
        return
    tally = Tally.from_json(status.result)
    moved, *rest = tally.lines(VERBS[run.kind])
    st.success(moved, icon=":material/check_circle:")
    if rest:
        left_out = bool(tally.left_out or tally.notes)
        show = st.warning if left_out else st.info
        show("  \n".join(map(plain, rest)), icon=":material/info:")
