"""Signing out for good: a sign-in that has ended opens nothing any more.

Streamlit only takes the cookie away from the browser. Its other tabs, their live lines and a copy
of the cookie would go on; so this server remembers which sign-ins are over, until it ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import streamlit as st
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

_over: set[bytes] = set()


def sign_out() -> None:
    """End the sign-in by which the page that runs was opened."""
    sign_in = _sign_in(st.context.cookies)
    if sign_in is not None:
        _over.add(sign_in)
    st.logout()


def is_over(cookies: Mapping[str, str]) -> bool:
    """Whether whoever sends these cookies has signed out since they were set."""
    return _sign_in(cookies) in _over


def _sign_in(cookies: Mapping[str, str]) -> bytes | None:
    """What tells one sign-in from all others, whatever else a browser sends beside it.

    That is what was signed, with its time, and not the signature, which may be written in several
    ways. Of a long cookie that comes in several, the first says enough.
    """
    signed, _, signature = cookies.get(USER_COOKIE_NAME, "").rpartition(".")
    return hashlib.sha256(signed.encode()).digest() if signature else None
