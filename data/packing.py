"""A frame set in one run of bytes: what a journal stores and what a cell host publishes.

Layout: a 4-byte little-endian length, that many bytes of JSON naming each camera with its capture
time and JPEG length, then the JPEGs in the same order.
"""

from __future__ import annotations

import json
import struct

from data.errors import CorruptData
from data.frames import EncodedFrameSet

_LENGTH = struct.Struct("<I")


def pack(frames: EncodedFrameSet) -> bytes:
    """`frames` in one run of bytes."""
    header = json.dumps(
        [[camera, frames.timestamps_ns[camera], len(jpeg)] for camera, jpeg in frames.jpegs.items()]
    ).encode()
    return b"".join((_LENGTH.pack(len(header)), header, *frames.jpegs.values()))


def unpack(packed: bytes) -> EncodedFrameSet:
    """What `pack` was given. Raises `CorruptData` where the bytes are not a whole frame set."""
    try:
        (header_length,) = _LENGTH.unpack_from(packed)
        start = _LENGTH.size + header_length
        jpegs: dict[str, bytes] = {}
        timestamps_ns: dict[str, int] = {}
        for camera, timestamp_ns, length in json.loads(packed[_LENGTH.size : start]):
            jpegs[camera] = packed[start : start + length]
            timestamps_ns[camera] = timestamp_ns
            start += length
    except (struct.error, ValueError, TypeError) as error:
        raise _corrupt(packed) from error
    if start != len(packed):
        raise _corrupt(packed)
    return EncodedFrameSet(jpegs=jpegs, timestamps_ns=timestamps_ns)


def _corrupt(packed: bytes) -> CorruptData:
    return CorruptData(
        f"A packed frame set of {len(packed)} bytes is cut short or damaged.",
        next_step="Record the clip again, or restore the file from a backup.",
    )
