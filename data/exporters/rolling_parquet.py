"""Tables written one after the other into Parquet files of limited size."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.storage import full_disk_is_an_error
from data.transfers import lerobot

_BUFFER_BYTES = 8 << 20
"""Rows are gathered up to this size, so that short episodes share a row group."""


class RollingParquet:
    """Numbered files, or one file if there is no limit.

    Args:
        pattern: Path below `folder`; `{chunk_index}` and `{file_index}` tell files apart.
        limit_bytes: A file that has reached it is followed by the next one.
    """

    def __init__(self, folder: Path, pattern: str, limit_bytes: float = float("inf")) -> None:
        self._folder = folder
        self._pattern = pattern
        self._limit_bytes = limit_bytes
        self._number = 0
        self._written_bytes = 0
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def append(self, table: pa.Table) -> int:
        """Take in one table; returns the number of the file it goes to. Raises `StorageFull`."""
        if self._written_bytes + self._waiting_bytes >= self._limit_bytes:
            self.close()
            self._number += 1
            self._written_bytes = 0
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= _BUFFER_BYTES:
            self._flush()
        return self._number

    def close(self) -> None:
        """Finish the file. Raises `StorageFull`."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if not self._waiting:
            return
        path = self._folder / self._pattern.format(**lerobot.place(self._number))
        with full_disk_is_an_error(path):
            if self._writer is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = pq.ParquetWriter(path, self._waiting[0].schema)
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._written_bytes += self._waiting_bytes
        self._waiting, self._waiting_bytes = [], 0
