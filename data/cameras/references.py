"""Reference pictures of a robot's cameras, and whether the cameras have changed places since."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

from data.cameras.likeness import picture_change
from data.episodes.frames import CAMERAS, EncodedFrameSet, ImageHWC, decode_jpeg
from data.errors import CorruptData
from data.storage import write_atomically
from data.workspace import Workspace

CLEARLY = 0.8
"""Cameras count as swapped where another order changes the pictures by less than this share."""


def keep_reference(workspace: Workspace, robot: str, frames: EncodedFrameSet) -> None:
    """Remember what each camera of `robot` shows when it is in its place.

    Raises:
        StorageFull: The disk is full.
    """
    for camera, jpeg in frames.jpegs.items():
        write_atomically(_path(workspace, robot, camera), jpeg)


def load_reference(workspace: Workspace, robot: str) -> dict[str, ImageHWC] | None:
    """The pictures kept, by camera; None where there are not all of them, or one is damaged."""
    try:
        return {
            camera: decode_jpeg(_path(workspace, robot, camera).read_bytes()) for camera in CAMERAS
        }
    except (OSError, CorruptData):
        return None


def swapped(reference: Mapping[str, ImageHWC], now: Mapping[str, ImageHWC]) -> dict[str, str]:
    """Per camera that shows another one's view, that other camera; empty when all is in place.

    Objects, hands and light may have changed: what counts is whether another order of the cameras
    fits the reference clearly better than the present one.
    """
    cameras = [camera for camera in CAMERAS if camera in reference and camera in now]
    cost = {
        (shown, kept): picture_change({"": reference[kept]}, {"": now[shown]})
        for shown in cameras
        for kept in cameras
    }
    present = sum(cost[camera, camera] for camera in cameras)
    best = min(
        permutations(cameras),
        key=lambda order: sum(cost[pair] for pair in zip(cameras, order, strict=True)),
    )
    if sum(cost[pair] for pair in zip(cameras, best, strict=True)) >= CLEARLY * present:
        return {}
    return {shown: kept for shown, kept in zip(cameras, best, strict=True) if shown != kept}


def _path(workspace: Workspace, robot: str, camera: str) -> Path:
    return workspace.root / "references" / robot / f"{camera}.jpg"
