"""The live preview: what the three cameras of a cell see now, and how the recording goes.

The page's script only hands out a signed address; frames flow from the camera hub to the browser
without it, so that a busy script never freezes the picture.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import cache
from typing import Any

import streamlit as st

from app.service import preview_url
from app.widgets import assets
from data.frames import CAMERAS

CAMERA_TITLES = {"over_shoulder": "Over the shoulder", "left": "Left", "right": "Right"}


def preview(robot: str, *, recording: str | None, broken: Collection[str] = ()) -> None:
    """Mount the preview of `robot`.

    Args:
        recording: The recording under way as far as this page knows.
        broken: The cameras without pictures as far as this page knows. When either has changed
            without the page's doing (another tab recorded, a cable was pulled), it runs again.
    """
    _component()(
        key=f"preview-{robot}",
        data={
            "url": preview_url(robot, now_s=time.time()),
            "recording": recording,
            "broken": list(broken),
            "cameras": [[camera, CAMERA_TITLES[camera]] for camera in CAMERAS],
        },
        on_changed_change=_run_again,
    )


def _run_again() -> None:
    """Nothing to do: the trigger has already made the page run again."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_preview",
        css=assets.text("preview.css"),
        js=assets.text("preview.js"),
    )
