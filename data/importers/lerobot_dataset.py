"""The files of a LeRobotDataset v3.0, read one episode at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from data.episodes.frames import as_jpeg
from data.errors import CorruptData
from data.importers.mapping import digest_of
from data.importers.video import video_jpegs
from data.transfers import lerobot

Row = Mapping[str, Any]
"""One episode as `meta/episodes` describes it."""


class LeRobotDataset:
    """A dataset on disk. Raises like `lerobot_format.load_info`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = lerobot.load_info(folder)
        self.cameras = tuple(lerobot.camera_features(self.info))
        self._open: tuple[Path, pq.ParquetFile] | None = None

    @property
    def is_own(self) -> bool:
        """Whether Goalpost exported it."""
        return (self.folder / lerobot.OWN_EPISODES).is_file()

    def digest(self) -> str:
        """A name that follows from the dataset's description, wherever it lies."""
        first = sorted((self.folder / lerobot.EPISODES).glob("*/*.parquet"))[:1]
        paths = [self.folder / lerobot.INFO, self.folder / lerobot.TASKS, *first]
        return digest_of(path.read_bytes() for path in paths if path.exists())

    @cached_property
    def tasks(self) -> list[str]:
        """The tasks in words, by task_index. Raises `CorruptData`."""
        path = self.folder / lerobot.TASKS
        try:
            table = pd.read_parquet(path)
            return [str(words) for words in table.sort_values("task_index").index]
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise _corrupt(path, error) from error

    def episodes(self) -> list[Row]:
        """Every episode, by index, without its statistics. Raises `CorruptData`."""
        folder = self.folder / lerobot.EPISODES
        try:
            table = pads.dataset(folder, format="parquet")
            names = [name for name in table.schema.names if not name.startswith("stats/")]
            rows: list[Row] = table.to_table(columns=names).to_pylist()
            return sorted(rows, key=lambda row: int(row["episode_index"]))
        except (OSError, pa.ArrowException, KeyError) as error:
            raise _corrupt(folder, error) from error

    def columns(self, row: Row) -> dict[str, list[Any]]:
        """All columns of an episode but its images. Raises `CorruptData`."""
        table = self._rows(row, [name for name in self._names(row) if name not in self.cameras])
        return dict(table.to_pydict())

    def jpegs(self, row: Row, camera: str) -> Iterator[bytes]:
        """An episode's images of one camera, as JPEG; those stored as such are not touched.

        Raises:
            CorruptData: A file is damaged, or a video shorter than its table.
        """
        if self.info["features"][camera]["dtype"] == "image":
            for value in self._rows(row, [camera]).column(0).to_pylist():
                yield self._jpeg(value)
            return
        path = self.folder / self.info["video_path"].format(
            video_key=camera,
            chunk_index=row[f"videos/{camera}/chunk_index"],
            file_index=row[f"videos/{camera}/file_index"],
        )
        yield from video_jpegs(
            path,
            begin_s=row[f"videos/{camera}/from_timestamp"],
            count=row["length"],
            rate_hz=self.info["fps"],
        )

    def _jpeg(self, value: Mapping[str, Any]) -> bytes:
        path = self.folder / (value["path"] or "")
        try:
            return as_jpeg(path.read_bytes() if value["bytes"] is None else value["bytes"])
        except (OSError, CorruptData) as error:
            raise _corrupt(self.folder, error) from error

    def _path(self, row: Row) -> Path:
        pattern: str = self.info["data_path"]
        return self.folder / pattern.format(
            chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]
        )

    def _names(self, row: Row) -> list[str]:
        return list(self._file(self._path(row)).schema_arrow.names)

    def _rows(self, row: Row, names: list[str]) -> pa.Table:
        """An episode's rows: the row groups that hold its index, and of them its rows."""
        path = self._path(row)
        index = row["episode_index"]
        try:
            file = self._file(path)
            leaf = _leaf(file, "episode_index")
            groups = []
            for number in range(file.metadata.num_row_groups):
                found = file.metadata.row_group(number).column(leaf).statistics
                if found is None or not found.has_min_max or found.min <= index <= found.max:
                    groups.append(number)
            table = file.read_row_groups(groups, columns=[*names, "episode_index"])
            mask = pc.equal(table.column("episode_index"), index)
            table = table.filter(mask)
        except (OSError, pa.ArrowException, ValueError, KeyError) as error:
            raise _corrupt(path, error) from error
        if table.num_rows != row["length"]:
            raise CorruptData(
                f"Episode {index} has {table.num_rows} rows, its description says {row['length']}.",
                where=path,
                next_step="Copy or download the dataset again.",
            )
        return table.select(names) if names else table

    def _file(self, path: Path) -> pq.ParquetFile:
        if self._open is None or self._open[0] != path:
            try:
                self._open = (path, pq.ParquetFile(path))
            except (OSError, pa.ArrowException) as error:
                raise _corrupt(path, error) from error
        return self._open[1]


def _leaf(file: pq.ParquetFile, name: str) -> int:
    """The number of a column among the leaves of the file's tree of columns."""
    paths = [file.schema.column(number).path for number in range(len(file.schema))]
    return paths.index(name)


def _corrupt(path: Path, error: Exception) -> CorruptData:
    return CorruptData(
        f"A file of the dataset cannot be read ({error}).",
        where=path,
        next_step="Copy or download the dataset again, then import it anew.",
    )
