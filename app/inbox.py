"""Where a page receives the decisions of its widget: saves them, and confirms what is saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app import state
from app.decision_log import Item, Source, apply_log, parse_log
from app.widgets.notice import show_error
from data.errors import GoalpostError


def receiver(
    key: str, *, by: str, source: Source, splits: Mapping[Item, str] | None = None
) -> Callable[[], None]:
    """A callback that saves what the widget at `key` sent.

    When saving fails, nothing is confirmed: the browser keeps its decisions and sends them again.
    """

    def receive() -> None:
        log = sent_log(key)
        try:
            decisions = parse_log(log.get("entries", ()), state.tasks())
            confirmed = apply_log(
                state.catalog(),
                decisions,
                by=by,
                source=source,
                now_ns=time.time_ns(),
                splits=splits,
            )
        except GoalpostError as error:
            st.session_state[_problem_key(key)] = error
            return
        st.session_state[_confirmed_key(key)] = confirmed
        st.session_state.pop(_problem_key(key), None)

    return receive


def sent_log(key: str) -> Mapping[str, Any]:
    """What the widget at `key` sent last; empty before it has sent anything."""
    log: Mapping[str, Any] | None = (st.session_state.get(key) or {}).get("log")
    return log or {}


def confirmed(key: str) -> list[str]:
    """The decisions to confirm to the widget at `key`."""
    ids: list[str] = st.session_state.get(_confirmed_key(key), [])
    return ids


def show_problem(key: str) -> None:
    """Tell why the last decisions could not be saved yet, if so."""
    error = st.session_state.get(_problem_key(key))
    if error is not None:
        show_error(error)
        st.caption("Your answers are kept in this browser tab and are tried again by themselves.")


def _confirmed_key(key: str) -> str:
    return f"{key}-confirmed"


def _problem_key(key: str) -> str:
    return f"{key}-problem"
