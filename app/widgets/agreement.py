"""How far the people who label agree, and what they dispute, on the Label page."""

from __future__ import annotations

import time

import streamlit as st

from app import state
from app.images import image_urls
from app.widgets.notice import errors_shown
from app.widgets.preview import CAMERA_TITLES
from app.wording import counted
from data.episodes.frames import CAMERAS
from data.episodes.index import find_episode
from data.episodes.shards import FrameRef
from data.labels.agreement import Agreement, Answered, answered_twice, by_person, by_task
from data.labels.labels import Label, append_labels, new_label_id

_SHOWN = 3


def show_agreement(*, by: str) -> None:
    """The figures, and the first disputes with buttons that settle them."""
    answered = answered_twice(state.catalog())
    if not answered:
        st.caption(
            "Nobody has given a second opinion yet. Switch on *second opinions* above, under "
            "another name than the first person's."
        )
        return
    for title, rows in (("Task", by_task(answered)), ("Person", by_person(answered))):
        st.table(
            [{title.lower(): name, **_row(found)} for name, found in rows.items()],
            hide_index=True,
            border="horizontal",
            alt=f"Agreement by {title.lower()}",
        )
    st.caption(
        "**Krippendorff's alpha**: 1 is full agreement, 0 what chance would give. Above 0.8 labels "
        "are dependable; below 0.67 the task's description needs to be clearer."
    )
    disputed = [each for each in answered if each.disputed]
    if disputed:
        st.markdown(f"**{counted(len(disputed), 'answer is', 'answers are')} disputed.** Decide:")
    for each in disputed[:_SHOWN]:
        with st.container(border=True):
            _settle(each, by)


def _row(found: Agreement) -> dict[str, str]:
    return {
        "answered by two or more": str(found.questions),
        "same answer": f"{100 * found.share:.0f}%",
        "Krippendorff's alpha": "unknown" if found.alpha is None else f"{found.alpha:.2f}",
    }


def _settle(each: Answered, by: str) -> None:
    said = ", ".join(f"{person}: {outcome}" for person, outcome in each.answers.items())
    st.markdown(f"**Success at {each.task}?** {said}")
    frame_index = int(each.frame.frame_index or 0)
    shard = find_episode(state.catalog(), each.frame.episode_id).shard
    urls = image_urls(FrameRef(shard, each.frame.episode_id, frame_index), now_s=time.time())
    st.html(
        '<div style="display:flex;gap:.4rem">'
        + "".join(
            f'<img src="{urls[camera]}" alt="{CAMERA_TITLES[camera]} camera" '
            'style="flex:1 1 0;min-width:0;max-width:18rem;border-radius:6px">'
            for camera in CAMERAS
        )
        + "</div>"
    )
    with st.container(horizontal=True):
        for outcome in ("success", "failure"):
            if st.button(
                f"It is {outcome}",
                key=f"settle-{outcome}-{each.frame.episode_id}-{frame_index}-{each.task}",
            ):
                with errors_shown():
                    append_labels(
                        state.catalog(),
                        [
                            Label(
                                label_id=new_label_id(),
                                episode_id=each.frame.episode_id,
                                frame_index=frame_index,
                                task=each.task,
                                outcome=outcome,
                                by=by,
                                source="review",
                                at_ns=time.time_ns(),
                            )
                        ],
                    )
                    st.rerun()
