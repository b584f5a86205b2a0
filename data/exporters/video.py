"""Writing frames as video: H.264 in MP4, every second frame a key frame, so any one is near."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from data.episodes.frames import ImageHWC, Size
from data.errors import InvalidInput
from data.storage import full_disk_is_an_error

CODEC = "libx264"
PIXEL_FORMAT = "yuv420p"
"""What every player and every LeRobot can decode; colour has half the resolution of brightness."""
OPTIONS = {"crf": "18", "g": "2", "preset": "veryfast"}


def even_size(size: Size) -> Size:
    """The largest size within `size` that a video can have."""
    return Size(size.width - size.width % 2, size.height - size.height % 2)


class VideoFile:
    """One MP4 file to which frames are appended; close it, or use it as a context manager.

    Args:
        size: Of every frame, even in both directions.
        rate_hz: Frames a second.

    Raises:
        InvalidInput: The size is odd.
    """

    def __init__(self, path: Path, size: Size, rate_hz: int) -> None:
        if size.width % 2 or size.height % 2:
            raise InvalidInput(
                f"A video cannot have an odd size of {size.width} x {size.height} pixels.",
                where=path,
                next_step="Scale its frames to `even_size`.",
            )
        self.frame_count = 0
        self.path = path
        self._period_s = Fraction(1, rate_hz)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), "w", format="mp4")
        stream: Any = self._container.add_stream(CODEC, rate=rate_hz, options=OPTIONS)
        stream.width, stream.height = size
        stream.pix_fmt = PIXEL_FORMAT
        stream.codec_context.time_base = self._period_s
        self._stream = stream

    @property
    def duration_s(self) -> float:
        """Length so far: where the next frame will stand [s]."""
        return float(self.frame_count * self._period_s)

    @property
    def size_bytes(self) -> int:
        """Of what has been written so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, image: ImageHWC) -> None:
        """Add one RGB frame. Raises `StorageFull` where the disk is full."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts = self.frame_count
        frame.time_base = self._period_s
        with full_disk_is_an_error(self.path):
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        self.frame_count += 1

    def close(self) -> None:
        """Write what is still in the encoder. Raises `StorageFull` where the disk is full."""
        with full_disk_is_an_error(self.path):
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
