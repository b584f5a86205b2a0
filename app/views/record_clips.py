"""The clips of a task on the Record page: played back, corrected, trimmed, annotated."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from app import state
from app.widgets.notice import errors_shown
from app.widgets.player import player
from app.wording import counted, when
from data.episodes.episodes import EpisodeInfo
from data.episodes.index import find_episode
from data.labels.labels import standing_labels
from data.labels.notes import Note, read_notes, write_note
from data.recording.clips import discard_clip, frames_kept, relabel_clip, trim_clip
from data.recording.sealing import RATE_HZ
from data.tasks.tasks import Outcome


def show(clips: Sequence[EpisodeInfo], *, task: str, by: str) -> None:
    """A list of the task's clips in use, newest first, and the one that was chosen."""
    of_task = [info for info in clips if info.task == task]
    if not of_task:
        return
    with st.expander(
        f"Clips of {task} ({len(of_task)}): play, correct, trim",
        key="record-clips",
        on_change="rerun",
    ) as listing:
        if listing.open:
            _show_chosen(of_task, by)


def _show_chosen(clips: Sequence[EpisodeInfo], by: str) -> None:
    notes = read_notes(state.workspace())
    by_id = {info.episode_id: info for info in clips}

    def words(name: str) -> str:
        info = by_id[name]
        note = f" · {notes[name].text[:40]}" if name in notes else ""
        return (
            f"{info.outcome} on {info.robot} · {when(info.recorded_at_ns)} · "
            f"{counted(info.step_count, 'frame')}{note}"
        )

    chosen = by_id[st.selectbox("Clip", list(by_id), format_func=words, key="record-clip")]
    player(
        find_episode(state.catalog(), chosen.episode_id),
        key=f"play-{chosen.episode_id}",
        rate_hz=RATE_HZ,
    )
    _trim(chosen, by)
    _correct(chosen, by)
    _note(chosen, notes.get(chosen.episode_id), by)


def _trim(clip: EpisodeInfo, by: str) -> None:
    if clip.step_count < 3:
        return
    first, last = frames_kept(
        clip, standing_labels(state.catalog(), episode_ids=[clip.episode_id], task=clip.task)
    )
    chosen, apply = st.columns([4, 1], vertical_alignment="bottom")
    start, end = chosen.slider(
        "Frames that count",
        1,
        clip.step_count,
        (first + 1, last + 1),
        key=f"trim-{clip.episode_id}-{first}-{last}",
        help="Cut off where a hand was still arranging the scene. Frames outside train nothing; "
        "they are kept, so that this can be changed back.",
    )
    if apply.button(
        "Trim",
        key=f"trim-apply-{clip.episode_id}",
        disabled=(start - 1, end - 1) == (first, last),
        width="stretch",
    ):
        with errors_shown():
            trim_clip(
                state.catalog(), clip, first=start - 1, last=end - 1, by=by, at_ns=time.time_ns()
            )
            st.rerun()


def _correct(clip: EpisodeInfo, by: str) -> None:
    other: Outcome = "failure" if clip.outcome == "success" else "success"
    with st.container(horizontal=True):
        if st.button(
            f"It shows {other}",
            key=f"relabel-{clip.episode_id}",
            help=f"Recorded as {clip.outcome}. Says that every frame shows {other} instead.",
        ):
            with errors_shown():
                relabel_clip(state.catalog(), clip, other, by=by, at_ns=time.time_ns())
                st.rerun()
        with st.popover("Discard this clip"):
            st.markdown("It is no longer used for anything. Its pictures stay on the disk.")
            if st.button("Discard it", key=f"discard-{clip.episode_id}"):
                with errors_shown():
                    discard_clip(state.catalog(), clip, by=by, at_ns=time.time_ns())
                    st.rerun()


def _note(clip: EpisodeInfo, before: Note | None, by: str) -> None:
    text, save = st.columns([4, 1], vertical_alignment="bottom")
    old = before.text if before else ""
    written = text.text_input(
        "Note",
        value=old,
        key=f"note-{clip.episode_id}",
        placeholder="What to remember of this clip",
        help=f"Last written by {before.by}, {when(before.at_ns)}." if before else None,
    )
    if save.button(
        "Save note", key=f"note-save-{clip.episode_id}", disabled=written == old, width="stretch"
    ):
        with errors_shown():
            write_note(
                state.catalog(),
                Note(episode_id=clip.episode_id, text=written or "", by=by, at_ns=time.time_ns()),
            )
            st.rerun()
