"""The answers given last on the Label page, each with its consequences and an undo."""

from __future__ import annotations

import time

import streamlit as st

from app import state
from app.widgets.notice import errors_shown
from app.wording import when
from data.catalog.questions import Frame, GivenAnswer, Known, known_about, recent_answers
from data.labels.labels import undo_label

_RECENT = 12


def show_recent(*, by: str) -> None:
    """The last answers, what follows from each, and a button that takes it back."""
    given = state.answer(recent_answers, sources=("person", "review"), most=_RECENT)
    if not given:
        return
    st.subheader("Recent answers")
    frames = tuple(_frame(each) for each in given)
    known = state.answer(known_about, frames)
    for each, frame in zip(given, frames, strict=True):
        _recent_row(each, known.get(frame), by=by)


def _frame(given: GivenAnswer) -> Frame:
    return Frame(given.label.episode_id, given.label.frame_index)


def _recent_row(given: GivenAnswer, known: Known | None, *, by: str) -> None:
    what, follows, undo = st.columns([4, 3, 1.6], vertical_alignment="center")
    label = given.label
    at = when(label.at_ns)
    answer = f"**{label.outcome}**" if given.stands else f"~~{label.outcome}~~"
    robot = given.robot or "unknown robot"
    what.markdown(f"{answer} at {label.task} :gray[{robot}, {label.by}, {at}]")
    if not given.stands or known is None:
        follows.caption("replaced or taken back")
        return
    follows.caption(_consequences(label.task, known))
    if undo.button("Undo", key=f"undo-{label.label_id}", width="stretch"):
        with errors_shown():
            undo_label(state.catalog(), label.label_id, by=by, at_ns=time.time_ns())
            st.rerun()


def _consequences(task: str, known: Known) -> str:
    if known.conflict is not None:
        return "contradicts another answer"
    derived = {
        other: conclusion.outcome
        for other, conclusion in known.conclusions.items()
        if conclusion.derived_from == task
    }
    parts = [f"success of {task}" for task, outcome in derived.items() if outcome == "success"]
    failures = [task for task, outcome in derived.items() if outcome == "failure"]
    if len(failures) > 2:
        parts.append(f"failure of {len(failures)} other tasks")
    else:
        parts += [f"failure of {task}" for task in failures]
    return "so also " + ", ".join(parts) + " (derived)" if parts else ""
