"""Decoded frames in one memory-mapped file: each is decoded once, whoever asks for it.

Rows are only ever added, so a new label decodes only the frames that are new with it. What an
interrupted addition left behind the rows that the index names is written over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from data.episodes.shards import FrameRef
from data.storage import full_disk_is_an_error, write_atomically

_ROWS, _INDEX, _LOCK = "rows.bin", "index.json", "lock"


class FrameStore:
    """Rows of one kind, found by episode and frame. Several processes may share one.

    Args:
        folder: Below the workspace's cache; its name says what decides a row's content.
        kind: Of a row; a structured type.
    """

    def __init__(self, folder: Path, kind: np.dtype[np.void]) -> None:
        self._folder = folder
        self._kind = kind

    def rows(
        self,
        refs: Sequence[FrameRef],
        make: Callable[[Sequence[FrameRef]], Iterable[bytes]],
    ) -> tuple[NDArray[np.void], NDArray[np.intp]]:
        """All rows of the store, memory-mapped, and which of them belong to `refs`, (F,).

        Args:
            refs: The frames that are asked for.
            make: Gives the bytes of a row for each of the frames that the store lacks.

        Raises:
            StorageFull: They do not fit on the disk; what was there stays.
            GoalpostError: Whatever `make` raised; rows it gave before are kept.
        """
        with full_disk_is_an_error(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / _LOCK):
            index = self._index()
            missing = [ref for ref in refs if _name(ref) not in index]
            if missing:
                self._add(missing, make(missing), index)
        rows: NDArray[np.void] = np.memmap(
            self._folder / _ROWS, dtype=self._kind, mode="r", shape=(len(index),)
        )
        return rows, np.array([index[_name(ref)] for ref in refs], dtype=np.intp)

    def _index(self) -> dict[str, int]:
        try:
            names = json.loads((self._folder / _INDEX).read_bytes())
            stored = (self._folder / _ROWS).stat().st_size // self._kind.itemsize
        except (FileNotFoundError, ValueError):
            return {}
        return {name: row for row, name in enumerate(names[:stored])}

    def _add(self, refs: Sequence[FrameRef], rows: Iterable[bytes], index: dict[str, int]) -> None:
        added: list[str] = []
        path = self._folder / _ROWS
        path.touch()
        try:
            with full_disk_is_an_error(path), path.open("r+b") as file:
                file.seek(len(index) * self._kind.itemsize)
                try:
                    for ref, row in zip(refs, rows, strict=True):
                        file.write(row)
                        added.append(_name(ref))
                finally:
                    file.flush()
                    os.fsync(file.fileno())
        finally:
            stored = path.stat().st_size // self._kind.itemsize
            kept = [*index, *added][:stored]
            write_atomically(self._folder / _INDEX, json.dumps(kept).encode())
            index.update({name: row for row, name in enumerate(kept)})


def _name(ref: FrameRef) -> str:
    return f"{ref.episode_id}:{ref.frame_index}"
