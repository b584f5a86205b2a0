"""How the app tells a person what went wrong: what, where, what would be valid, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st

from app.wording import plain
from data.cells.simulated.opening import check_simulator
from data.errors import CellError, GoalpostError

_LONGEST_LIST = 12


def show_error(error: GoalpostError) -> None:
    """Tell an expected error in place. Nothing that was typed on the page is touched."""
    st.error(error_text(error), icon=":material/error:")


def show_left_out(errors: Iterable[GoalpostError]) -> None:
    """Tell what a list does not show because it cannot be used; the rest of it can."""
    for error in errors:
        st.warning(error_text(error), icon=":material/warning:")


def tell_missing_simulator() -> None:
    """Say what the simulated robots lack, where they lack something."""
    try:
        check_simulator()
    except CellError as error:
        st.warning(error_text(error), icon=":material/warning:")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show a `GoalpostError` raised inside, and go on with the rest of the page."""
    try:
        yield
    except GoalpostError as error:
        show_error(error)


def error_text(error: GoalpostError) -> str:
    """The error as Markdown: the problem in bold, then a line for each thing that is known."""
    lines = [f"**{plain(error.what)}**"]
    if error.where is not None:
        lines.append(f"Where: {plain(error.where)}")
    if error.valid:
        shown = ", ".join(plain(choice) for choice in error.valid[:_LONGEST_LIST])
        more = len(error.valid) - _LONGEST_LIST
        lines.append(f"You can use: {shown}" + (f" and {more} more" if more > 0 else ""))
    if error.next_step is not None:
        lines.append(f"What to do: {plain(error.next_step)}")
    return "  \n".join(lines)
