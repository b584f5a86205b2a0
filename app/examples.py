"""Pictures that show what success, failure and near miss of a task look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app import state
from app.images import FRAMES
from app.pairing import find_pairs
from data.cameras.likeness import picture_change
from data.catalog.catalog import Catalog
from data.catalog.questions import newest_clips
from data.episodes.shards import FrameRef
from data.errors import CorruptData

_COMPARED = 6
"""So many of a task's newest pairs are looked at for the near miss."""
_CLIPS_LOOKED_AT = 4 * _COMPARED


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Frames of clips in use that show one task; None where there is none yet."""

    success: FrameRef | None = None
    failure: FrameRef | None = None
    near_miss: FrameRef | None = None
    """The failure that looks most like the success of its pair."""


def task_examples() -> Mapping[str, Examples]:
    """The examples of every task that was recorded."""
    return state.answer(_find_examples)


def _find_examples(catalog: Catalog) -> dict[str, Examples]:
    clips = newest_clips(catalog, of_each_task=_CLIPS_LOOKED_AT)
    episodes = {each.info.episode_id: each for each in clips}

    def middle(episode_id: str) -> FrameRef:
        found = episodes[episode_id]
        return FrameRef(found.shard, episode_id, found.info.step_count // 2)

    by_task: dict[str, list[Mapping[str, FrameRef]]] = {}
    for pair in find_pairs(each.info for each in clips):
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
