"""Recordings: what a person shows to the cameras at 5 Hz, from the journal to a sealed clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.catalog import Catalog
from data.episode_index import list_episodes, save_episodes
from data.episodes import Episode, EpisodeInfo, Step
from data.errors import InvalidInput
from data.journal import JournalHeader, count_frames, read_frames, read_header, remove_journal
from data.labels import Label, append_labels

RATE_HZ = 5.0
"""Frame sets a second (MT-Opt, App. 8)."""
PERIOD_S = 1.0 / RATE_HZ
FEWEST_FRAMES = 2
"""A clip with fewer shows no more than one picture."""


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

    May be repeated after a crash at any point: the episode and its label take their ids from
    the journal, so the clip cannot appear twice.

    Raises:
        InvalidInput: The clip is too short. The journal stays.
        StorageFull: The shard could not be written. The journal stays.
        WorkspaceBusy: The catalog was locked for too long. The journal stays.
    """
    header = read_header(folder)
    frames = read_frames(folder)
    if len(frames) < FEWEST_FRAMES:
        raise too_short(len(frames), where=folder)
    timing = measure_timing([frame_set.timestamps_ns for frame_set in frames])
    last = len(frames) - 1
    steps = tuple(
        Step(
            frames=frame_set,
            state=None if frame_set.gripper is None else frame_set.gripper.state(),
            gripper_pose=None if frame_set.gripper is None else frame_set.gripper.pose(),
            done=index == last,
        )
        for index, frame_set in enumerate(frames)
    )
    if not list_episodes(catalog, episode_ids=[header.recording_id]):
        # A shard that was written just before a crash is written again under the same name.
        save_episodes(catalog, [Episode(info=_info(header, len(frames), truth), steps=steps)])
    append_labels(catalog, [_label(header)])
    remove_journal(folder)
    return RecordingSummary(
        episode_id=header.recording_id,
        frame_count=len(frames),
        dropped_frames=dropped_frames,
        median_interval_ms=timing.median_interval_ms,
        p99_interval_ms=timing.p99_interval_ms,
        p99_deviation_ms=timing.p99_deviation_ms,
        skew_ms=timing.skew_ms,
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


def _label(header: JournalHeader) -> Label:
    return Label(
        label_id=f"clip-{header.recording_id}",
        episode_id=header.recording_id,
        frame_index=None,
        task=header.task,
        outcome=header.outcome,
        by=header.by,
        source="clip",
        at_ns=header.started_at_ns,
    )
