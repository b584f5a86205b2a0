"""Asking three camera sources for one picture each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.cameras.probe import probe_cameras
from data.errors import CameraError
from data.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class CameraAnswer:
    """What one source gave."""

    camera: str
    jpeg: bytes | None = None
    """Its newest picture; None where it gave none."""
    error: CameraError | None = None
    """Why not."""


def check_cameras(workspace: Workspace, sources: Mapping[str, str]) -> list[CameraAnswer]:
    """Take a picture from every source, in the order given; none is opened in this process."""
    typed = {camera: source.strip() for camera, source in sources.items() if source.strip()}
    given = {answer.camera: answer for answer in probe_cameras(workspace, typed)}
    answers = []
    for camera in sources:
        if camera not in given:
            answers.append(CameraAnswer(camera=camera, error=_no_source(camera)))
        elif (why := given[camera].error) is not None:
            answers.append(CameraAnswer(camera=camera, error=CameraError(why)))
        else:
            answers.append(CameraAnswer(camera=camera, jpeg=given[camera].jpeg))
    return answers


def _no_source(camera: str) -> CameraError:
    return CameraError(
        f"Camera '{camera}' has no source yet.",
        valid=["a camera index, a device path, an RTSP or HTTP address, a video file"],
        next_step="Type where its picture comes from.",
    )
