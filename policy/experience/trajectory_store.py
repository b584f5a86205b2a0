"""Trajectories, cut once from a workspace's episodes and memory-mapped by every later training."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from data.cells.protocol import ACTION_SIZE
from data.episodes.episodes import Episode, EpisodeInfo
from data.episodes.frame_store import FrameStore
from data.errors import CorruptData, InvalidInput, StorageFull
from data.workspace import Workspace
from policy.config import PolicyConfig
from policy.experience.sight import SIGHT_VERSION, Projection, state_size
from policy.experience.trajectory import Trajectory, trajectory_from_episode


class TrajectoryStore:
    """What policies that see alike are shown of a workspace's episodes.

    A row is a frame: image, state, and the action that followed (zeros at the terminal frame).

    Args:
        workspace: Whose cache holds the rows.
        config: Decides what is seen of each frame; its other settings do not matter.
        projections: Of the policy's camera, by robot, where it is known. A robot whose camera was
            calibrated anew is seen anew.
    """

    def __init__(
        self, workspace: Workspace, config: PolicyConfig, projections: Mapping[str, Projection]
    ) -> None:
        self._workspace = workspace
        self._config = config
        self._projections = projections
        self._calibration = {
            robot: blake2b(np.asarray(projection_34).tobytes(), digest_size=6).hexdigest()
            for robot, projection_34 in projections.items()
            if config.sight != "view"
        }
        width, height = config.frame_size
        seen = "view" if config.sight == "view" else f"ground-{config.ground_pixel_mm:g}mm"
        self._kind = np.dtype(
            [
                ("image", np.uint8, (height, width, 3)),
                ("state", np.float32, (state_size(config),)),
                ("action", np.float32, (ACTION_SIZE,)),
            ]
        )
        name = f"replay-{seen}-{width}x{height}-{SIGHT_VERSION}"
        self._store = FrameStore(workspace.cache / name, self._kind)

    def held(self, infos: Sequence[EpisodeInfo]) -> dict[str, Trajectory]:
        """Those of the episodes `infos` that are here, by episode; their arrays are read-only."""
        name_of = {info.episode_id: self._name(info) for info in infos}
        rows, span_of = self._store.rows(list(name_of.values()))
        found = {}
        for info in infos:
            span = span_of.get(name_of[info.episode_id])
            if span is not None and info.task is not None:
                found[info.episode_id] = Trajectory(
                    episode_id=info.episode_id,
                    robot=info.robot,
                    task=info.task,
                    image_THWC=rows["image"][span],
                    state_TS=rows["state"][span],
                    action_NA=rows["action"][span][:-1],
                )
        return found

    def check_room(self, infos: Sequence[EpisodeInfo]) -> None:
        """Raise `StorageFull` where the disk has no room for the frames of `infos`.

        Asked before many are added, so that no recording beside them runs out of space meanwhile.
        """
        needed = sum(info.step_count for info in infos) * self._kind.itemsize
        free = shutil.disk_usage(self._workspace.cache).free
        if needed > free:
            raise StorageFull(
                f"What a policy of this recipe sees of {len(infos)} episodes takes "
                f"{needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
                where=self._workspace.cache,
                next_step=(
                    "Free some space (the cache/ folder may be deleted at any time), or choose a "
                    "recipe with smaller images."
                ),
            )

    def add(self, episodes: Sequence[Episode]) -> dict[str, str]:
        """Cut those of `episodes` that are not here yet.

        Returns:
            Why an episode cannot be used, by episode.

        Raises:
            StorageFull: They do not fit on the disk.
        """
        name_of = {self._name(episode.info): episode for episode in episodes}
        unusable: dict[str, str] = {}

        def blocks(missing: Sequence[str]) -> Iterator[tuple[str, bytes]]:
            for name in missing:
                info = name_of[name].info
                try:
                    trajectory = trajectory_from_episode(
                        name_of[name], self._config, self._projections.get(info.robot)
                    )
                except (CorruptData, InvalidInput) as error:
                    unusable[info.episode_id] = str(error)
                else:
                    yield name, self._rows(trajectory).tobytes()

        self._store.rows(list(name_of), blocks)
        return unusable

    def _name(self, info: EpisodeInfo) -> str:
        return f"{info.episode_id}:{self._calibration.get(info.robot, '')}"

    def _rows(self, trajectory: Trajectory) -> NDArray[np.void]:
        rows = np.zeros(len(trajectory) + 1, self._kind)
        rows["image"] = trajectory.image_THWC
        rows["state"] = trajectory.state_TS
        rows["action"][:-1] = trajectory.action_NA
        return rows
