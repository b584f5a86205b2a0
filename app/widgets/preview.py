"""The live preview: what the three cameras of a cell see now, and how the recording goes.

The page's script only hands out a signed address; frames flow from the camera hub to the browser
without it, so that a busy script never freezes the picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import streamlit as st

from app.service import preview_url
from app.widgets import assets
from data.episodes.frames import CAMERAS

CAMERA_TITLES = {"over_shoulder": "Over the shoulder", "left": "Left", "right": "Right"}

POINTED_CAMERA = "over_shoulder"
"""The one in whose picture a place can be pointed at."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the recording desk above the pictures announces and starts."""

    task: str
    outcome: str
    """What is to be recorded next."""
    ready: bool
    """Whether a recording may start."""
    scene_used: bool
    """Whether the scene in front of the cameras has its pair, so that another is to be set up."""
    answered: int
    """Changes whenever the page has done, or refused, what the desk asked for."""


def preview(
    robot: str,
    *,
    recording: str | None,
    broken: Collection[str] = (),
    desk: Desk | None = None,
    on_asked: Callable[[str], None] | None = None,
    on_pointed: Callable[[tuple[float, float]], None] | None = None,
) -> None:
    """Mount the preview of `robot`.

    Args:
        recording: The recording under way as far as this page knows.
        broken: The cameras without pictures as far as this page knows. When either has changed
            without the page's doing (another tab recorded, a cable was pulled), it runs again.
        desk: What the recording desk shows; None: pictures alone.
        on_asked: Called with `start` or `stop` when the person has asked for it, by the space bar
            or the desk's button, before the page runs.
        on_pointed: Called with the place in the over-the-shoulder picture that was clicked, as
            shares of its width and height, before the page runs. None: it cannot be clicked.
    """
    key = f"preview-{robot}"

    def asked() -> None:
        request = (st.session_state.get(key) or {}).get("asked")
        if on_asked is not None and request:
            on_asked(str(request["what"]))

    def pointed() -> None:
        place = (st.session_state.get(key) or {}).get("pointed")
        if on_pointed is not None and place:
            on_pointed((float(place["x"]), float(place["y"])))

    _component()(
        key=key,
        data={
            "url": preview_url(robot, now_s=time.time()),
            "recording": recording,
            "broken": list(broken),
            "cameras": [[camera, CAMERA_TITLES[camera]] for camera in CAMERAS],
            "pointing": POINTED_CAMERA if on_pointed is not None else None,
            "desk": None if desk is None else asdict(desk),
        },
        on_asked_change=asked,
        on_pointed_change=pointed,
        on_changed_change=_run_again,
    )


def _run_again() -> None:
    """Nothing to do: the trigger has already made the page run again."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_preview",
        css=assets.text("preview.css"),
        js=assets.text("desk.js", "preview.js"),
    )
