"""The frames of a manifest, decoded once into a memory-mapped cache, with their outcomes.

Shapes: F frames, V views, H and W pixels, C channels, T tasks; N frames of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.cells.calibration import place_of, project, projections_of
from data.cells.robots import Robot
from data.episodes.frame_store import FrameStore
from data.episodes.frames import CAMERAS, FrameSet
from data.episodes.shards import FrameRef, read_frames
from data.errors import CorruptData, GoalpostError, InvalidInput
from data.labels.splits import Split, check_splits
from data.workspace import Workspace
from sd_model.config import DetectorConfig
from sd_model.examples.manifest import Manifest
from sd_model.learning.augmentation import Looks, Preprocessing, keep_whole

_CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class LabelledFrames:
    """Frames with everything known of them, in the order of the manifest."""

    refs: tuple[FrameRef, ...]
    episode_F: NDArray[np.str_]
    robot_F: NDArray[np.str_]
    group_F: NDArray[np.str_]
    split_F: NDArray[np.str_]
    shown_F: NDArray[np.intp]
    """The task that each shows or was told to do, as a column of `outcome_FT`; -1: none of them."""
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
        shown: list[int] = []
        for row in manifest.examples:
            ref = FrameRef(row.shard, row.episode_id, row.frame_index)
            if ref not in frame_of:
                frame_of[ref] = len(frame_of)
                about.append((row.robot, row.group, row.split))
                shown.append(column.get(row.shown_task, -1))
        outcome_FT = np.full((len(frame_of), len(column)), -1, dtype=np.int8)
        for row in manifest.examples:
            frame = frame_of[FrameRef(row.shard, row.episode_id, row.frame_index)]
            outcome_FT[frame, column[row.task]] = row.outcome == "success"
        robots, groups, splits = (np.array(values) for values in zip(*about, strict=True))
        return cls(
            refs=tuple(frame_of),
            episode_F=np.array([ref.episode_id for ref in frame_of]),
            robot_F=robots,
            group_F=groups,
            split_F=splits,
            shown_F=np.array(shown, dtype=np.intp),
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


class StoredLooks:
    """The kept looks of all frames, memory-mapped; training decodes nothing.

    Args:
        frames: In the order of the manifest.
        config: Sizes.
        workspace: Whose cache holds them.
        progress: Hears how far the decoding is; may cancel by raising.

    Raises:
        CorruptData: A frame cannot be read; names the episode.
        InvalidInput: A frame lacks a camera; names the episode.
        StorageFull: The cache does not fit on the disk.
    """

    def __init__(
        self,
        frames: LabelledFrames,
        config: DetectorConfig,
        workspace: Workspace,
        progress: Callable[[float, str], None],
    ) -> None:
        self._frames = frames
        self._config = config
        self._workspace = workspace
        self._progress = progress
        side = config.kept_px
        views = len(CAMERAS)
        kind = np.dtype(
            [("whole", np.uint8, (views, side, side, 3)), ("gripper", np.float32, (4,))]
        )
        store = FrameStore(workspace.cache / f"frames-{side}", kind)
        self._whole, self._whole_row_F = _rows(store, frames.refs, self._whole_rows)
        self._closer: NDArray[np.void] | None = None
        self._closer_row_F = self._whole_row_F

    @property
    def tips(self) -> NDArray[np.float32]:
        """The fingertips in the robot's base frame [m], (F, 3); NaN where no robot says."""
        tip_F3: NDArray[np.float32] = self._whole["gripper"][self._whole_row_F, 1:]
        return tip_F3

    @property
    def closed(self) -> NDArray[np.float32]:
        """How far the jaws are closed, 0 to 1, (F,); NaN where no robot says."""
        closed_F: NDArray[np.float32] = self._whole["gripper"][self._whole_row_F, 0]
        return closed_F

    def whole(self, indices: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Whole views of the frames at `indices`, (N, V, kept_px, kept_px, 3)."""
        whole_NVHWC: NDArray[np.uint8] = self._whole["whole"][self._whole_row_F[indices]]
        return whole_NVHWC

    def look_closely(self, preprocessing: Preprocessing, finder_id: str) -> None:
        """Cut out what lies round gripper and place in every view; raises as the constructor does.

        Args:
            finder_id: Names the finder: another one looks elsewhere.
        """
        config, refs = self._config, self._frames.refs
        sides = {"cut": config.kept_cut_px, "place": config.kept_place_px}
        kind = np.dtype(
            [(name, np.uint8, (len(CAMERAS), side, side, 3)) for name, side in sides.items()]
        )
        shares = (config.kept_cut_share, config.kept_place_share)
        name = "-".join(["closer", *map(str, sides.values()), *(f"{s:.3f}" for s in shares)])
        frame_of = {ref: frame for frame, ref in enumerate(refs)}

        def rows(missing: Sequence[FrameRef]) -> Iterator[bytes]:
            for chunk, frames in self._decoded(missing, "Looking closely"):
                indices = np.array([frame_of[ref] for ref in chunk])
                cuts, places = preprocessing.keep_closer(
                    [each.images for each in frames], self.whole(indices)
                )
                for cut, place in zip(cuts, places, strict=True):
                    yield cut.tobytes() + place.tobytes()

        store = FrameStore(self._workspace.cache / f"{name}-{finder_id[:12]}", kind)
        self._closer, self._closer_row_F = _rows(store, refs, rows)

    def take(self, indices: NDArray[np.intp]) -> Looks:
        """The kept looks of the frames at `indices`."""
        if self._closer is None:
            nothing = np.empty((len(indices), len(CAMERAS), 0, 0, 3), np.uint8)
            return Looks(self.whole(indices), nothing, nothing)
        rows = self._closer[self._closer_row_F[indices]]
        return Looks(self.whole(indices), rows["cut"], rows["place"])

    def _whole_rows(self, missing: Sequence[FrameRef]) -> Iterator[bytes]:
        for chunk, frames in self._decoded(missing, "Decoding frames"):
            for ref, frame in zip(chunk, frames, strict=True):
                gripper = frame.gripper
                reading = (np.nan,) * 4 if gripper is None else gripper[:4]
                try:
                    whole = keep_whole(frame.images, self._config)
                except GoalpostError as error:
                    raise _unreadable(error, ref) from error
                yield whole.tobytes() + np.array(reading, dtype=np.float32).tobytes()

    def _decoded(
        self, refs: Sequence[FrameRef], message: str
    ) -> Iterator[tuple[Sequence[FrameRef], list[FrameSet]]]:
        for start in range(0, len(refs), _CHUNK):
            chunk = refs[start : start + _CHUNK]
            decoded = []
            for ref, encoded in zip(chunk, read_frames(self._workspace, chunk), strict=True):
                try:
                    decoded.append(encoded.decode())
                except GoalpostError as error:
                    raise _unreadable(error, ref) from error
            yield chunk, decoded
            self._progress((start + len(chunk)) / len(refs), message)


def _rows(
    store: FrameStore,
    refs: Sequence[FrameRef],
    make: Callable[[Sequence[FrameRef]], Iterable[bytes]],
) -> tuple[NDArray[np.void], NDArray[np.intp]]:
    """All rows of the store, and which of them belong to `refs`, (F,); `make` gives the lacking."""
    names = [f"{ref.episode_id}:{ref.frame_index}" for ref in refs]
    ref_of = dict(zip(names, refs, strict=True))

    def blocks(missing: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return zip(missing, make([ref_of[name] for name in missing]), strict=True)

    rows, held = store.rows(list(ref_of), blocks)
    return rows, np.array([held[name].start for name in names], dtype=np.intp)


def mark_positions(
    frames: LabelledFrames, tip_F3: NDArray[np.float32], robots: Mapping[str, Robot]
) -> NDArray[np.float32]:
    """Where the fingertips are in each view, and the place where objects are put down: (F, M = 2,
    V, 2) as shares of the image.

    NaN where the robot does not say where they are, or the camera is not calibrated, or they are
    outside the image.
    """
    position_FMV2 = np.full((len(tip_F3), 2, len(CAMERAS), 2), np.nan, dtype=np.float32)
    for name in np.unique(frames.robot_F):
        if name not in robots:
            continue
        own_F = frames.robot_F == name
        for camera, projection_34 in projections_of(robots[name]).items():
            view = CAMERAS.index(camera)
            position_FMV2[own_F, 0, view] = project(projection_34, tip_F3[own_F])
            position_FMV2[own_F, 1, view] = project(projection_34, place_of(robots[name])[None])
    outside = ~((position_FMV2 > 0) & (position_FMV2 < 1)).all(axis=-1)
    position_FMV2[outside] = np.nan
    return position_FMV2


def _unreadable(error: GoalpostError, ref: FrameRef) -> GoalpostError:
    kind = CorruptData if isinstance(error, CorruptData) else InvalidInput
    return kind(
        f"Frame {ref.frame_index} of episode {ref.episode_id} cannot be used: {error.what}",
        where=ref.shard,
        next_step="Label the episode as unsure, so that it is left out, and train again.",
    )
