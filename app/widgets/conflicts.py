"""Answers that cannot all be true of one frame, told at once, with buttons to take them back."""

from __future__ import annotations

import time
from collections.abc import Collection

import streamlit as st

from app import state
from app.label_queue import Stated, find_conflicts
from app.widgets.notice import errors_shown
from data.errors import LabelConflict
from data.labels import Label, undo_label

Frame = tuple[str, int]


def show_conflicts(stated: Stated, frames: Collection[Frame], *, by: str) -> None:
    """Show the contradictions among the answers about `frames` (episode, index)."""
    for frame, conflict in find_conflicts(stated, state.tasks(), frames).items():
        with st.container(border=True):
            _show(frame, conflict, by)


def _show(frame: Frame, conflict: LabelConflict, by: str) -> None:
    st.warning(f"**Two answers disagree.** {conflict.what} Take one back.", icon=":material/rule:")
    for label in state.labels():
        if (label.episode_id, label.frame_index) == frame and label.outcome != "unsure":
            _row(label, by)


def _row(label: Label, by: str) -> None:
    said, undo = st.columns([4, 1], vertical_alignment="center")
    said.markdown(f"**{label.outcome}** at {label.task} :gray[{label.by}]")
    if undo.button("Take back", key=f"take-back-{label.label_id}", width="stretch"):
        with errors_shown():
            undo_label(state.catalog(), label.label_id, by=by, at_ns=time.time_ns())
            st.rerun()
