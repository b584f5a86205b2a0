"""Writing the files of a LeRobotDataset v3.0, one episode after the other, in constant memory.

Shapes: N steps, D components of a column.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from data.episodes.frames import Size, decode_jpeg, encode_jpeg, jpeg_size, resize
from data.exporters.rolling_parquet import RollingParquet
from data.exporters.statistics import (
    RunningStatistics,
    Statistics,
    column_statistics,
    image_statistics,
)
from data.exporters.video import CODEC, PIXEL_FORMAT, VideoFile, even_size
from data.storage import full_disk_is_an_error, write_atomically
from data.transfers import lerobot

_MEGABYTE = 1 << 20
_EPISODES_PER_FILE = 10_000
_SAMPLED_IMAGES = 4
"""Images of each camera and episode from which statistics are taken, at a quarter of their size."""


@dataclass(frozen=True, kw_only=True)
class LeRobotEpisode:
    """One episode in LeRobot's terms."""

    columns: Mapping[str, NDArray[np.generic]]
    """Every feature but images and indices, (N,) or (N, D)."""
    images: Mapping[str, Sequence[bytes]]
    """Per camera feature, N JPEGs."""
    task: str
    """In words: what the robot was asked to do."""


class LeRobotWriter:
    """A dataset in the making. Nothing can be read before `close`.

    Args:
        folder: Where its files go.
        columns: Every feature but images and indices, as `info.json` describes it.
        sizes: Per camera feature, the size of its images; others are scaled to it. Videos are a
            pixel less wide or high where it is odd.
        rate_hz: Frames a second, nominally.
        as_video: Videos, or else images within the rows; those of that size as they were stored.
        robot: What LeRobot calls the robot's type.
    """

    def __init__(
        self,
        folder: Path,
        *,
        columns: Mapping[str, Mapping[str, Any]],
        sizes: Mapping[str, Size],
        rate_hz: int,
        as_video: bool,
        robot: str,
    ) -> None:
        self._folder = folder
        self._columns = columns
        self._sizes = {
            camera: even_size(size) if as_video else size for camera, size in sizes.items()
        }
        self._rate_hz = rate_hz
        self._as_video = as_video
        self._robot = robot
        self._schema = _schema({**columns, **lerobot.INDEX_FEATURES}, () if as_video else sizes)
        self._data = RollingParquet(folder, lerobot.DATA_PATH, lerobot.DATA_FILE_MB * _MEGABYTE)
        self._videos = {
            camera: _RollingVideo(folder, camera, size, rate_hz)
            for camera, size in self._sizes.items()
        }
        self._described: list[dict[str, Any]] = []
        self._tasks: dict[str, int] = {}
        self._statistics = RunningStatistics()
        self.episode_count = 0
        self.frame_count = 0

    def add(self, episode: LeRobotEpisode) -> int:
        """Write an episode; returns its `episode_index`. Raises `StorageFull`, `CorruptData`."""
        count = len(next(iter(episode.images.values())))
        task_index = self._tasks.setdefault(episode.task, len(self._tasks))
        columns = {
            **episode.columns,
            "timestamp": np.arange(count, dtype=np.float32) / np.float32(self._rate_hz),
            "frame_index": np.arange(count),
            "episode_index": np.full(count, self.episode_count),
            "index": np.arange(self.frame_count, self.frame_count + count),
            "task_index": np.full(count, task_index),
        }
        described: dict[str, Any] = {
            "episode_index": self.episode_count,
            "tasks": [episode.task],
            "length": count,
            "dataset_from_index": self.frame_count,
            "dataset_to_index": self.frame_count + count,
        }
        images = episode.images
        if self._as_video:
            for camera, jpegs in images.items():
                described |= self._videos[camera].append(jpegs)
        else:
            images = {
                camera: [_of_size(jpeg, self._sizes[camera]) for jpeg in jpegs]
                for camera, jpegs in images.items()
            }
        number = self._data.append(self._table(columns, images))
        described |= {f"data/{name}": value for name, value in lerobot.place(number).items()}
        statistics = {name: column_statistics(values) for name, values in _2d(columns).items()} | {
            camera: _sampled(jpegs) for camera, jpegs in episode.images.items()
        }
        self._statistics.add(statistics)
        self._described.append(described | _flat(statistics))
        if len(self._described) == _EPISODES_PER_FILE:
            self._write_described()
        self.episode_count += 1
        self.frame_count += count
        return self.episode_count - 1

    def close(self) -> None:
        """Finish every file, and describe the dataset last. Raises `StorageFull`."""
        for video in self._videos.values():
            video.close()
        self._data.close()
        self._write_described()
        tasks = pd.DataFrame({"task_index": list(self._tasks.values())}, index=list(self._tasks))
        buffer = io.BytesIO()
        tasks.to_parquet(buffer)
        write_atomically(self._folder / lerobot.TASKS, buffer.getvalue())
        _write_json(self._folder / lerobot.STATISTICS, self._statistics.as_json())
        _write_json(self._folder / lerobot.INFO, self._info())

    def _table(
        self, columns: Mapping[str, NDArray[np.generic]], images: Mapping[str, Sequence[bytes]]
    ) -> pa.Table:
        arrays: list[pa.Array] = []
        for field in self._schema:
            if field.name in images:
                rows = [{"bytes": jpeg, "path": None} for jpeg in images[field.name]]
                arrays.append(pa.array(rows, field.type))
            elif pa.types.is_fixed_size_list(field.type):
                flat = pa.array(columns[field.name].reshape(-1), field.type.value_type)
                arrays.append(pa.FixedSizeListArray.from_arrays(flat, field.type.list_size))
            else:
                arrays.append(pa.array(columns[field.name], field.type))
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _write_described(self) -> None:
        if not self._described:
            return
        where = lerobot.place((self.episode_count - 1) // _EPISODES_PER_FILE)
        place = {f"meta/episodes/{name}": value for name, value in where.items()}
        table = pa.Table.from_pylist([{**row, **place} for row in self._described])
        path = self._folder / lerobot.EPISODES_PATH.format(**where)
        path.parent.mkdir(parents=True, exist_ok=True)
        with full_disk_is_an_error(path):
            pq.write_table(table, path)
        self._described = []

    def _info(self) -> dict[str, Any]:
        return {
            "codebase_version": lerobot.VERSION,
            "robot_type": self._robot,
            "total_episodes": self.episode_count,
            "total_frames": self.frame_count,
            "total_tasks": len(self._tasks),
            "chunks_size": lerobot.FILES_PER_CHUNK,
            "data_files_size_in_mb": lerobot.DATA_FILE_MB,
            "video_files_size_in_mb": lerobot.VIDEO_FILE_MB,
            "fps": self._rate_hz,
            "splits": {"train": f"0:{self.episode_count}"},
            "data_path": lerobot.DATA_PATH,
            "video_path": lerobot.VIDEO_PATH if self._as_video else None,
            "features": {
                **self._columns,
                **{camera: self._camera(size) for camera, size in self._sizes.items()},
                **lerobot.INDEX_FEATURES,
            },
        }

    def _camera(self, size: Size) -> dict[str, Any]:
        feature: dict[str, Any] = {
            "dtype": "video" if self._as_video else "image",
            "shape": [size.height, size.width, 3],
            "names": ["height", "width", "channels"],
        }
        if self._as_video:
            feature["info"] = {
                "video.height": size.height,
                "video.width": size.width,
                "video.codec": "h264" if CODEC == "libx264" else CODEC,
                "video.pix_fmt": PIXEL_FORMAT,
                "video.is_depth_map": False,
                "video.fps": self._rate_hz,
                "video.channels": 3,
                "has_audio": False,
            }
        return feature


class _RollingVideo:
    """The frames of one camera in numbered MP4 files of limited size; an episode lies in one."""

    def __init__(self, folder: Path, camera: str, size: Size, rate_hz: int) -> None:
        self._folder = folder
        self._camera = camera
        self._size = size
        self._rate_hz = rate_hz
        self._number = 0
        self._file: VideoFile | None = None

    def append(self, jpegs: Sequence[bytes]) -> dict[str, Any]:
        """Add an episode's frames; returns where they lie, as `meta/episodes` says it."""
        if self._file is not None and self._file.size_bytes >= lerobot.VIDEO_FILE_MB * _MEGABYTE:
            self.close()
            self._number += 1
        where = lerobot.place(self._number)
        if self._file is None:
            path = self._folder / lerobot.VIDEO_PATH.format(video_key=self._camera, **where)
            self._file = VideoFile(path, self._size, self._rate_hz)
        begin_s = self._file.duration_s
        for jpeg in jpegs:
            self._file.append(resize(decode_jpeg(jpeg), self._size))
        described = {**where, "from_timestamp": begin_s, "to_timestamp": self._file.duration_s}
        return {f"videos/{self._camera}/{name}": value for name, value in described.items()}

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _of_size(jpeg: bytes, size: Size) -> bytes:
    if jpeg_size(jpeg) == size:
        return jpeg
    return encode_jpeg(resize(decode_jpeg(jpeg), size))


def _schema(columns: Mapping[str, Mapping[str, Any]], images: Sequence[str] | Any) -> pa.Schema:
    """The rows' schema, with the description that the `datasets` library reads."""
    fields: list[pa.Field] = []
    described: dict[str, Any] = {}
    for name, feature in columns.items():
        kind = pa.bool_() if feature["dtype"] == "bool" else pa.type_for_alias(feature["dtype"])
        value = {"dtype": feature["dtype"], "_type": "Value"}
        [length] = feature["shape"]
        if length > 1:
            fields.append(pa.field(name, pa.list_(kind, length)))
            described[name] = {"feature": value, "length": length, "_type": "List"}
        else:
            fields.append(pa.field(name, kind))
            described[name] = value
    for camera in images:
        fields.append(pa.field(camera, pa.struct([("bytes", pa.binary()), ("path", pa.string())])))
        described[camera] = {"_type": "Image"}
    about = json.dumps({"info": {"features": described}})
    return pa.schema(fields, metadata={"huggingface": about})


def _2d(columns: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    return {name: values.reshape(len(values), -1) for name, values in columns.items()}


def _sampled(jpegs: Sequence[bytes]) -> Statistics:
    """Of a few images spread over the episode, decoded at a quarter of their size."""
    chosen = np.unique(np.linspace(0, len(jpegs) - 1, _SAMPLED_IMAGES).astype(int))
    pixels: list[NDArray[np.uint8]] = []
    for index in chosen:
        with Image.open(io.BytesIO(jpegs[index])) as image:
            image.draft("RGB", (max(1, image.width // 4), max(1, image.height // 4)))
            pixels.append(np.asarray(image.convert("RGB")).reshape(-1, 3))
    return image_statistics(np.concatenate(pixels), len(chosen))


def _flat(statistics: Mapping[str, Statistics]) -> dict[str, Any]:
    return {
        f"stats/{column}/{name}": value.tolist()
        for column, found in statistics.items()
        for name, value in found.items()
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=4).encode())
