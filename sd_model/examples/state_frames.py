"""Frames of robots with their recorded state: what the auxiliary regression learns from.

Nobody has to label them, and they teach the trunk to find the gripper, on which most tasks hang.

Shapes: N frames, H and W pixels, C channels, S robot state values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.cells.protocol import STATE_SIZE
from data.errors import CorruptData, InvalidInput
from data.frames import CAMERAS, Size, decode_jpeg, resize
from data.shards import read_shard
from data.workspace import Workspace
from sd_model.config import DetectorConfig
from sd_model.examples.dataset import LabelledFrames
from sd_model.examples.frame_cache import write_array
from sd_model.examples.manifest import Manifest, StateEpisode

_CAMERA = CAMERAS[0]
"""The only camera that every step of a robot's episode has."""


@dataclass(frozen=True, kw_only=True)
class StateFrames:
    """Over-the-shoulder images and the robot's state on them."""

    image_NHWC: NDArray[np.uint8]
    """Kept size, memory-mapped."""
    state_NS: NDArray[np.float32]
    """Gripper closed and height, each with mean 0 and deviation 1."""


def open_state_frames(
    manifest: Manifest,
    frames: LabelledFrames,
    config: DetectorConfig,
    workspace: Workspace,
    progress: Callable[[float, str], None],
) -> StateFrames | None:
    """The frames of `manifest.state_episodes`, decoded once; None where there are none.

    Raises:
        InvalidInput: An episode of a holdout robot, or one that judges, is among them.
        StorageFull: The cache does not fit on the disk.
    """
    episodes = manifest.state_episodes
    if not config.auxiliary_weight or not episodes:
        return None
    _refuse_judging(episodes, manifest, frames)
    side = config.kept_px
    kind = np.dtype([("image", np.uint8, (side, side, 3)), ("state", np.float32, (STATE_SIZE,))])
    name = hashlib.sha256(json.dumps(episodes).encode()).hexdigest()[:16]
    path = workspace.cache / f"states-{name}-{side}.npy"
    if not path.exists():
        rows: list[bytes] = []
        for number, each in enumerate(episodes):
            with suppress(CorruptData):  # it teaches nothing then, and keeps no other from it
                rows += _rows(each, kind, workspace)
            progress((number + 1) / len(episodes), "Decoding robot states")
        write_array(path, kind, (len(rows),), rows)
    table = np.load(path, mmap_mode="r")
    state_NS = np.array(table["state"])
    deviation_S = np.maximum(state_NS.std(0), 1e-3)
    return StateFrames(
        image_NHWC=table["image"], state_NS=(state_NS - state_NS.mean(0)) / deviation_S
    )


def _rows(episode: StateEpisode, kind: np.dtype[np.void], workspace: Workspace) -> list[bytes]:
    side = kind["image"].shape[0]
    rows = []
    (stored,) = read_shard(workspace.root / episode.shard, [episode.episode_id])
    for step in stored.steps:
        if step.state is not None and _CAMERA in step.frames.jpegs:
            record = np.zeros((), dtype=kind)
            record["image"] = resize(decode_jpeg(step.frames.jpegs[_CAMERA]), Size(side, side))
            record["state"] = step.state
            rows.append(record.tobytes())
    return rows


def _refuse_judging(
    episodes: tuple[StateEpisode, ...], manifest: Manifest, frames: LabelledFrames
) -> None:
    judging = set(frames.group_F[frames.split_F != "train"])
    for each in episodes:
        if each.robot in manifest.holdout or each.episode_id in judging:
            raise InvalidInput(
                f"Episode {each.episode_id} of {each.robot} judges the detector, and would have "
                "reached its training.",
                next_step="Build the manifest again; robots are held out whole.",
            )
