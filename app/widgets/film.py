"""The recording of what is shown large in a widget, to be played there."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import state
from app.images import FRAMES, image_urls
from app.widgets.notice import show_error
from data.catalog.catalog import Catalog
from data.episodes.index import find_episode
from data.episodes.shards import FrameRef
from data.errors import GoalpostError

LONGEST_FILM = 200
"""Frames of a recording that are shown; of longer ones every second, third, ... frame."""


_QUICKEST_MS = 200.0
"""Frames that on average come closer together than those of a clip are shown at a clip's rate."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """A recording as the browser plays it."""

    item_id: str
    """What it was opened for."""
    frames: Sequence[Mapping[str, str]]
    """Per frame and camera, the signed address of the picture; a robot's steps may lack views."""
    at_ms: Sequence[float]
    """When to show each frame, from the first one on [ms]."""


def opened_film(key: str, asked: Collection[str]) -> Film | None:
    """The recording that the widget at `key` wants to play, if it is of something it was given.

    Args:
        asked: By what the widget knows the frames it was given; the episode's name comes first,
            up to a bar.
    """
    opened = (st.session_state.get(key) or {}).get("open")
    if opened is None or opened not in asked:
        return None
    try:
        return film_of(state.catalog(), opened)
    except GoalpostError as error:
        show_error(error)
        return None


def film_of(catalog: Catalog, item_id: str) -> Film:
    """The whole recording that an item belongs to.

    Raises:
        UnknownName: The episode is gone.
        CorruptData: It cannot be read.
    """
    episode = find_episode(catalog, item_id.partition("|")[0])
    step = -(-episode.info.step_count // LONGEST_FILM)
    refs = [
        FrameRef(episode.shard, episode.info.episode_id, index)
        for index in range(0, episode.info.step_count, step)
    ]
    frames = FRAMES.read(catalog.workspace, refs)
    times_ns = [min(each.timestamps_ns.values()) for each in frames]
    now_s = time.time()
    urls = [
        {name: url for name, url in image_urls(ref, now_s=now_s).items() if name in seen.jpegs}
        for ref, seen in zip(refs, frames, strict=True)
    ]
    return Film(item_id=item_id, frames=urls, at_ms=_playing_times_ms(times_ns))


def _playing_times_ms(times_ns: Sequence[int]) -> list[float]:
    """When to show each frame, from the first one on [ms].

    As it was taken; only a simulation that computed faster than anybody can watch is slowed down.
    """
    at_ms = [(at_ns - times_ns[0]) / 1e6 for at_ns in times_ns]
    if at_ms[-1] >= _QUICKEST_MS * (len(at_ms) - 1):
        return at_ms
    return [_QUICKEST_MS * index for index in range(len(at_ms))]


def redraw() -> None:
    """Something was opened: running the page again fetches its recording."""
