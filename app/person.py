"""Who sits in front of the app, so that every label says who gave it."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from app import access
from app.sign_in import configured
from app.widgets import assets

NOBODY = "someone"
_KEY = "your-name"
_MEMORY = "your-name-memory"


def your_name() -> str:
    """Who is signed in, or else a field for a name, the same on every page and after a reload.

    Returns:
        The address of whoever signed in, or what was typed, or `someone` while that is empty.
    """
    if configured() is not None:
        signed_in = access.visitor()
        email = NOBODY if signed_in is None else signed_in.email
        st.text_input("Signed in as", value=email, key="signed-in-as", disabled=True)
        return email
    name = st.text_input(
        "Your name",
        key=_KEY,
        placeholder=NOBODY,
        persist_state="session",
        help="Written beside each of your answers, so that colleagues can tell them from theirs.",
    )
    typed = str(name or "").strip()
    with st.sidebar:  # it shows nothing, and must not push the field out of its row
        _memory()(key=_MEMORY, data={"name": typed}, on_known_change=_take_up)
    return typed or NOBODY


def _take_up() -> None:
    """The browser remembers a name from before the reload."""
    known = (st.session_state.get(_MEMORY) or {}).get("known")
    if known and not st.session_state.get(_KEY):
        st.session_state[_KEY] = str(known)


@cache
def _memory() -> Any:
    return st.components.v2.component("goalpost_person", js=assets.text("person.js"))
