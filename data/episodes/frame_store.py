"""Frames made ready once, in one memory-mapped file: each is decoded once, whoever asks for it.

Rows are only ever added, so that new episodes decode only the frames that are new with them. What
an interrupted addition left behind the rows that the index names is written over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from data.storage import full_disk_is_an_error, make_folder, read_json, write_atomically

_ROWS, _INDEX, _LOCK = "rows.bin", "index.json", "lock"
_GROWTH = 1.25
"""The file is made longer than its rows by up to this, in blocks that take no room on the disk, so
that one mapping serves many additions: each keeps a file open while somebody has rows of it."""


class FrameStore:
    """Rows of one kind, found by name; a name may have several. Several processes may share one.

    Args:
        folder: Below the workspace's cache; its name says what decides a row's content.
        kind: Of a row; a structured type.
    """

    def __init__(self, folder: Path, kind: np.dtype[np.void]) -> None:
        self._folder = folder
        self._kind = kind
        self._map = np.empty(0, kind)
        """The newest mapping: all rows, and room for more."""
        self._inode = 0
        """Of the file that is mapped."""

    def rows(
        self,
        names: Sequence[str],
        make: Callable[[Sequence[str]], Iterable[tuple[str, bytes]]] | None = None,
    ) -> tuple[NDArray[np.void], dict[str, slice]]:
        """All rows of the store, memory-mapped, and which belong to each of `names` that it holds.

        The rows stay readable when the cache is deleted. Who else asks waits while some are made.

        Args:
            names: Whose rows are asked for.
            make: Gives, for the names that the store lacks, the name and the bytes of its rows; one
                that it leaves out is asked for again the next time. None: none are made.

        Raises:
            StorageFull: They do not fit on the disk; what was there stays.
            GoalpostError: Whatever `make` raised; rows it gave before are kept.
        """
        with full_disk_is_an_error(self._folder):
            make_folder(self._folder)
            with FileLock(self._folder / _LOCK):
                index = self._index()
                missing = [name for name in names if name not in index]
                if missing and make is not None:
                    self._append(index, make(missing))
                return self._mapped(index), {name: index[name] for name in names if name in index}

    def _index(self) -> dict[str, slice]:
        """The rows of each name; those that are not on the disk whole are left out."""
        index: dict[str, slice] = {}
        try:
            stored = (self._folder / _ROWS).stat().st_size // self._kind.itemsize
            end = 0
            for name, count in read_json(self._folder / _INDEX):
                end += count
                if end > stored:
                    break
                index[name] = slice(end - count, end)
        except (FileNotFoundError, ValueError, TypeError):
            return {}
        return index

    def _append(self, index: dict[str, slice], blocks: Iterable[tuple[str, bytes]]) -> None:
        """Write what `make` gives behind the rows of `index`, and enter it there."""
        path = self._folder / _ROWS
        if not index:
            path.unlink(missing_ok=True)  # somebody may still read rows that a lost index named
        path.touch()
        end = _end(index)
        with path.open("r+b") as file:
            file.seek(end * self._kind.itemsize)
            try:
                for name, content in blocks:
                    file.write(content)
                    count = len(content) // self._kind.itemsize
                    index[name] = slice(end, end + count)
                    end += count
            finally:
                file.flush()
                if os.fstat(file.fileno()).st_size <= end * self._kind.itemsize:
                    file.truncate(int(end * _GROWTH) * self._kind.itemsize)
                os.fsync(file.fileno())
                counts = [(name, rows.stop - rows.start) for name, rows in index.items()]
                write_atomically(self._folder / _INDEX, json.dumps(counts).encode())

    def _mapped(self, index: dict[str, slice]) -> NDArray[np.void]:
        if not index:
            return np.empty(0, self._kind)
        path, end = self._folder / _ROWS, _end(index)
        found = path.stat()
        if found.st_ino != self._inode or len(self._map) < end:
            room = (found.st_size // self._kind.itemsize,)
            self._map = np.asarray(np.memmap(path, dtype=self._kind, mode="r", shape=room))
            self._inode = found.st_ino
        return self._map[:end]


def _end(index: dict[str, slice]) -> int:
    return next(reversed(index.values())).stop if index else 0
