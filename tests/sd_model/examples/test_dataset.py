from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data.cells.calibration import project, projections_of
from data.cells.robots import SIMULATED_FLEET
from data.episodes.frames import EncodedFrameSet
from data.episodes.gripper import GripperReading
from data.episodes.shards import FrameRef, read_frames
from data.errors import CorruptData, InvalidInput, StorageFull
from data.workspace import Workspace
from sd_model.config import load_recipe
from sd_model.examples.dataset import LabelledFrames, StoredLooks, mark_positions, training_frames
from sd_model.examples.manifest import Manifest

if TYPE_CHECKING:
    from conftest import Recorder, SquareWorld

CONFIG = load_recipe("smoke")


def test_rows_are_gathered_by_frame_and_the_unknown_is_masked(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    clip = world.episode("robot-1", "red", 9, steps=1)
    world.save(clip)
    world.label(clip, {"show-red": "failure"})
    manifest = world.manifest("m")
    frames = LabelledFrames.of(manifest)

    outcome_of = {
        (ref.episode_id, ref.frame_index): outcome_T.tolist()
        for ref, outcome_T in zip(frames.refs, frames.outcome_FT, strict=True)
    }

    assert len(frames.refs) == 6 * 3 * 2 + 1
    assert outcome_of["robot-1-red-000", 1] == [1, 0, 1]
    assert outcome_of["robot-1-none-000", 0] == [0, 0, 0]
    assert outcome_of["robot-1-red-009", 0] == [-1, -1, 0]
    shown_of = dict(zip(frames.episode_F, frames.shown_F, strict=True))
    assert manifest.tasks.names[shown_of["robot-1-red-000"]] == "show-red"


def test_training_gets_no_frame_of_the_holdout_and_no_part_of_a_judging_group(
    world: SquareWorld,
) -> None:
    world.record(["robot-1", "robot-2", "robot-3"], scenes=8, steps=2)
    manifest = world.manifest("m", holdout=["robot-3"])
    frames = LabelledFrames.of(manifest)

    training = training_frames(frames, manifest.holdout)

    assert len(training)
    assert set(frames.robot_F[training]) == {"robot-1", "robot-2"}
    others = np.setdiff1d(np.arange(len(frames.refs)), training)
    assert not set(frames.group_F[training]) & set(frames.group_F[others])


def tampered(manifest: Manifest, robot: str, only_frame: int | None) -> Manifest:
    return replace(
        manifest,
        examples=tuple(
            replace(row, split="train")
            if row.robot == robot and only_frame in (None, row.frame_index)
            else row
            for row in manifest.examples
        ),
    )


def test_a_leaking_robot_is_refused_whatever_the_manifest_says(world: SquareWorld) -> None:
    world.record(["robot-1", "robot-2"], scenes=6, steps=2)
    manifest = tampered(world.manifest("m", holdout=["robot-2"]), "robot-2", None)

    with pytest.raises(InvalidInput, match="robot-2"):
        training_frames(LabelledFrames.of(manifest), manifest.holdout)


def test_a_straddling_group_is_refused_twice(world: SquareWorld) -> None:
    world.record(["robot-1", "robot-2"], scenes=6, steps=2)
    manifest = world.manifest("m", holdout=["robot-2"])

    with pytest.raises(InvalidInput, match="pair-robot-2"):
        LabelledFrames.of(tampered(manifest, "robot-2", 0))

    frames = LabelledFrames.of(manifest)
    splits = frames.split_F.copy()
    splits[frames.of_split("train")[0]] = "validation"
    with pytest.raises(InvalidInput, match="pair-robot-1"):
        training_frames(replace(frames, split_F=splits), manifest.holdout)


def stored(world: SquareWorld, manifest: Manifest, recorder: Recorder) -> StoredLooks:
    frames = LabelledFrames.of(manifest)
    return StoredLooks(frames, CONFIG, world.workspace, recorder.progress)


def test_frames_are_decoded_once(world: SquareWorld, recorder: Recorder) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    manifest = world.manifest("m")
    frames = LabelledFrames.of(manifest)
    everything = np.arange(len(frames.refs))

    first = stored(world, manifest, recorder).whole(everything)
    decoded = len(recorder.fractions)
    second = stored(world, manifest, recorder).whole(everything)

    assert first.shape == (36, 3, CONFIG.kept_px, CONFIG.kept_px, 3)
    assert recorder.fractions[-1] == 1.0
    assert len(recorder.fractions) == decoded
    np.testing.assert_array_equal(first, second)
    shown_green = first[[ref.episode_id == "robot-1-green-000" for ref in frames.refs]]
    assert shown_green[..., 1].max() > 160


def test_a_new_label_decodes_what_is_new(
    world: SquareWorld, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    stored(world, world.manifest("first"), recorder)
    clip = world.episode("robot-1", "red", 9, steps=3)
    world.save(clip)
    world.label(clip, {"show-red": "success"})
    read: list[FrameRef] = []

    def counted(workspace: Workspace, refs: Sequence[FrameRef]) -> list[EncodedFrameSet]:
        read.extend(refs)
        return read_frames(workspace, refs)

    monkeypatch.setattr("sd_model.examples.dataset.read_frames", counted)
    stored(world, world.manifest("second"), recorder)

    assert {ref.episode_id for ref in read} == {"robot-1-red-009"}
    assert len(read) == 3


def test_a_torn_cache_is_mended(world: SquareWorld, recorder: Recorder) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    manifest = world.manifest("m")
    whole = stored(world, manifest, recorder).whole(np.arange(36))
    path = next(world.workspace.cache.glob("*/rows.bin"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    np.testing.assert_array_equal(stored(world, manifest, recorder).whole(np.arange(36)), whole)


def test_a_frame_without_a_camera_is_named(world: SquareWorld, recorder: Recorder) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    blind = world.episode("robot-1", "red", 9, kind="robot", cameras=("over_shoulder", "left"))
    world.save(blind)
    world.label(blind, {"show-red": "success"}, frame_index=3)

    with pytest.raises(InvalidInput, match=r"robot-1-red-009.*'right'.*unsure"):
        stored(world, world.manifest("m"), recorder)


def test_what_robots_say_of_their_grippers_is_kept(world: SquareWorld, recorder: Recorder) -> None:
    world.record(["robot-1"], scenes=3, steps=1)
    world.gripper = GripperReading(1.0, 0.5, 0.1, 0.2, 0.3)
    world.record(["robot-2"], scenes=3, steps=1)
    manifest = world.manifest("m")
    looks, robot_F = stored(world, manifest, recorder), LabelledFrames.of(manifest).robot_F

    assert np.isnan(looks.closed[robot_F == "robot-1"]).all()
    assert (looks.closed[robot_F == "robot-2"] == 1).all()
    np.testing.assert_allclose(looks.tips[robot_F == "robot-2"][0], [0.5, 0.1, 0.2])


def test_a_damaged_shard_is_named(world: SquareWorld, recorder: Recorder) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    manifest = world.manifest("m")
    shard = world.workspace.root / manifest.examples[0].shard
    shard.write_bytes(shard.read_bytes()[:500])

    with pytest.raises(CorruptData, match=shard.name):
        stored(world, manifest, recorder)


def test_a_full_disk_is_an_error_in_words(
    world: SquareWorld, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    manifest = world.manifest("m")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("data.episodes.frame_store.os.fsync", full)
        with pytest.raises(StorageFull, match="The disk is full"):
            stored(world, manifest, recorder)

    assert stored(world, manifest, recorder).whole(np.arange(36)).shape[0] == 36


def test_fingertips_and_place_are_where_the_robot_s_cameras_show_them() -> None:
    frames = LabelledFrames(
        refs=(), episode_F=np.array([]), robot_F=np.array(["robot-2", "robot-2", "unknown"]),
        group_F=np.array([]), split_F=np.array([]), shown_F=np.array([]),
        outcome_FT=np.zeros((3, 1), np.int8),
    )  # fmt: skip
    tip_F3 = np.array([[0.55, 0.1, 0.2], [np.nan] * 3, [0.55, 0.1, 0.2]], dtype=np.float32)
    robots = {robot.name: robot for robot in SIMULATED_FLEET}

    position_FMV2 = mark_positions(frames, tip_F3, robots)

    plate = np.array([0.59, 0.205, 0.005])  # of every simulated cell
    left = projections_of(robots["robot-2"])["left"]
    expected = project(left, np.stack([tip_F3[0], plate]))
    np.testing.assert_allclose(position_FMV2[0, :, 1], expected, rtol=1e-6)
    assert np.isnan(position_FMV2[1, 0]).all()  # its gripper is not known, its plate is
    np.testing.assert_allclose(position_FMV2[1, 1], position_FMV2[0, 1])
    assert np.isnan(position_FMV2[2]).all()
