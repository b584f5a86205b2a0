"""Whether the scene in front of the cameras has changed since the last clip, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.cameras.likeness import NEW_SCENE, picture_change, scene_change
from data.episodes.frames import ImageHWC

_MOVED = 0.03
"""From this mean change on, something has moved (`benchmarks/scene_likeness.py`)."""


@dataclass(frozen=True, kw_only=True)
class SceneCheck:
    """One measured line of the checklist."""

    fine: bool
    text: str


def check_new_pair(before: Mapping[str, ImageHWC], now: Mapping[str, ImageHWC]) -> list[SceneCheck]:
    """What must differ from the last pair before another begins."""
    scene, picture = scene_change(before, now), picture_change(before, now)
    changed = scene >= NEW_SCENE
    moved = picture >= _MOVED
    return [
        SceneCheck(
            fine=changed,
            text=f"Light, background or table have changed ({_percent(scene)})."
            if changed
            else f"This looks like the last pair ({_percent(scene)} changed, a new scene has "
            f"{_percent(NEW_SCENE)} or more): change the light, the background or the table.",
        ),
        SceneCheck(
            fine=moved,
            text=f"The objects lie elsewhere ({_percent(picture)})."
            if moved
            else f"Hardly anything has moved ({_percent(picture)}): move the objects, take others.",
        ),
    ]


def check_same_scene(
    before: Mapping[str, ImageHWC], now: Mapping[str, ImageHWC]
) -> list[SceneCheck]:
    """What must be as it was in the pair's first clip."""
    scene = scene_change(before, now)
    same = scene < NEW_SCENE
    return [
        SceneCheck(
            fine=same,
            text=f"It is the scene of the first clip ({_percent(scene)} changed)."
            if same
            else f"The scene has changed by {_percent(scene)}: a pair shows one scene.",
        )
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
