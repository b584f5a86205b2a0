"""TFRecord files: length, checksum, record, checksum, over and over; without TensorFlow.

https://www.tensorflow.org/tutorials/load_data/tfrecord describes the layout; the checksum is a
masked CRC-32C.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from crc32c import crc32c

from data.errors import CorruptData

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
LARGEST_RECORD_BYTES = 1 << 31
"""A length beyond this is damage, not a record."""


def read_records(path: Path) -> Iterator[bytes]:
    """The records of a file, one in memory at a time.

    Raises:
        CorruptData: The file is cut off or damaged; all records before that were given.
    """
    try:
        with path.open("rb") as file:
            position = 0
            while header := file.read(_HEADER.size):
                if len(header) < _HEADER.size:
                    raise _corrupt(path, position, "is cut off within a length")
                length, checksum = _HEADER.unpack(header)
                if masked_checksum(header[:8]) != checksum or length > LARGEST_RECORD_BYTES:
                    raise _corrupt(path, position, "has a damaged length")
                record = file.read(length)
                footer = file.read(_CHECKSUM.size)
                if len(record) < length or len(footer) < _CHECKSUM.size:
                    raise _corrupt(path, position, "is cut off within a record")
                if masked_checksum(record) != _CHECKSUM.unpack(footer)[0]:
                    raise _corrupt(path, position, "has a damaged record")
                yield record
                position += 1
    except OSError as error:
        raise _corrupt(path, 0, f"cannot be read ({error})") from error


def as_record(content: bytes) -> bytes:
    """`content` as a file holds it."""
    length = struct.pack("<Q", len(content))
    checksums = (_CHECKSUM.pack(masked_checksum(part)) for part in (length, content))
    return b"".join((length, next(checksums), content, next(checksums)))


def masked_checksum(content: bytes) -> int:
    """CRC-32C, turned by 15 bits and shifted, as TFRecord stores it."""
    checksum = crc32c(content)
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _corrupt(path: Path, position: int, what: str) -> CorruptData:
    return CorruptData(
        f"The TFRecord file {what}, after {position} whole records.",
        where=path,
        next_step="Copy or download the file again, then import anew: what came in stays.",
    )
