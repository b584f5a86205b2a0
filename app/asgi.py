"""The web application: Streamlit's script, and Goalpost's own routes beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

import app as package
from app.service import HUB, routes
from app.state import workspace
from app.upkeep import keep_tidy

_log = logging.getLogger("goalpost.app")


@asynccontextmanager
async def _lifespan(application: st.App) -> AsyncIterator[None]:
    tidying = asyncio.create_task(keep_tidy(workspace()))
    try:
        yield
    finally:
        tidying.cancel()
        HUB.close()


def _tell_unexpected_error(error: Exception) -> bool:
    """A mistake of ours: the trace goes to the log, the reader gets words."""
    _log.error("A page failed", exc_info=error)
    st.error(
        "**Something went wrong on this page.** What you saved before is safe.  \n"
        "What to do: reload the page. If it happens again, pass on the server's log.",
        icon=":material/error:",
    )
    return True


app = st.App(
    Path(package.__file__).with_name("main.py"),
    lifespan=_lifespan,
    routes=routes(),
    on_script_error=_tell_unexpected_error,
)
