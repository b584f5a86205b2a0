"""Where a page receives the decisions of its widget: saves them, and says what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from app import access, state
from app.decision_log import Item, Receipt, Source, apply_log
from app.widgets.notice import show_error
from data.errors import GoalpostError


def receiver(
    key: str, *, by: str, source: Source, splits: Mapping[Item, str] | None = None
) -> Callable[[], None]:
    """A callback that saves what the widget at `key` sent.

    When nothing can be saved now, nothing is confirmed: the browser keeps its decisions and sends
    them again. Those that can never be saved as they are it sets aside and shows.
    """

    def receive() -> None:
        entries = [each for each in sent_log(key).get("entries", ()) if isinstance(each, Mapping)]
        try:
            access.require("label")
            receipt = apply_log(
                state.catalog(),
                entries,
                state.tasks(),
                by=by,
                source=source,
                now_ns=time.time_ns(),
                splits=splits,
            )
        except GoalpostError as error:
            st.session_state[_problem_key(key)] = error
            return
        st.session_state[_receipt_key(key)] = receipt
        st.session_state.pop(_problem_key(key), None)

    return receive


def sent_log(key: str) -> Mapping[str, Any]:
    """What the widget at `key` sent last; empty before it has sent anything."""
    log: Mapping[str, Any] | None = (st.session_state.get(key) or {}).get("log")
    return log or {}


def receipt(key: str, *, by: str) -> dict[str, Any]:
    """What to tell the widget at `key`: who is answering now, and what became of its decisions."""
    known: Receipt = st.session_state.get(_receipt_key(key), Receipt())
    return {"by": by, **asdict(known)}


def show_problem(key: str) -> None:
    """Tell why the last decisions could not be saved yet, if so."""
    error = st.session_state.get(_problem_key(key))
    if error is not None:
        show_error(error)
        st.caption("Your answers are kept in this browser and are tried again by themselves.")


def _receipt_key(key: str) -> str:
    return f"{key}-receipt"


def _problem_key(key: str) -> str:
    return f"{key}-problem"
