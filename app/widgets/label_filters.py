"""What a person wants to be asked on the Label page: tasks, episodes, order, one or a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

import streamlit as st

from app import state
from app.person import your_name
from app.queue_orders import ORDERS, OrderName, robots_left_out
from app.wording import listed
from data.catalog.counts import Census
from data.catalog.label_queue import Order, QueueFilter

SECOND_SHARE = 0.1
"""Share of the answered questions that a second person is asked, blind."""
_TELLING = 5
"""Fewer answers say nothing yet about which robots are left out."""
SECOND_WORDS = "A share of what others answered, asked again without showing their answer."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was chosen."""

    filter: QueueFilter
    order: OrderName
    grid: bool
    """Many pictures side by side, instead of one at a time."""
    second: bool
    """Blind second opinions, instead of what nobody has answered."""
    by: str
    """Who answers."""


def choose(census: Census) -> Wanted:
    """The choices, kept for the visit."""
    acted = [row for row in census.rows if row.kind == "robot"]
    tried = {row.task for row in acted}
    commanded = [name for name in state.tasks_to_choose() if name in tried]
    chosen, which, name = st.columns([4, 3, 2], vertical_alignment="bottom")
    with chosen:
        tasks = st.multiselect(
            "Ask me about",
            state.tasks_to_choose(),
            default=commanded,
            key="label-tasks",
            placeholder="Choose tasks",
            persist_state="session",
        )
    with name:
        by = your_name()
    with which:
        order: OrderName = st.selectbox(
            "In which order",
            list(ORDERS),
            format_func=lambda name: f"{name[0].upper()}{name[1:]}",
            key="label-order",
            persist_state="session",
        )
    row = st.container(horizontal=True, vertical_alignment="center")
    explained = row.container(width="stretch")
    with row:
        grid = st.toggle(
            "Grid",
            key="label-grid",
            persist_state="session",
            help="Many pictures side by side; select any of them and mark them all at once.",
        )
    with row.popover("Which episodes", icon=":material/tune:"):
        robots = st.multiselect(
            "Robots",
            sorted({row.robot for row in acted}),
            key="label-robots",
            placeholder="All robots",
            persist_state="session",
        )
        behaviours = st.multiselect(
            "What drove the robot",
            sorted({row.behaviour for row in acted}),
            key="label-behaviours",
            placeholder="Anything",
            persist_state="session",
        )
        other_tasks = st.toggle(
            "Judge each picture for all chosen tasks, also those the robot was not trying",
            key="label-other-tasks",
            persist_state="session",
            help="Every picture says something about every task; failures are useful too. What "
            "follows from your answers is filled in for you.",
        )
        second = st.toggle(
            f"Give second opinions: {SECOND_SHARE:.0%} of what others answered, asked again "
            "without showing their answer",
            key="label-second",
            persist_state="session",
            help="Shows how far people agree. Type your own name first.",
        )
    explained.caption(SECOND_WORDS if second else ORDERS[order])
    wanted = QueueFilter(
        tasks=tuple(tasks),
        only_own_task=not other_tasks,
        robots=frozenset(robots),
        behaviours=frozenset(behaviours),
        order=cast(Order, order) if order in get_args(Order) else "newest first",
    )
    return Wanted(filter=wanted, order=order, grid=grid, second=second, by=by)


def choose_one_task(tasks: tuple[str, ...]) -> str:
    """The one question that a grid asks, so that a whole selection has one answer."""
    if len(tasks) == 1:
        return tasks[0]
    return st.selectbox(
        "The grid asks about", tasks, key="label-grid-task", persist_state="session"
    )


def offer_all_robots(wanted: Wanted, census: Census, answered: int) -> None:
    """Robots collect one after the other, so the newest tries may all be of one of them.

    Args:
        answered: How many questions of this selection were.
    """
    if answered < _TELLING or wanted.filter.robots or wanted.order == "random share":
        return
    judged, left_out = robots_left_out(census, wanted.filter.tasks)
    if not (judged and left_out):
        return
    with st.container(border=True):
        st.markdown(
            f"**Only {listed(judged)} {'was' if len(judged) == 1 else 'were'} judged so far.** A "
            f"detector learns more from several robots; {listed(left_out)} "
            f"{'waits' if len(left_out) == 1 else 'wait'}."
        )
        st.button(
            "Ask about all robots, by chance",
            key="label-all-robots",
            icon=":material/shuffle:",
            on_click=_ask_by_chance,
            help="The order *random share*; its answers also tell how often the tasks succeed.",
        )


def _ask_by_chance() -> None:
    st.session_state["label-order"] = "random share"
