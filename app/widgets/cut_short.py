"""On Home: recordings that were cut short, and the way to where they are kept or dropped."""

from __future__ import annotations

import streamlit as st

from app import access, state
from app.pages import link
from app.recovery import cut_short
from app.wording import counted, plain, when
from data.recording.sealing import RATE_HZ, RecoveredClip


def show_cut_short() -> None:
    """A box for each robot with such recordings; nothing where there are none."""
    by_robot: dict[str, list[RecoveredClip]] = {}
    for clip in cut_short(state.workspace()):
        by_robot.setdefault(clip.robot, []).append(clip)
    for robot, clips in by_robot.items():
        with st.container(border=True):
            st.markdown(
                f":orange[:material/healing:] **{counted(len(clips), 'recording')} on "
                f"{plain(robot)} {'was' if len(clips) == 1 else 'were'} cut short. What was "
                "recorded until then is safe**, and trains nothing until somebody has decided "
                "about it.  \n" + "  \n".join(clip_words(clip) for clip in clips)
            )
            if access.may("label"):
                link(
                    "record",
                    "Keep it or drop it" if len(clips) == 1 else "Keep or drop them",
                    {"record-robot": robot, "record-task": clips[-1].task},
                )


def clip_words(clip: RecoveredClip) -> str:
    """What was recorded, how much of it, by whom and when."""
    length_s = clip.frame_count / RATE_HZ
    return (
        f"{clip.outcome.capitalize()} of {plain(clip.task)}, "
        f"{counted(clip.frame_count, 'frame')} ({length_s:.0f} s), by {plain(clip.by)}, "
        f"{when(clip.started_at_ns)}."
    )
