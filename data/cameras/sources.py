"""Camera sources: which ones may be opened, and how they are shown.

A source is typed by a person, and what opens it reads files and addresses with the rights of the
program. So only cameras, streams of a few schemes, and videos in folders meant for them are opened,
and a password in an address is shown to nobody.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from data.errors import InvalidInput
from data.workspace import Workspace

SCHEMES = ("rtsp", "rtsps", "http", "https")
FOLDERS_VARIABLE = "GOALPOST_VIDEO_FOLDERS"
"""Names further folders of videos, separated as in PATH."""

_DEVICE = re.compile(r"/dev/(video\d{1,3}|v4l/by-(id|path)/[\w.:+@-]+)")
_INDEX = re.compile(r"\d{1,3}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_USER = re.compile(r"(?<=//).*@")


def video_folders(workspace: Workspace) -> tuple[Path, ...]:
    """Folders whose videos may stand in for cameras: the workspace's `videos/`, and those that
    `GOALPOST_VIDEO_FOLDERS` names."""
    named = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return (workspace.root / "videos", *(Path(folder) for folder in named if folder))


def is_device(source: str) -> bool:
    """Whether it is a camera of this machine, by index or path."""
    return bool(_INDEX.fullmatch(source) or _DEVICE.fullmatch(source))


def is_address(source: str) -> bool:
    """Whether it is a stream of an allowed scheme."""
    try:
        parts = urlsplit(source)
        return parts.scheme in SCHEMES and bool(parts.hostname)
    except ValueError:
        return False


def check_source(source: str, folders: Sequence[Path]) -> None:
    """Raises `InvalidInput` where `source` may not be opened; opens nothing itself."""
    if is_device(source) or is_address(source):
        return
    if not _SCHEME.match(source) and "\0" not in source:
        path = Path(source).resolve()
        if any(path.is_relative_to(folder.resolve()) for folder in folders):
            return
    raise InvalidInput(
        f"'{shown(source)}' is no source that may be opened.",
        valid=[
            "a camera's index or path (/dev/video0)",
            f"an address ({', '.join(SCHEMES)})",
            *(f"a video in {folder}" for folder in folders),
        ],
        next_step=f"To use videos of another folder, name it in {FOLDERS_VARIABLE} and restart.",
    )


def shown(source: str) -> str:
    """The source as people may see it: without user and password, and rather too little."""
    return _USER.sub("***@", source)
