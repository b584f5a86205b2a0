"""The door of the app: signing in, signing out, and who is told that they have no role."""

from __future__ import annotations

import streamlit as st

from app import access
from app.sign_in import configured
from app.sign_outs import sign_out


def may_enter() -> bool:
    """Whether the reader may see the pages; who may not yet is shown how to sign in.

    Raises:
        CorruptData: This server signs people in, and the file that says how cannot be read.
    """
    if configured() is None:
        return True
    visitor = access.visitor()
    if visitor is None:
        st.title("Goalpost")
        st.markdown("What you record and label here is kept under your name, so sign in first.")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
        return False
    if visitor.role is None:
        st.title("Goalpost")
        st.warning(
            "You are signed in, and nobody has given you a role here.  \n"
            "What to do: ask who runs this Goalpost to let you look, label or manage, then reload "
            "this page.",
            icon=":material/lock:",
        )
        show_visitor()
        return False
    return True


def show_visitor() -> None:
    """Who is signed in, and the way out; nothing where people do not sign in."""
    visitor = access.visitor()
    if visitor is None:
        return
    with st.sidebar:
        st.text(visitor.email)  # whatever it is, it is no Markdown
        st.caption(f"Role: {visitor.role or 'none'}")
        st.button("Sign out", icon=":material/logout:", on_click=sign_out)
