"""A frame set in one run of bytes: what a journal stores and what a cell host publishes.

Layout: a 4-byte little-endian length, that many bytes of JSON with each camera's name, capture time
and JPEG length and with the gripper's reading, then the JPEGs in the same order.
"""

from __future__ import annotations

import json
import struct

from data.episodes.frames import EncodedFrameSet
from data.episodes.gripper import GripperReading
from data.errors import CorruptData

_LENGTH = struct.Struct("<I")


def pack(frames: EncodedFrameSet) -> bytes:
    """`frames` in one run of bytes."""
    cameras = [
        [camera, frames.timestamps_ns[camera], len(jpeg)] for camera, jpeg in frames.jpegs.items()
    ]
    header = json.dumps({"cameras": cameras, "gripper": frames.gripper}).encode()
    return b"".join((_LENGTH.pack(len(header)), header, *frames.jpegs.values()))


def unpack(packed: bytes) -> EncodedFrameSet:
    """What `pack` was given. Raises `CorruptData` where the bytes are not a whole frame set."""
    try:
        (header_length,) = _LENGTH.unpack_from(packed)
        start = _LENGTH.size + header_length
        jpegs: dict[str, bytes] = {}
        timestamps_ns: dict[str, int] = {}
        header = json.loads(packed[_LENGTH.size : start])
        gripper = None if header["gripper"] is None else GripperReading(*header["gripper"])
        for camera, timestamp_ns, length in header["cameras"]:
            jpegs[camera] = packed[start : start + length]
            timestamps_ns[camera] = timestamp_ns
            start += length
    except (struct.error, ValueError, TypeError, KeyError) as error:
        raise _corrupt(packed) from error
    if start != len(packed):
        raise _corrupt(packed)
    return EncodedFrameSet(jpegs=jpegs, timestamps_ns=timestamps_ns, gripper=gripper)


def _corrupt(packed: bytes) -> CorruptData:
    return CorruptData(
        f"A packed frame set of {len(packed)} bytes is cut short or damaged.",
        next_step="Record the clip again, or restore the file from a backup.",
    )
