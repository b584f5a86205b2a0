"""Answers that cannot all be true of one frame, told at once, with buttons to take them back."""

from __future__ import annotations

import time

import streamlit as st

from app import state
from app.widgets.notice import errors_shown
from data.catalog.questions import Frame, Known, conflicts
from data.labels.labels import Label, standing_labels, undo_label

_SHOWN = 3


def show_conflicts(*, by: str) -> None:
    """Show the first contradictions among the answers of the workspace, and whether more wait."""
    found = state.answer(conflicts, most=_SHOWN + 1)
    for frame, known in list(found.items())[:_SHOWN]:
        with st.container(border=True):
            _show(frame, known, by)
    if len(found) > _SHOWN:
        st.caption("More answers contradict each other; they are shown when these are mended.")


def _show(frame: Frame, known: Known, by: str) -> None:
    st.warning(f"**Two answers disagree.** {known.conflict} Take one back.", icon=":material/rule:")
    for label in state.answer(standing_labels, episode_ids=(frame.episode_id,)):
        if label.frame_index in (None, frame.frame_index) and label.outcome != "unsure":
            _row(label, by)


def _row(label: Label, by: str) -> None:
    said, undo = st.columns([4, 1], vertical_alignment="center")
    said.markdown(f"**{label.outcome}** at {label.task} :gray[{label.by}]")
    if undo.button("Take back", key=f"take-back-{label.label_id}", width="stretch"):
        with errors_shown():
            undo_label(state.catalog(), label.label_id, by=by, at_ns=time.time_ns())
            st.rerun()
