"""The gallery: frames side by side, judged by key or button, one at a time or a whole selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import streamlit as st

from app.widgets import assets
from app.widgets.film import Film, redraw
from app.widgets.preview import CAMERA_TITLES
from data.episodes.frames import CAMERAS
from data.tasks.tasks import Outcome


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One thing a person may do with a card, or with a whole selection."""

    answer: str
    """`confirm` or `fix` the label, `unsure`, `exclude`; blind: `success`, `failure`, `unsure`."""
    title: str
    key: str


CHOICES = (
    Choice(answer="confirm", title="Label is right", key="Y"),
    Choice(answer="fix", title="Change label", key="F"),
    Choice(answer="unsure", title="Cannot tell", key="U"),
    Choice(answer="exclude", title="Exclude", key="X"),
)
BLIND_CHOICES = (
    Choice(answer="success", title="Success", key="1"),
    Choice(answer="failure", title="Failure", key="0"),
    Choice(answer="unsure", title="Cannot tell", key="U"),
)


@dataclass(frozen=True, kw_only=True)
class Card:
    """One frame in the gallery."""

    item_id: str
    title: str
    badge: str
    """Empty for none."""
    tone: str
    """`positive`, `negative` or `plain`; colours the badge."""
    lines: Sequence[str]
    images: Mapping[str, str]
    """Per camera, the signed address of the picture."""
    outcome: Outcome
    """What its label says now."""
    blind: bool
    """Whether the person is to judge without seeing label or score."""
    exclude: Sequence[str]
    """The items that become unsure, and so train nothing, when the frame is excluded."""
    checked: str | None
    """What was already decided, in words; None while it is open."""
    label_id: str | None
    """The label that decision made, for taking it back."""


def gallery(
    cards: Sequence[Card],
    *,
    key: str,
    receipt: Mapping[str, Any],
    film: Film | None,
    on_log: Callable[[], None],
) -> None:
    """Mount the gallery. `key`, `receipt` and `on_log` are as in `app.widgets.labelling`.

    Session state at `key` also holds `open`: the item that is shown large, whose `film` it wants.
    """
    _component()(
        key=key,
        data={
            "channel": key,
            "cards": [asdict(card) for card in cards],
            "choices": [asdict(choice) for choice in CHOICES],
            "blind_choices": [asdict(choice) for choice in BLIND_CHOICES],
            "receipt": dict(receipt),
            "opened": None if film is None else asdict(film),
            "cameras": [[camera, CAMERA_TITLES[camera]] for camera in CAMERAS],
        },
        on_log_change=on_log,
        on_open_change=redraw,
    )


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_gallery",
        css=assets.text("gallery.css", "controls.css"),
        js=assets.text("outbox.js", "keys.js", "film.js", "gallery.js"),
    )
