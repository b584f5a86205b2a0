"""Pictures that show what success, failure and near miss of a task look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app import state
from app.images import FRAMES
from app.pairing import find_pairs, kept_clips
from data.errors import CorruptData
from data.likeness import picture_change
from data.shards import FrameRef

_COMPARED = 6
"""So many of a task's newest pairs are looked at for the near miss."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Frames of clips in use that show one task; None where there is none yet."""

    success: FrameRef | None = None
    failure: FrameRef | None = None
    near_miss: FrameRef | None = None
    """The failure that looks most like the success of its pair."""


def task_examples() -> Mapping[str, Examples]:
    """The examples of every task that was recorded."""
    return _found(str(state.workspace().root), state.stamp())


@st.cache_resource(max_entries=2, show_spinner=False)
def _found(root: str, stamp: state.Stamp) -> dict[str, Examples]:
    episodes = {each.info.episode_id: each for each in state.episodes() if each.info.kind == "clip"}
    clips = kept_clips((each.info for each in episodes.values()), state.labels())

    def middle(episode_id: str) -> FrameRef:
        found = episodes[episode_id]
        return FrameRef(found.shard, episode_id, found.info.step_count // 2)

    by_task: dict[str, list[Mapping[str, FrameRef]]] = {}
    for pair in find_pairs(clips):
        shown: dict[str, FrameRef] = {outcome: middle(clip) for outcome, clip in pair.clips.items()}
        by_task.setdefault(pair.task, []).append(shown)
    return {task: _choose(pairs) for task, pairs in by_task.items()}


def _choose(pairs: list[Mapping[str, FrameRef]]) -> Examples:
    complete = [pair for pair in pairs if len(pair) == 2][:_COMPARED]
    near: FrameRef | None = None
    if len(complete) > 1:  # of a single pair, the only failure is no nearer than another
        near = min(complete, key=_distance)["failure"]
    failures = [pair["failure"] for pair in pairs if "failure" in pair]
    return Examples(
        success=next((pair["success"] for pair in pairs if "success" in pair), None),
        failure=next((ref for ref in failures if ref != near), None),
        near_miss=near,
    )


def _distance(pair: Mapping[str, FrameRef]) -> float:
    try:
        success, failure = FRAMES.read(state.workspace(), [pair["success"], pair["failure"]])
        return picture_change(success.decode().images, failure.decode().images)
    except CorruptData:
        return float("inf")
