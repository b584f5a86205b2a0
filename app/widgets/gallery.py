"""The gallery: frames side by side, each with its three views and buttons that judge its label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import streamlit as st

from app.widgets import assets
from app.widgets.preview import CAMERA_TITLES
from data.frames import CAMERAS


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One button on a card."""

    answer: str
    """What is recorded: success, failure or unsure."""
    title: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """One frame in the gallery."""

    item_id: str
    title: str
    badge: str
    tone: str
    """`positive` or `negative`; colours the badge."""
    lines: Sequence[str]
    images: Mapping[str, str]
    """Per camera, the signed address of the picture."""
    choices: Sequence[Choice]
    checked: str | None
    """What was already decided, in words; None while it is open."""
    label_id: str | None
    """The label that decision made, for taking it back."""


def gallery(
    cards: Sequence[Card], *, key: str, receipt: Mapping[str, Any], on_log: Callable[[], None]
) -> None:
    """Mount the gallery. `key`, `receipt` and `on_log` are as in `app.widgets.labelling`."""
    _component()(
        key=key,
        data={
            "channel": key,
            "cards": [asdict(card) for card in cards],
            "receipt": dict(receipt),
            "cameras": [[camera, CAMERA_TITLES[camera]] for camera in CAMERAS],
        },
        on_log_change=on_log,
    )


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_gallery",
        css=assets.text("gallery.css"),
        js=assets.text("outbox.js", "gallery.js"),
    )
