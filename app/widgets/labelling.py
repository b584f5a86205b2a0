"""The labelling widget: one picture at a time, judged for one task or several by key or button.

It holds the next pictures, so that an answer shows the next one at once, and keeps every answer
until the page confirms that it is saved (see `app.decision_log`). What follows from an answer by
the relations of the tasks is not asked, and shown as such; the index works it out, and stores no
label of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, get_args

import streamlit as st

from app.widgets import assets
from app.widgets.film import Film, redraw
from app.widgets.preview import CAMERA_TITLES
from data.episodes.frames import CAMERAS
from data.tasks.feasibility import close_outcomes
from data.tasks.tasks import Outcome, TaskSet


@dataclass(frozen=True, kw_only=True)
class AskedTask:
    """One task that a picture is judged for."""

    item_id: str
    task: str
    meaning: str
    """What success looks like; empty where nobody wrote it down."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One frame as the browser shows it, and what is asked about it."""

    picture_id: str
    """Begins with the episode's name and a bar."""
    tasks: Sequence[AskedTask]
    details: str
    """Where the frame comes from."""
    images: Mapping[str, str]
    """Per camera, the signed address of the picture."""
    known: Sequence[tuple[str, str, str]] = ()
    """What is known already: task, outcome, and where that is from."""


def labelling(
    pictures: Sequence[Picture],
    *,
    key: str,
    queue_id: str,
    waiting: int,
    follows: Mapping[str, Mapping[Outcome, Mapping[str, Outcome]]],
    receipt: Mapping[str, Any],
    film: Film | None,
    on_log: Callable[[], None],
) -> None:
    """Mount the widget.

    Args:
        key: Session-state key; its `log` holds what the browser sent last, its `open` the picture
            whose episode is to be played.
        queue_id: Changes when the person asks for other questions.
        waiting: How many questions wait in all.
        follows: What follows from each outcome of each task (see `consequences`).
        receipt: Who answers, and what became of the decisions sent (see `app.inbox.receipt`).
        film: The episode that is to be played.
        on_log: Called when the browser has sent its log, before the page runs.
    """
    _component()(
        key=key,
        data={
            "channel": key,
            "queue_id": queue_id,
            "pictures": [asdict(picture) for picture in pictures],
            "waiting": waiting,
            "follows": follows,
            "receipt": dict(receipt),
            "film": None if film is None else asdict(film),
            "cameras": [[camera, CAMERA_TITLES[camera]] for camera in CAMERAS],
        },
        on_log_change=on_log,
        on_open_change=redraw,
    )


def consequences(
    tasks: TaskSet, asked: Sequence[str]
) -> dict[str, dict[Outcome, dict[str, Outcome]]]:
    """By task and its outcome, the outcomes of the other asked tasks that follow from it.

    Relations have one premise each, so that what follows from several answers is what follows from
    each of them.
    """
    return {
        task: {
            outcome: {
                other: each.outcome
                for other, each in close_outcomes({task: outcome}, tasks).items()
                if other != task and other in asked
            }
            for outcome in get_args(Outcome)
        }
        for task in asked
    }


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_labelling",
        css=assets.text("labelling.css", "controls.css"),
        js=assets.text("outbox.js", "keys.js", "film.js", "labelling.js"),
    )
