"""The live preview: what the three cameras of a cell see now, and how the recording goes.

The page's script only hands out a signed address; frames flow from the camera hub to the browser
without it, so that a busy script never freezes the picture.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import streamlit as st

from app.service import preview_url
from app.widgets import assets
from data.frames import CAMERAS

CAMERA_TITLES = {"over_shoulder": "Over the shoulder", "left": "Left", "right": "Right"}


def preview(robot: str, *, recording: str | None) -> None:
    """Mount the preview of `robot`.

    Args:
        recording: The episode that this page believes is being recorded. When the cell starts or
            stops a recording that the page does not know of (another tab did it), the page runs
            again by itself.
    """
    _component()(
        key=f"preview-{robot}",
        data={
            "url": preview_url(robot, now_s=time.time()),
            "recording": recording,
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
