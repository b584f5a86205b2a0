"""Reading a stretch of frames out of a video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from data.episodes.frames import ImageHWC
from data.errors import CorruptData


def video_frames(path: Path, *, begin_s: float, count: int, rate_hz: float) -> Iterator[ImageHWC]:
    """`count` frames from `begin_s` on, RGB uint8 (height, width, 3).

    Raises:
        CorruptData: The file is missing or damaged, or ends before the last of them.
    """
    half_s = 0.5 / rate_hz
    found = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            if begin_s > 0 and stream.time_base is not None:
                container.seek(round((begin_s - half_s) / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                if frame.time is None or frame.time < begin_s - half_s:
                    continue
                if found == count:
                    return
                image: Any = frame.to_ndarray(format="rgb24")
                yield image
                found += 1
    except (OSError, av.FFmpegError, IndexError) as error:
        raise _corrupt(path, f"The video cannot be read ({error})") from error
    if found < count:
        raise _corrupt(
            path,
            f"The video is shorter than its table: {found} of {count} frames after {begin_s:.2f} s",
        )


def _corrupt(path: Path, what: str) -> CorruptData:
    return CorruptData(
        f"{what}.", where=path, next_step="Copy or download the dataset again, then import it anew."
    )
