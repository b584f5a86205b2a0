"""Cards of Review's galleries: what is known and said of a frame, and its recording when large."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import state
from app.decision_log import Item
from app.images import FRAMES, image_urls
from app.mistakes import item_of
from app.widgets.gallery import Card, Film
from app.widgets.notice import show_error
from data.catalog.catalog import Catalog
from data.episodes.index import find_episode
from data.episodes.shards import FrameRef
from data.errors import GoalpostError
from data.labels.labels import Label

LONGEST_FILM = 200
"""Frames of a recording that are shown; of longer ones every second, third, ... frame."""


def frame_ref(row: Mapping[str, Any]) -> FrameRef:
    """Where the frame of a row of `items` lies."""
    return FrameRef(row["shard"], row["episode_id"], int(row["frame_index"]))


def make_cards(
    rows: Sequence[Mapping[str, Any]],
    checked: Mapping[Item, Label],
    excluded: Mapping[Item, Sequence[Item]],
    *,
    blind: bool,
    now_s: float,
) -> list[Card]:
    """A card a row of `app.mistakes.items`.

    Args:
        checked: What was answered in review.
        excluded: Per item, what becomes unsure when it is excluded.
        blind: Whether label and score are kept out of sight.
    """
    cards = []
    for row in rows:
        item = item_of(row)
        label = None if blind else checked.get(item)
        cards.append(
            Card(
                item_id=item.item_id,
                title=f"Success at {row['task']}?" if blind else row["task"],
                badge="" if blind or row["kind"] == "right" else row["kind"],
                tone="positive" if row["kind"] == "false positive" else "negative",
                lines=(f"{row['robot']}",) if blind else _lines(row),
                images=image_urls(frame_ref(row), now_s=now_s),
                outcome=row["outcome"],
                blind=blind,
                exclude=[each.item_id for each in excluded.get(item, [item])],
                checked=None if label is None else f"Checked: {label.outcome} ({label.by})",
                label_id=None if label is None else label.label_id,
            )
        )
    return cards


def _lines(row: Mapping[str, Any]) -> tuple[str, ...]:
    origin = f"follows from {row['from_task']}" if row["origin"] == "derived" else row["source"]
    lines = [
        f"Labelled {row['outcome']} ({origin})",
        f"Detector: {row['score']:.2f} (success from {row['threshold']:.2f})",
    ]
    if "score_before" in row:
        lines.append(f"The other detector: {row['score_before']:.2f}")
    if "agreement" in row:
        lines.append(f"Probability that the label is right: {row['agreement']:.0%}")
    where = "terminal frame"
    if row["item_frame"] < 0:
        where = f"clip, {row['wrong_frames']} of {row['judged_frames']} frames wrong"
    shown = f", showing {row['shown_task']}" if row["shown_task"] not in ("", row["task"]) else ""
    return (*lines, f"{row['robot']}, {where}{shown}")


def opened_film(key: str, asked: Sequence[Item]) -> Film | None:
    """The recording of the card that is shown large in the gallery at `key`, if any is."""
    opened = (st.session_state.get(key) or {}).get("open")
    item = next((each for each in asked if each.item_id == opened), None)
    if item is None:
        return None
    try:
        return film_of(state.catalog(), item)
    except GoalpostError as error:
        show_error(error)
        return None


def film_of(catalog: Catalog, item: Item) -> Film:
    """The whole recording that an item belongs to.

    Raises:
        UnknownName: The episode is gone.
        CorruptData: It cannot be read.
    """
    episode = find_episode(catalog, item.episode_id)
    step = -(-episode.info.step_count // LONGEST_FILM)
    refs = [
        FrameRef(episode.shard, item.episode_id, index)
        for index in range(0, episode.info.step_count, step)
    ]
    frames = FRAMES.read(catalog.workspace, refs)
    times_ns = [min(each.timestamps_ns.values()) for each in frames]
    now_s = time.time()
    urls = [
        {name: url for name, url in image_urls(ref, now_s=now_s).items() if name in seen.jpegs}
        for ref, seen in zip(refs, frames, strict=True)
    ]
    return Film(
        item_id=item.item_id,
        frames=urls,
        at_ms=[(at_ns - times_ns[0]) / 1e6 for at_ns in times_ns],
    )
