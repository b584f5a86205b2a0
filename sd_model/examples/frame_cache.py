"""Arrays of frames in one memory-mapped file each: decoded once, read by every update."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from data.storage import full_disk_is_an_error, publish


def open_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[np.void] | None:
    """The array at `path`, memory-mapped; None where it is missing, torn or of another kind."""
    if not path.exists():
        return None
    try:
        array: NDArray[np.void] = np.load(path, mmap_mode="r")
    except ValueError:
        return None
    return array if (array.dtype, array.shape) == (np.dtype(dtype), shape) else None


def write_array(
    path: Path, dtype: DTypeLike, shape: tuple[int, ...], rows: Iterable[bytes]
) -> None:
    """Write an array whose rows come one by one, whole or not at all.

    Written as a stream: a full disk under a memory map would kill the process without a word.

    Raises:
        StorageFull: The disk is full; nothing is left of it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": shape,
    }
    try:
        with full_disk_is_an_error(path), temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for row in rows:
                file.write(row)
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
