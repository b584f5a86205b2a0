"""Durable writes: a file is there whole or not at all, and a full disk says so."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.errors import StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def full_disk_is_an_error(path: Path) -> Iterator[None]:
    """Turn the operating system's "no space left" into a `StorageFull` that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFull(
            "The disk is full, so nothing more can be saved.",
            where=path,
            next_step=(
                "Free some space (the workspace's cache/ folder may be deleted at any time) "
                "and try again. What was saved before is intact."
            ),
        ) from error


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ValueError: It holds no JSON.
        OSError: It is not there, or may not be read.
    """
    try:
        return json.loads(path.read_bytes())
    except RecursionError as error:
        raise ValueError("it is nested without end") from error


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never half.

    Written to a temporary name in the same folder, fsynced, renamed.

    Args:
        mode: Permissions of the file; 0o600 where it holds a secret.

    Raises:
        StorageFull: The disk is full; `path` keeps its old content.
    """
    # Of this thread alone: the web server's may write one file at the same time.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    with full_disk_is_an_error(path):
        make_folder(path.parent)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def append(path: Path, content: bytes) -> None:
    """Add `content` to `path`, made where it is missing, and wait until it is on the disk.

    Whoever appends to a file that others append to holds a lock.

    Raises:
        StorageFull: The disk is full; the file is as it was before, also where a part had fitted.
    """
    with full_disk_is_an_error(path):
        make_folder(path.parent)
        new = not path.exists()
        # Unbuffered: what a failed write leaves in a buffer would be written at closing.
        with path.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise
        if new:
            sync_folder(path.parent)


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """Make a folder and those above it that are missing, and make their names durable."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=mode, exist_ok=True)
    sync_folder(path.parent)


def publish(temporary: Path, path: Path) -> None:
    """Give the finished, fsynced file `temporary` its name `path`, and make the name durable."""
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
