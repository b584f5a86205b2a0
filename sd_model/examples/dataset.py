"""The frames of a manifest, decoded once into a memory-mapped cache, with their outcomes.

Shapes: F frames, V views, H and W pixels, C channels, T tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import CorruptData, GoalpostError, InvalidInput
from data.frames import CAMERAS
from data.shards import FrameRef, read_frames
from data.splits import Split, check_splits
from data.workspace import Workspace
from sd_model.config import DetectorConfig
from sd_model.examples.frame_cache import open_array, write_array
from sd_model.examples.manifest import Manifest
from sd_model.learning.augmentation import Preprocessing

_CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class LabelledFrames:
    """Frames with everything known of them, in the order of the manifest."""

    refs: tuple[FrameRef, ...]
    robot_F: NDArray[np.str_]
    group_F: NDArray[np.str_]
    split_F: NDArray[np.str_]
    outcome_FT: NDArray[np.int8]
    """1 success, 0 failure, -1 unknown."""

    @classmethod
    def of(cls, manifest: Manifest) -> LabelledFrames:
        """Gather the rows of `manifest` by frame.

        Raises:
            InvalidInput: A holdout robot outside the holdout split, or a group in two splits.
        """
        check_splits((row.robot, row.group, row.split) for row in manifest.examples)
        column = {name: index for index, name in enumerate(manifest.tasks.names)}
        frame_of: dict[FrameRef, int] = {}
        about: list[tuple[str, str, str]] = []
        for row in manifest.examples:
            ref = FrameRef(row.shard, row.episode_id, row.frame_index)
            if ref not in frame_of:
                frame_of[ref] = len(frame_of)
                about.append((row.robot, row.group, row.split))
        outcome_FT = np.full((len(frame_of), len(column)), -1, dtype=np.int8)
        for row in manifest.examples:
            frame = frame_of[FrameRef(row.shard, row.episode_id, row.frame_index)]
            outcome_FT[frame, column[row.task]] = row.outcome == "success"
        robots, groups, splits = (np.array(values) for values in zip(*about, strict=True))
        return cls(
            refs=tuple(frame_of),
            robot_F=robots,
            group_F=groups,
            split_F=splits,
            outcome_FT=outcome_FT,
        )

    def of_split(self, split: Split) -> NDArray[np.intp]:
        """Indices of the frames of one split."""
        return np.flatnonzero(self.split_F == split)


def training_frames(frames: LabelledFrames, holdout: Collection[str]) -> NDArray[np.intp]:
    """Indices of the frames to train on.

    Raises:
        InvalidInput: A held-out robot, or a group that judges, would reach training.
    """
    indices = frames.of_split("train")
    leaked = set(frames.robot_F[indices]) & set(holdout)
    judging = np.isin(frames.split_F, ("validation", "holdout"))
    straddling = set(frames.group_F[indices]) & set(frames.group_F[judging])
    if leaked or straddling:
        raise InvalidInput(
            "Frames that judge the detector would have reached its training: "
            f"{', '.join(sorted(leaked | straddling))}.",
            next_step="Build the manifest again; robots are held out whole, pairs stay together.",
        )
    return indices


def open_cache(
    manifest: Manifest,
    frames: LabelledFrames,
    config: DetectorConfig,
    workspace: Workspace,
    progress: Callable[[float, str], None],
) -> NDArray[np.uint8]:
    """All frames, decoded and scaled: (F, V, kept_px, kept_px, 3) uint8, memory-mapped.

    Made once per manifest and size under the workspace's cache; training decodes nothing.

    Raises:
        CorruptData: A frame cannot be read; names the episode.
        InvalidInput: A frame lacks a camera; names the episode.
        StorageFull: The cache does not fit on the disk.
    """
    side = config.kept_px
    shape = (len(frames.refs), len(CAMERAS), side, side, 3)
    path = workspace.cache / f"frames-{manifest.digest[:16]}-{side}.npy"
    if open_array(path, np.uint8, shape) is None:
        rows = _decoded(frames.refs, Preprocessing(config), workspace, progress)
        write_array(path, np.uint8, shape, rows)
    cache: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return cache


def _decoded(
    refs: tuple[FrameRef, ...],
    preprocessing: Preprocessing,
    workspace: Workspace,
    progress: Callable[[float, str], None],
) -> Iterator[bytes]:
    for start in range(0, len(refs), _CHUNK):
        chunk = refs[start : start + _CHUNK]
        for ref, encoded in zip(chunk, read_frames(workspace, chunk), strict=True):
            try:
                yield preprocessing.keep(encoded.decode().images).tobytes()
            except GoalpostError as error:
                raise _unreadable(error, ref) from error
        progress((start + len(chunk)) / len(refs), "Decoding frames")


def _unreadable(error: GoalpostError, ref: FrameRef) -> GoalpostError:
    kind = CorruptData if isinstance(error, CorruptData) else InvalidInput
    return kind(
        f"Frame {ref.frame_index} of episode {ref.episode_id} cannot be used: {error.what}",
        where=ref.shard,
        next_step="Label the episode as unsure, so that it is left out, and train again.",
    )
