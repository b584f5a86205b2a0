"""Reading a stretch of frames out of a video file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import av

from data.episodes.frames import ImageHWC, encode_jpeg
from data.errors import CorruptData

_AHEAD = 16
"""Frames that may be decoded before their JPEGs are asked for."""


def video_jpegs(path: Path, *, begin_s: float, count: int, rate_hz: float) -> Iterator[bytes]:
    """`video_frames` as JPEGs; a thread encodes them while the next ones are decoded.

    Raises:
        CorruptData: As in `video_frames`.
    """
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(1) as encoder:
        for image in video_frames(path, begin_s=begin_s, count=count, rate_hz=rate_hz):
            waiting.append(encoder.submit(encode_jpeg, image))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        for encoded in waiting:
            yield encoded.result()


def video_frames(path: Path, *, begin_s: float, count: int, rate_hz: float) -> Iterator[ImageHWC]:
    """`count` frames from `begin_s` on, RGB uint8 (height, width, 3).

    Raises:
        CorruptData: The file is missing or damaged, or ends before the last of them.
    """
    first_s = begin_s - 0.5 / rate_hz
    found = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            # One thread, here and in scaling: for images of a camera's size, several cost half as
            # much again, and each waits for the others.
            stream.codec_context.thread_count = 1
            if begin_s > 0 and stream.time_base is not None:
                container.seek(round(first_s / stream.time_base), stream=stream)
            decoded = container.decode(stream)
            wanted = (each for each in decoded if each.time is not None and each.time >= first_s)
            for frame in islice(wanted, count):
                image: Any = frame.to_ndarray(format="rgb24", threads=1)
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
