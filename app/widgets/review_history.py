"""What was answered in review: who, when, what, and what the detector had said; with undo."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from app import state
from app.mistakes import ITEM, WHOLE_CLIP
from app.reviews import Reviews
from app.widgets.notice import errors_shown
from app.wording import when
from data.labels.labels import Label, undo_label

_SHOWN = 15


def show_history(reviews: Reviews, found: pd.DataFrame, *, by: str) -> None:
    """The newest answers.

    Args:
        found: Everything judged, as `app.mistakes.items` gives it: why an item was looked at.
    """
    if not reviews.labels:
        return
    reasons = {tuple(row[column] for column in ITEM): row for _, row in found.iterrows()}
    with st.expander(f"History ({len(reviews.labels)})", icon=":material/history:"):
        for label in reversed(reviews.labels[-_SHOWN:]):
            frame = WHOLE_CLIP if label.frame_index is None else label.frame_index
            _row(label, reasons.get((label.episode_id, frame, label.task)), by)


def _row(label: Label, row: pd.Series | None, by: str) -> None:
    said, why, undo = st.columns([3, 4, 1], vertical_alignment="center")
    said.markdown(f"**{label.outcome}** at {label.task} :gray[{label.by}, {when(label.at_ns)}]")
    if row is None:
        why.caption(f"Another detector's example, {label.episode_id}")
    else:
        kind = "it agreed with the label" if row["kind"] == "right" else f"a {row['kind']}"
        why.caption(
            f"It had been labelled {row['outcome']}; the detector gave {row['score']:.2f}: {kind} "
            f"on {row['robot']}"
        )
    if undo.button("Undo", key=f"undo-{label.label_id}", width="stretch"):
        with errors_shown():
            undo_label(state.catalog(), label.label_id, by=by, at_ns=time.time_ns())
            st.rerun()
