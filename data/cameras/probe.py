"""Asking camera sources for one picture each, in a process of its own.

    echo '{"left": "rtsp://..."}' | python -m data.cameras.probe --workspace FOLDER

What opens a source runs code on whatever comes from there and may hang in it; so neither happens in
the process that serves pages, and the addresses, which hold passwords, are no arguments.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import msgspec

from data.cameras.cameras import Camera
from data.cameras.sources import shown, video_folders
from data.episodes.frames import encode_jpeg
from data.errors import CameraError
from data.workspace import Workspace, open_workspace

PROBE_S = 20.0
"""How long all sources together may take; then their process is killed."""


class CameraAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one source gave."""

    camera: str
    jpeg: bytes | None = None
    """Its newest picture; None where it gave none."""
    error: str | None = None
    """Why not, in words."""


_ANSWERS = msgspec.msgpack.Decoder(list[CameraAnswer])


def probe_cameras(workspace: Workspace, sources: Mapping[str, str]) -> list[CameraAnswer]:
    """Take a picture from every source and let go of it again, in a process of its own.

    Takes as long as the slowest source, a few seconds at most. What goes wrong is in the answers.
    """
    command = [sys.executable, "-m", "data.cameras.probe", "--workspace", str(workspace.root)]
    asked = msgspec.json.encode(dict(sources))
    try:
        probe = subprocess.run(
            command, input=asked, capture_output=True, timeout=PROBE_S, check=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        return _ANSWERS.decode(probe.stdout)
    except (subprocess.SubprocessError, msgspec.DecodeError) as error:
        late = isinstance(error, subprocess.TimeoutExpired)
        why = f"took over {PROBE_S:g} s" if late else "could not be read"
        return [
            CameraAnswer(camera=camera, error=str(_no_answer(camera, source, why)))
            for camera, source in sources.items()
        ]


def _no_answer(camera: str, source: str, why: str) -> CameraError:
    return CameraError(
        f"Camera '{camera}' {why}.",
        where=f"source '{shown(source)}'",
        next_step="Check it with another program, or name another source.",
    )


def take_pictures(sources: Mapping[str, str], folders: Sequence[Path]) -> list[CameraAnswer]:
    """Open every source at once, here, and take a picture from each."""
    with ThreadPoolExecutor(max_workers=max(1, len(sources))) as pool:
        return list(pool.map(partial(_take, folders=folders), sources, sources.values()))


def _take(name: str, source: str, folders: Sequence[Path]) -> CameraAnswer:
    camera = Camera(name, source, folders=folders)
    try:
        image, _ = camera.newest()
    except CameraError as error:
        return CameraAnswer(camera=name, error=str(error))
    finally:
        camera.close()
    return CameraAnswer(camera=name, jpeg=encode_jpeg(image))


@click.command()
@click.option("--workspace", required=True, type=click.Path(path_type=Path))
def main(workspace: Path) -> None:
    """Read sources by camera (JSON) and write the answers (MessagePack)."""
    sources = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, str])
    folders = video_folders(open_workspace(workspace, create=False))
    sys.stdout.buffer.write(msgspec.msgpack.encode(take_pictures(sources, folders)))


if __name__ == "__main__":
    main()
