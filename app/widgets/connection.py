"""What a person reads while the app's server does not answer."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from app.widgets import assets


def tell_lost_connection() -> None:
    """Have the browser tell it; there is no server to do so."""
    with st.sidebar:  # it shows nothing here
        _watch()(key="connection")


@cache
def _watch() -> Any:
    return st.components.v2.component("goalpost_connection", js=assets.text("connection.js"))
