"""The player: an episode's frames at their rate or one by one, with curves along time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import streamlit as st

from app import state
from app.images import FRAMES, image_urls
from app.widgets import assets
from app.widgets.notice import show_error
from app.widgets.preview import CAMERA_TITLES
from data.episodes.frames import CAMERAS
from data.episodes.index import IndexedEpisode
from data.episodes.shards import FrameRef


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One figure along the frames of an episode."""

    name: str
    values: Sequence[float | None]
    """One for each frame; None where there is none."""
    unit: str = ""
    low: float | None = None
    """The lower end of its axis; None: the smallest value."""
    high: float | None = None


def player(
    episode: IndexedEpisode,
    *,
    key: str,
    rate_hz: float,
    curves: Sequence[Curve] = (),
    texts: Sequence[str] = (),
) -> None:
    """Mount the player of `episode`; where its shard is damaged, say so instead.

    Args:
        key: Of the component; one for each player on the page.
        rate_hz: Frames a second at which it plays.
        curves: Drawn under the pictures, with a line at the frame that is shown.
        texts: What to write under each frame, for example the action; empty for none.
    """
    info = episode.info
    refs = [FrameRef(episode.shard, info.episode_id, index) for index in range(info.step_count)]
    # Read here in one batch, so that the browser's requests find them in memory.
    for error in FRAMES.read_what_can_be(state.workspace(), refs).values():
        show_error(error)
        return
    now_s = time.time()
    seen = [frames.jpegs for frames in FRAMES.read(state.workspace(), refs)]
    _component()(
        key=key,
        data={
            "episode": info.episode_id,
            "frames": [
                _seen_only(image_urls(ref, now_s=now_s), jpegs)
                for ref, jpegs in zip(refs, seen, strict=True)
            ],
            "rate_hz": rate_hz,
            "cameras": [
                [camera, CAMERA_TITLES[camera]]
                for camera in CAMERAS
                if any(camera in jpegs for jpegs in seen)
            ],
            "curves": [asdict(curve) for curve in curves],
            "texts": list(texts),
        },
    )


def _seen_only(urls: Mapping[str, str], jpegs: Mapping[str, bytes]) -> dict[str, str]:
    return {camera: url for camera, url in urls.items() if camera in jpegs}


@cache
def _component() -> Any:
    return st.components.v2.component(
        "goalpost_player",
        css=assets.text("player.css"),
        js=assets.text("player.js"),
    )
