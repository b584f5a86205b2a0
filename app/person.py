"""Who sits in front of the app, so that every label says who gave it."""

from __future__ import annotations

import streamlit as st

NOBODY = "someone"
_KEY = "your-name"


def your_name() -> str:
    """A field for the reader's name, the same on every page; `someone` while it is empty."""
    name = st.text_input(
        "Your name",
        key=_KEY,
        placeholder=NOBODY,
        persist_state="session",
        help="Written beside each of your answers, so that colleagues can tell them from theirs.",
    )
    return str(name or "").strip() or NOBODY
