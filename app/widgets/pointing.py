"""Three views of one frame, in each of which a person points at something, or says that it is not
to be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import streamlit as st

from app.widgets import assets
from app.widgets.preview import CAMERA_TITLES
from data.episodes.frames import CAMERAS

Positions = Mapping[str, tuple[float, float] | None]
"""By camera, shares of the picture's width and height; None: not to be seen."""


def pointing(
    picture_id: str,
    images: Mapping[str, str],
    *,
    at: str,
    given: Positions,
    on_pointed: Callable[[str, Positions], None],
) -> None:
    """Mount the widget.

    Args:
        picture_id: Names what is asked; another one empties the views.
        images: Per camera, the signed address of the picture.
        at: What is to be pointed at, in words.
        given: What was said of it before.
        on_pointed: Called with the picture and the positions once every view has an answer, before
            the page runs.
    """
    key = "pointing"

    def pointed() -> None:
        said = (st.session_state.get(key) or {}).get("pointed")
        if said:
            positions = {
                camera: None if place is None else (float(place[0]), float(place[1]))
                for camera, place in said["positions"].items()
            }
            on_pointed(str(said["picture"]), positions)

    _component()(
        key=key,
        data={
            "picture": picture_id,
            "at": at,
            "views": [[camera, CAMERA_TITLES[camera], images[camera]] for camera in CAMERAS],
            "given": {camera: place and list(place) for camera, place in given.items()},
        },
        on_pointed_change=pointed,
    )


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_pointing", css=assets.text("pointing.css"), js=assets.text("pointing.js")
    )
