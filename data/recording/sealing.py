"""Recordings: what a person shows to the cameras at 5 Hz, from the journal to a sealed clip."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.catalog.catalog import Catalog
from data.episodes.episodes import EpisodeInfo, Step
from data.episodes.frames import EncodedFrameSet
from data.episodes.index import list_episodes, save_streams
from data.episodes.shards import EpisodeStream
from data.errors import InvalidInput, StorageFull, UnknownName
from data.labels.labels import Label, append_labels, label_history, undo_label
from data.recording.journal import (
    Journal,
    JournalHeader,
    count_frames,
    read_header,
    remove_journal,
    stream_frames,
)

RATE_HZ = 5.0
"""Frame sets a second (MT-Opt, App. 8)."""
PERIOD_S = 1.0 / RATE_HZ
FEWEST_FRAMES = 2
"""A clip with fewer shows no more than one picture."""
DEFAULT_LONGEST_S = 120.0
"""A clip that nobody stops ends by itself after so long, unless another time is asked for."""
SPARE_BYTES = 8 << 20
"""Room that a recording leaves free beside what storing it takes: for index, labels and footers."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How well a recording kept its rate, from the real capture times of every camera."""

    median_interval_ms: float
    p99_interval_ms: float
    """99th percentile of the intervals between frames of the same camera."""
    p99_deviation_ms: float
    """99th percentile of the distance of those intervals from `PERIOD_S`."""
    skew_ms: Mapping[str, float]
    """Per camera, how late it was at worst behind the first camera of the same frame set."""


@dataclass(frozen=True, kw_only=True)
class RecordingSummary:
    """What was recorded, and how well."""

    episode_id: str
    frame_count: int
    dropped_frames: int
    """Frame sets that were due and are missing."""
    median_interval_ms: float
    p99_interval_ms: float
    p99_deviation_ms: float
    skew_ms: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class RecoveredClip:
    """A recording that was cut short by a crash, a dead camera or a full disk, and is kept."""

    recording_id: str
    robot: str
    task: str
    outcome: str
    pair_id: str | None
    by: str
    started_at_ns: int
    frame_count: int


def measure_timing(timestamps_ns: Sequence[Mapping[str, int]]) -> Timing:
    """The timing of frame sets from their capture times [ns], one mapping per frame set.

    Raises:
        InvalidInput: There are fewer than two frame sets, so there is no interval.
    """
    if len(timestamps_ns) < FEWEST_FRAMES:
        raise too_short(len(timestamps_ns))
    cameras = tuple(timestamps_ns[0])
    captured_ms = np.array(
        [[times[camera] for camera in cameras] for times in timestamps_ns], dtype=np.int64
    )
    intervals_ms = np.diff(captured_ms, axis=0).ravel() / 1e6
    late_ms = (captured_ms - captured_ms.min(axis=1, keepdims=True)).max(axis=0) / 1e6
    return Timing(
        median_interval_ms=float(np.median(intervals_ms)),
        p99_interval_ms=float(np.percentile(intervals_ms, 99)),
        p99_deviation_ms=float(np.percentile(np.abs(intervals_ms - 1000 * PERIOD_S), 99)),
        skew_ms={camera: float(late) for camera, late in zip(cameras, late_ms, strict=True)},
    )


def too_short(frame_count: int, *, where: str | Path | None = None) -> InvalidInput:
    """The error for a clip that has too few frames to be one."""
    return InvalidInput(
        f"The clip has {frame_count} frame{'' if frame_count == 1 else 's'}, "
        f"too few to be one (at least {FEWEST_FRAMES}).",
        where=where,
        next_step=f"Record it again, for a second or more ({RATE_HZ:g} frames are taken a second).",
    )


def too_long(longest_s: float) -> InvalidInput:
    """Why a clip has ended that nobody stopped."""
    return InvalidInput(
        f"The clip has reached the longest time asked for, {longest_s:g} s.",
        next_step="Keep what was recorded if all of it shows the outcome, or drop it.",
    )


def check_room_for_clip(folder: Path, frames: EncodedFrameSet, longest_s: float) -> None:
    """Raises `StorageFull` where a clip of `longest_s` seconds of such frames finds no room.

    Its frames lie on the disk twice while it is sealed: in the journal and in its shard.
    """
    rate_bytes_s = 2 * RATE_HZ * sum(len(jpeg) for jpeg in frames.jpegs.values())
    free_bytes = shutil.disk_usage(folder).free - SPARE_BYTES
    if free_bytes < rate_bytes_s * longest_s:
        raise StorageFull(
            f"The disk is full but for {max(0, int(free_bytes / rate_bytes_s))} s of such a clip, "
            f"and it may take {longest_s:g} s.",
            where=folder.parent,
            next_step="Free some space, or ask for a shorter clip.",
        )


