"""What was answered in review: who, when, what, why, and what the detector said; with undo."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import state
from app.mistakes import ITEM, WHOLE_CLIP
from app.reviews import Reviews
from app.widgets.notice import errors_shown
from app.wording import counted, plain, when
from data.labels.labels import Label, undo_label
from data.labels.notes import Note, read_notes, write_note

_SHOWN = 15


def show_history(reviews: Reviews, found: pd.DataFrame, *, by: str) -> None:
    """The newest answers.

    Args:
        found: Everything judged, as `app.mistakes.items` gives it: why an item was looked at.
    """
    if not reviews.labels:
        return
    with st.expander(
        "History", icon=":material/history:", key="review-history", on_change="rerun"
    ) as history:
        if history.open:  # its label is part of what it is known by: a count would shut it
            newest = reviews.labels[-_SHOWN:]
            st.caption(f"{len(newest)} of {counted(len(reviews.labels), 'answer')}")
            _rows(newest, found, by)


def _rows(newest: Sequence[Label], found: pd.DataFrame, by: str) -> None:
    notes = read_notes(state.workspace())
    judged = found[found["episode_id"].isin({label.episode_id for label in newest})]
    reasons = {tuple(row[column] for column in ITEM): row for _, row in judged.iterrows()}
    for label in reversed(newest):
        frame = WHOLE_CLIP if label.frame_index is None else label.frame_index
        row = reasons.get((label.episode_id, frame, label.task))
        _row(label, row, notes.get(label.episode_id), by)


def _row(label: Label, row: pd.Series | None, note: Note | None, by: str) -> None:
    said, why, ask, undo = st.columns([3, 4, 1, 1], vertical_alignment="center")
    said.markdown(f"**{label.outcome}** at {label.task} :gray[{label.by}, {when(label.at_ns)}]")
    if row is None:
        why.caption(f"Another detector's example, {label.episode_id}")
    else:
        kind = "it agreed with the label" if row["kind"] == "right" else f"a {row['kind']}"
        before = (
            "The detector is judged by this answer and"
            if row["label_id"] == label.label_id
            else f"It had been labelled {row['outcome']}; the detector"
        )
        why.caption(f"{before} gave {row['score']:.2f}: {kind} on {row['robot']}")
    if note is not None:
        why.markdown(f"“{plain(note.text)}” :gray[{plain(note.by)}, {when(note.at_ns)}]")
    with ask.popover("Why", width="stretch"):
        _ask_why(label, note, by)
    if undo.button("Undo", key=f"undo-{label.label_id}", width="stretch"):
        with errors_shown():
            undo_label(state.catalog(), label.label_id, by=by, at_ns=time.time_ns())
            st.rerun()


def _ask_why(label: Label, note: Note | None, by: str) -> None:
    """The reason is the episode's note, which Record shows of a clip too."""
    text = st.text_input(
        "Why this answer?",
        value=note.text if note else "",
        key=f"why-{label.label_id}",
        placeholder="The plate was hidden by a hand",
    )
    if st.button("Save", key=f"why-save-{label.label_id}"):
        with errors_shown():
            write_note(
                state.catalog(),
                Note(episode_id=label.episode_id, text=text or "", by=by, at_ns=time.time_ns()),
            )
            st.rerun()
