"""LeRobotDataset v3.0: which files it has, and what it calls things.

Many episodes share a file: rows in `data/`, pictures in `videos/` (or in the rows), and
`meta/episodes/` says which stretch of which file belongs to which episode. What LeRobot has no
place for lies in `goalpost/` beside it, where LeRobot does not look.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.errors import CorruptData, InvalidInput

VERSION = "v3.0"
CONVERTER = "lerobot.datasets.v30.convert_dataset_v21_to_v30"
"""LeRobot's own module that brings version 2.1 to 3.0."""

INFO = "meta/info.json"
STATISTICS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
EPISODES = "meta/episodes"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"

FILES_PER_CHUNK = 1000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200

OWN = "goalpost"
"""Folder of what only Goalpost reads."""
OWN_EPISODES = f"{OWN}/episodes.parquet"
"""Per episode_index its `EpisodeInfo`, and the terminal views as they were stored."""
OWN_LABELS = f"{OWN}/labels.parquet"
"""Every standing label of the exported episodes: who, when, which task, which outcome."""
OWN_TASKS = f"{OWN}/tasks.json"
"""The tasks and their relations."""

OWN_EPISODE_SCHEMA = pa.schema(
    [
        ("episode_index", pa.int64()),
        ("info", pa.string()),
        (
            "views",
            pa.list_(
                pa.struct(
                    [("camera", pa.string()), ("jpeg", pa.binary()), ("timestamp_ns", pa.int64())]
                )
            ),
        ),
    ]
)

IMAGE_PREFIX = "observation.images."
TIME_PREFIX = "timestamp_ns."
"""Real times of capture [ns since the Unix epoch], beside LeRobot's nominal `timestamp`."""
STATE_NAMES = ("gripper_closed", "height_m")
POSE_NAMES = ("x_m", "y_m", "z_m", "yaw_rad")
ACTION_NAMES = ("dx", "dy", "dz", "sin", "cos", "open", "close", "terminate")
INDEX_FEATURES: dict[str, dict[str, Any]] = {
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}
"""The columns that every dataset has."""


def place(number: int) -> dict[str, int]:
    """Where the `number`-th file of its kind lies: `chunk_index` and `file_index`."""
    return {"chunk_index": number // FILES_PER_CHUNK, "file_index": number % FILES_PER_CHUNK}


def load_info(folder: Path) -> dict[str, Any]:
    """The content of `meta/info.json`.

    Raises:
        InvalidInput: The folder holds no LeRobotDataset, or one of another version; the message
            names the converter.
        CorruptData: The file is damaged.
    """
    path = folder / INFO
    try:
        info = json.loads(path.read_bytes())
        version = str(info["codebase_version"])
        for needed in ("fps", "features", "data_path", "total_episodes", "total_frames"):
            info[needed]
    except FileNotFoundError as error:
        raise InvalidInput(
            f"There is no LeRobotDataset here: {INFO} is missing.",
            where=folder,
            next_step="Name the dataset's own folder, the one that holds `meta/` and `data/`.",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptData(
            f"The dataset's description cannot be read ({error}).",
            where=path,
            next_step="Copy or download the dataset again.",
        ) from error
    if version != VERSION:
        older = version.lstrip("v") < VERSION.lstrip("v")
        raise InvalidInput(
            f"This LeRobotDataset has version {version}.",
            where=path,
            valid=[VERSION],
            next_step=f"Convert it with LeRobot: python -m {CONVERTER}"
            if older
            else "Export it again with a LeRobot that writes this version.",
        )
    return dict(info)


def camera_features(info: dict[str, Any]) -> list[str]:
    """The names of the dataset's cameras, as its columns and videos are called."""
    return [
        name for name, feature in info["features"].items() if feature["dtype"] in ("image", "video")
    ]
