"""How often tasks succeed, as the random share on the Label page tells."""

from __future__ import annotations

import streamlit as st

from app import state
from app.wording import counted
from data.catalog.label_queue import Drawn, QueueFilter, drawn_by_chance
from sd_model.judging.metrics import wilson


def show_rates(wanted: QueueFilter) -> None:
    """The rate of each task in the selection, estimated from what chance drew and people said."""
    with st.container(border=True):
        st.markdown("**Success in this selection, estimated from the answers drawn by chance**")
        for drawn in state.answer(drawn_by_chance, wanted):
            st.markdown(f"- {rate_words(drawn)}")


def rate_words(drawn: Drawn) -> str:
    """The rate in words, with its 95% Wilson interval."""
    answered = drawn.successes + drawn.failures
    if not answered:
        return f"{drawn.task}: none of {drawn.of} answered yet."
    low, high = wilson(drawn.successes, answered)
    words = (
        f"{drawn.task}: {drawn.successes} of {answered} succeeded "
        f"({drawn.successes / answered:.0%}, between {low:.0%} and {high:.0%}), "
        f"drawn from {counted(drawn.of, 'episode')}"
    )
    return words + (f"; {drawn.unsure} more unsure." if drawn.unsure else ".")
