"""The tour above every page: which step comes next, where it is done, and the way out."""

from __future__ import annotations

import streamlit as st

from app import jobs, state
from app.pages import link
from app.tour import TourStep, tour
from app.widgets.notice import tell_missing_simulator
from data.cells.simulated.opening import has_simulator
from sd_model.artefact import list_detectors

_ON = "tour"


def offer_tour() -> None:
    """On Home, while there is no detector: a button that begins the tour."""
    if st.session_state.get(_ON) or all(step.done for step in _steps()):
        return
    if not has_simulator():
        tell_missing_simulator()
        return
    if st.button(
        "Take the tour: five steps to a first detector",
        key="tour-begin",
        icon=":material/explore:",
        help="On simulated robots; about ten minutes. What you make on the way is yours to keep.",
    ):
        st.session_state[_ON] = True
        st.rerun()


def show_tour(shown: str = "") -> None:
    """The step that comes next, if somebody has begun the tour.

    Args:
        shown: The page it stands above, which needs no link to itself.
    """
    if not st.session_state.get(_ON):
        return
    steps = _steps()
    number = next((index for index, step in enumerate(steps) if not step.done), len(steps))
    with st.container(border=True):
        told, ways = st.columns([5, 2], vertical_alignment="center")
        told.progress(number / len(steps), text=_words(steps, number))
        with ways.container(
            horizontal=True, horizontal_alignment="right", vertical_alignment="center"
        ):
            page = steps[number].page if number < len(steps) else "review"
            if page != shown:
                link(page, f"Go to {page.capitalize()}")
            ended = st.button(
                "End the tour",
                key="tour-end",
                type="tertiary",
                help="Home begins it again where you left it.",
            )
    if ended:
        st.session_state[_ON] = False
        st.rerun()


def _steps() -> list[TourStep]:
    return tour(
        state.census(),
        detectors=len(list_detectors(state.workspace())),
        at_work={run.kind for run in jobs.active_runs(state.workspace())},
    )


def _words(steps: list[TourStep], number: int) -> str:
    if number == len(steps):
        return (
            "**The tour is done.** You have a first detector. Review shows what it gets wrong; "
            "Home says what helps most."
        )
    step = steps[number]
    return f"**Step {number + 1} of {len(steps)}: {step.title}** ({step.takes}). {step.text}"
