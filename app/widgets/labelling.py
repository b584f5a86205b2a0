"""The labelling widget: one question at a time, answered by a key or a button.

It holds the next questions with their pictures, so that an answer shows the next one at once, and
keeps every answer until the page confirms that it is saved (see `app.decision_log`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import streamlit as st

from app.widgets import assets
from app.widgets.preview import CAMERA_TITLES
from data.episodes.frames import CAMERAS


@dataclass(frozen=True, kw_only=True)
class Question:
    """One item as the browser shows it."""

    item_id: str
    question: str
    """What is asked."""
    details: str
    """Where the frame comes from."""
    images: Mapping[str, str]
    """Per camera, the signed address of the picture."""


def labelling(
    questions: Sequence[Question],
    *,
    key: str,
    queue_id: str,
    waiting: int,
    receipt: Mapping[str, Any],
    on_log: Callable[[], None],
) -> None:
    """Mount the widget.

    Args:
        key: Session-state key; its `log` holds what the browser sent last.
        queue_id: Changes when the person asks for other questions.
        waiting: How many questions wait in all.
        receipt: Who answers, and what became of the decisions sent (see `app.inbox.receipt`).
        on_log: Called when the browser has sent its log, before the page runs.
    """
    _component()(
        key=key,
        data={
            "channel": key,
            "queue_id": queue_id,
            "questions": [asdict(question) for question in questions],
            "waiting": waiting,
            "receipt": dict(receipt),
            "cameras": [[camera, CAMERA_TITLES[camera]] for camera in CAMERAS],
        },
        on_log_change=on_log,
    )


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_labelling",
        css=assets.text("labelling.css"),
        js=assets.text("outbox.js", "labelling.js"),
    )
