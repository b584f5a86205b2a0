"""Asking three camera sources for one picture each."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from data.cameras import Camera
from data.errors import CameraError
from data.frames import ImageHWC


@dataclass(frozen=True, kw_only=True)
class CameraAnswer:
    """What one source gave."""

    camera: str
    source: str
    image_HWC: ImageHWC | None
    """Its newest picture, RGB; None where it gave none."""
    error: CameraError | None
    """Why not."""


def check_cameras(sources: Mapping[str, str]) -> list[CameraAnswer]:
    """Open every source at once, take a picture from each and let go of it again.

    Takes as long as the slowest source, a few seconds at most.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(sources))) as pool:
        return list(pool.map(_check, sources, sources.values()))


def _check(name: str, source: str) -> CameraAnswer:
    if not source.strip():
        error = CameraError(
            f"Camera '{name}' has no source yet.",
            valid=["a camera index, a device path, an RTSP or HTTP address, a video file"],
            next_step="Type where its picture comes from.",
        )
        return CameraAnswer(camera=name, source=source, image_HWC=None, error=error)
    camera = Camera(name, source.strip())
    try:
        image, _ = camera.newest()
    except CameraError as error:
        return CameraAnswer(camera=name, source=source, image_HWC=None, error=error)
    finally:
        camera.close()
    return CameraAnswer(camera=name, source=source, image_HWC=image, error=None)
