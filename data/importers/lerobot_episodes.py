"""A LeRobotDataset's episodes as ours: those that Goalpost exported, and those of others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet
from data.errors import CorruptData
from data.importers.lerobot_dataset import LeRobotDataset, Row
from data.importers.mapping import KnownDataset, unnamed_tasks
from data.labels.log import Label
from data.tasks.tasks import TaskSet
from data.transfers import lerobot

BEHAVIOUR = "imported"
"""What acted in an episode of somebody else's."""


class EpisodeSource(Protocol):
    """Where an import's episodes come from."""

    def info(self, row: Row) -> EpisodeInfo:
        """What is known of an episode without reading its frames."""

    def episode(self, row: Row, info: EpisodeInfo) -> Episode:
        """The episode with its frames. Raises `CorruptData`."""

    def labels(self, row: Row, info: EpisodeInfo) -> Sequence[Label]:
        """What its dataset says about outcomes."""


class OwnEpisodes:
    """Episodes that Goalpost exported. Raises `CorruptData`."""

    def __init__(self, dataset: LeRobotDataset) -> None:
        self._dataset = dataset
        folder = dataset.folder
        try:
            self._file = pq.ParquetFile(folder / lerobot.OWN_EPISODES)
            described = self._file.read(columns=["episode_index", "info"]).to_pylist()
            self._infos = {row["episode_index"]: row["info"] for row in described}
            labels = pq.read_table(folder / lerobot.OWN_LABELS).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise _corrupt(dataset, error) from error
        self._labels: dict[str, list[Label]] = {}
        for values in labels:
            label = Label(**values)
            self._labels.setdefault(label.episode_id, []).append(label)

    def info(self, row: Row) -> EpisodeInfo:
        """As it was."""
        try:
            return EpisodeInfo(**json.loads(self._infos[row["episode_index"]]))
        except (KeyError, TypeError, ValueError) as error:
            raise _corrupt(self._dataset, error) from error

    def labels(self, row: Row, info: EpisodeInfo) -> Sequence[Label]:
        """As they were, with their identifiers."""
        return self._labels.get(info.episode_id, ())

    def episode(self, row: Row, info: EpisodeInfo) -> Episode:
        """The episode; its terminal views are the stored ones, if it is a robot's."""
        columns = self._dataset.columns(row)
        images = {
            camera: list(self._dataset.jpegs(row, f"{lerobot.IMAGE_PREFIX}{camera}"))
            for camera in CAMERAS
            if f"{lerobot.IMAGE_PREFIX}{camera}" in self._dataset.cameras
        }
        steps: list[Step] = []
        for index in range(row["length"]):
            last = info.kind == "robot" and index == row["length"] - 1
            frames = EncodedFrameSet(
                jpegs={camera: jpegs[index] for camera, jpegs in images.items()},
                timestamps_ns={
                    camera: columns[f"{lerobot.TIME_PREFIX}{camera}"][index] for camera in images
                },
            )
            steps.append(
                Step(
                    frames=self._terminal(row) if last else frames,
                    state=_vector(columns, "observation.state", index),
                    gripper_pose=_vector(columns, "observation.gripper_pose", index),
                    action=None if last else _vector(columns, "action", index),
                    done=info.kind == "robot" and columns["next.done"][index],
                )
            )
        return Episode(info=info, steps=tuple(steps))

    def _terminal(self, row: Row) -> EncodedFrameSet:
        try:
            table = pq.read_table(
                self._dataset.folder / lerobot.OWN_EPISODES,
                filters=[("episode_index", "=", row["episode_index"])],
            )
            [views] = table.column("views").to_pylist()
        except (OSError, pa.ArrowException, ValueError) as error:
            raise _corrupt(self._dataset, error) from error
        return EncodedFrameSet(
            jpegs={view["camera"]: view["jpeg"] for view in views},
            timestamps_ns={view["camera"]: view["timestamp_ns"] for view in views},
        )