def check_room_to_go_on(journal: Journal) -> None:
    """Raises `StorageFull` while there is still room to store what was recorded so far."""
    if shutil.disk_usage(journal.folder).free < journal.size_bytes + SPARE_BYTES:
        raise StorageFull(
            "The disk is full but for what storing this clip takes, so it ends here.",
            where=journal.folder.parent,
            next_step="Free some space and record it again, or keep what there is.",
        )


def describe_journal(folder: Path) -> RecoveredClip:
    """What the recording in `folder` holds. Raises `CorruptData` where its header is damaged."""
    header = read_header(folder)
    return RecoveredClip(
        recording_id=header.recording_id,
        robot=header.robot,
        task=header.task,
        outcome=header.outcome,
        pair_id=header.pair_id,
        by=header.by,
        started_at_ns=header.started_at_ns,
        frame_count=count_frames(folder),
    )


def seal_journal(
    catalog: Catalog,
    folder: Path,
    *,
    dropped_frames: int = 0,
    truth: Mapping[str, bool] | None = None,
) -> RecordingSummary:
    """Turn the recording in `folder` into an indexed, labelled clip and remove its journal.

    Takes the same memory for a long recording as for a short one. May be repeated after a crash at
    any point: the episode and its label take their ids from the journal, so the clip cannot appear
    twice.

    Raises:
        CorruptData: The journal's header is damaged.
        InvalidInput: There are too few whole frames for a clip; the journal stays.
        StorageFull: The disk is full; the journal stays.
    """
    header = read_header(folder)
    times_ns = [frames.timestamps_ns for frames in stream_frames(folder)]
    if len(times_ns) < FEWEST_FRAMES:
        raise too_short(len(times_ns), where=folder)
    timing = measure_timing(times_ns)
    if not list_episodes(catalog, episode_ids=[header.recording_id]):
        # A shard that was written just before a crash is written again under the same name.
        info = _info(header, len(times_ns), truth)
        save_streams(catalog, [EpisodeStream(info, lambda: _steps(folder, len(times_ns)))])
    append_labels(catalog, [_label(catalog, header)])
    remove_journal(folder)
    return RecordingSummary(
        episode_id=header.recording_id,
        frame_count=len(times_ns),
        dropped_frames=dropped_frames,
        median_interval_ms=timing.median_interval_ms,
        p99_interval_ms=timing.p99_interval_ms,
        p99_deviation_ms=timing.p99_deviation_ms,
        skew_ms=timing.skew_ms,
    )


def drop_journal(catalog: Catalog, folder: Path, *, at_ns: int) -> None:
    """Throw the recording in `folder` away, and take its label back if a crash came after it.

    Raises:
        CorruptData: The journal's header is damaged.
        StorageFull: The disk is full; the journal stays.
    """
    header = read_header(folder)
    label_id = _label(catalog, header).label_id
    with contextlib.suppress(UnknownName):  # as it is where sealing did not come so far
        undo_label(catalog, label_id, by=header.by, at_ns=at_ns)
    remove_journal(folder)


def _steps(folder: Path, frame_count: int) -> Iterator[Step]:
    for index, frames in enumerate(stream_frames(folder)):
        yield Step(
            frames=frames,
            state=None if frames.gripper is None else frames.gripper.state(),
            gripper_pose=None if frames.gripper is None else frames.gripper.pose(),
            done=index == frame_count - 1,
        )


def _info(header: JournalHeader, step_count: int, truth: Mapping[str, bool] | None) -> EpisodeInfo:
    return EpisodeInfo(
        episode_id=header.recording_id,
        robot=header.robot,
        kind="clip",
        behaviour=header.behaviour,
        task=header.task,
        outcome=header.outcome,
        pair_id=header.pair_id,
        start=None,
        recorded_at_ns=header.started_at_ns,
        step_count=step_count,
        truth=truth,
    )


def _label(catalog: Catalog, header: JournalHeader) -> Label:
    """The clip's label; another one where the first was taken back."""
    first = f"clip-{header.recording_id}"
    known = label_history(catalog, header.recording_id, limit=1000)
    taken_back = sum(1 for label in known if (label.retracts or "").startswith(first))
    return Label(
        label_id=first if not taken_back else f"{first}-{taken_back}",
        episode_id=header.recording_id,
        frame_index=None,
        task=header.task,
        outcome=header.outcome,
        by=header.by,
        source="clip",
        at_ns=header.started_at_ns,
    )
