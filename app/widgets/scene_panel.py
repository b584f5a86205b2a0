"""The scene of a simulated cell as a panel of plain choices, set up by hand on the Record page."""

from __future__ import annotations

import secrets
from typing import get_args

import streamlit as st

from app import access
from data.cells.arrangement import Arrangement, HeldAt, Light, Place, Surface
from data.cells.client import CellClient
from data.tasks.tasks import OBJECT_KINDS

_NOTHING = "nothing"
_AS_IT_IS = "as it is"
_POINTED = "where I click in the picture"
_SPOT = "scene-spot"
"""Session state: the spot that was clicked and is not carried out yet, x and y [m]."""


def lies_where_clicked() -> bool:
    """Whether an object is to lie where the person clicks in the picture."""
    chosen = st.session_state
    return (
        chosen.get("scene-place") == _POINTED
        and chosen.get("scene-laid-down", _NOTHING) != _NOTHING
    )


def lay_down_at(spot_m: tuple[float, float]) -> None:
    """Remember what was clicked, for the panel to carry out."""
    st.session_state[_SPOT] = spot_m


def scene_panel(cell: CellClient) -> Arrangement | None:
    """Show the choices, and have the cell set the scene up like this when asked.

    Returns:
        How the scene was changed just now, or None.

    Raises:
        GoalpostError: The scene cannot be set up like this.
    """
    held_column, placed_column = st.columns(2)
    held = _choose(held_column, "In the gripper", _NOTHING, OBJECT_KINDS)
    held_at: HeldAt = get_args(HeldAt)[0]
    if held is not None:
        held_at = held_column.selectbox(
            "How it is held",
            get_args(HeldAt),
            key="scene-held-at",
            help="Only an object high in the air counts as lifted; the other two are near misses.",
        )
    placed = _choose(placed_column, "Laid down", _NOTHING, OBJECT_KINDS)
    place: Place | None = get_args(Place)[0]
    if placed is not None:
        where = placed_column.selectbox(
            "Where it lies",
            [*get_args(Place), _POINTED],
            key="scene-place",
            help="Beside the plate and on its rim are near misses.",
        )
        place = None if where == _POINTED else where
    spot_m = st.session_state.pop(_SPOT, None)
    light_column, table_column, background_column = st.columns(3)
    light = _choose(light_column, "Light", _AS_IT_IS, get_args(Light))
    table = _choose(table_column, "Table", _AS_IT_IS, get_args(Surface))
    background = _choose(background_column, "Background", _AS_IT_IS, get_args(Surface))
    chosen = Arrangement(
        held=held,
        held_at=held_at,
        placed=placed,
        place=place or get_args(Place)[0],
        spot_m=spot_m,
        light=light,  # type: ignore[arg-type]
        table=table,  # type: ignore[arg-type]
        background=background,  # type: ignore[arg-type]
    )
    if place is None and spot_m is None:
        st.caption(f"Click in the picture over the shoulder where the {placed} shall lie.")
    else:
        shows = [task for task, success in chosen.truth.items() if success]
        st.caption(f"This scene shows success of {', '.join(shows)}." if shows
                   else "This scene shows failure of every task.")  # fmt: skip
    with st.container(horizontal=True):
        set_up = access.button(
            "Set the scene up like this",
            role="label",
            key="scene-set-up",
            type="primary",
            icon=":material/construction:",
            disabled=place is None,
        )
        cleared = access.button(
            "Put everything back",
            role="label",
            key="scene-clear",
            help="All objects lie in the right bin again, and the arm is parked.",
        )
    if cleared:
        cell.idle()
        return Arrangement()
    if not set_up and spot_m is None:
        return None
    cell.arrange(chosen, secrets.randbelow(2**31))
    return chosen


def _choose(
    column: st.delta_generator.DeltaGenerator, title: str, none: str, choices: tuple[str, ...]
) -> str | None:
    key = f"scene-{title.lower().replace(' ', '-')}"
    chosen = column.selectbox(title, [none, *choices], key=key)
    return None if chosen == none else str(chosen)