class ForeignEpisodes:
    """Episodes of somebody else's dataset, all of them a robot's.

    Args:
        by: Whose word `next.success` is.
    """

    def __init__(
        self, dataset: LeRobotDataset, known: KnownDataset, tasks: TaskSet, by: str
    ) -> None:
        self._dataset = dataset
        self._known = known
        self._tasks = tasks
        self._by = by
        features = dataset.info["features"]
        self._acts = {
            name: names
            for name, names in (
                ("observation.state", lerobot.STATE_NAMES),
                ("observation.gripper_pose", lerobot.POSE_NAMES),
                ("action", lerobot.ACTION_NAMES),
            )
            if name in features and features[name]["names"] == list(names)
        }
        self._labelled = "next.success" in features

    def notes(self) -> list[str]:
        """What of the dataset is not taken, in words."""
        features = self._dataset.info["features"]
        others = [
            name
            for name in ("observation.state", "action")
            if name in features and name not in self._acts
        ]
        notes = []
        if others:
            notes.append(
                f"{' and '.join(others)} are another arm's and were not taken; frames and "
                "outcomes were."
            )
        unknown = [words for words in self._dataset.tasks if self._task(words) is None]
        if unknown:
            notes.append(unnamed_tasks(unknown))
        return notes

    def info(self, row: Row) -> EpisodeInfo:
        """Told apart by the dataset and its number; dated by the first import."""
        index = row["episode_index"]
        at_ns = self._known.first_seen_ns + index * 1_000_000_000
        stamp = datetime.fromtimestamp(self._known.first_seen_ns // 1_000_000_000, UTC)
        return EpisodeInfo(
            episode_id=f"{stamp:%Y%m%d-%H%M%S}-{self._known.digest}-{index:07d}",
            robot=self._known.mapping.robot,
            kind="robot",
            behaviour=BEHAVIOUR,
            task=self._task(row["tasks"][0]) if row["tasks"] else None,
            recorded_at_ns=at_ns,
            step_count=row["length"],
        )

    def labels(self, row: Row, info: EpisodeInfo) -> Sequence[Label]:
        """The outcome of its task at its end, where the dataset says one."""
        if not self._labelled or info.task is None:
            return ()
        succeeded = any(self._dataset.columns(row)["next.success"])
        return (
            Label(
                label_id=f"import-{info.episode_id}",
                episode_id=info.episode_id,
                frame_index=info.step_count - 1,
                task=info.task,
                outcome="success" if succeeded else "failure",
                by=self._by,
                source="import",
                at_ns=self._known.first_seen_ns,
            ),
        )

    def episode(self, row: Row, info: EpisodeInfo) -> Episode:
        """The episode; all three views in every step."""
        columns = self._dataset.columns(row)
        theirs = self._known.mapping.cameras
        jpegs = {name: list(self._dataset.jpegs(row, name)) for name in set(theirs.values())}
        steps: list[Step] = []
        for index in range(info.step_count):
            at_ns = info.recorded_at_ns + round(columns["timestamp"][index] * 1e9)
            last = index == info.step_count - 1
            steps.append(
                Step(
                    frames=EncodedFrameSet(
                        jpegs={camera: jpegs[theirs[camera]][index] for camera in CAMERAS},
                        timestamps_ns=dict.fromkeys(CAMERAS, at_ns),
                    ),
                    state=self._own(columns, "observation.state", index),
                    gripper_pose=self._own(columns, "observation.gripper_pose", index),
                    action=None if last else self._own(columns, "action", index),
                    done=index >= info.step_count - 2,
                )
            )
        return Episode(info=info, steps=tuple(steps))

    def _own(self, columns: Mapping[str, Sequence[Any]], name: str, index: int) -> Any:
        return _vector(columns, name, index) if name in self._acts else None

    def _task(self, words: str) -> str | None:
        """Our task of these words: said, or else of that name or description."""
        if words in self._known.mapping.tasks:
            return self._known.mapping.tasks[words]
        for task in self._tasks:
            if words in (task.name, task.description):
                return task.name
        return None


def _vector(columns: Mapping[str, Sequence[Any]], name: str, index: int) -> Any:
    return np.asarray(columns[name][index], dtype=np.float32) if name in columns else None


def _corrupt(dataset: LeRobotDataset, error: Exception) -> CorruptData:
    return CorruptData(
        f"What Goalpost wrote beside the dataset cannot be read ({error}).",
        where=dataset.folder / lerobot.OWN,
        next_step="Copy the dataset again; it is imported like anyone else's without this folder.",
    )
