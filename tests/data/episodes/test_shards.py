import errno
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.episodes import shards
from data.episodes.frames import CAMERAS
from data.episodes.shards import (
    FrameRef,
    merge_shards,
    read_frames,
    read_infos,
    read_shard,
    write_shard,
)
from data.errors import CorruptData, InvalidInput, StorageFull
from data.workspace import Workspace, open_workspace


def same(one, other) -> bool:
    return one.info == other.info and all(
        a.frames == b.frames
        and np.array_equal(a.state, b.state)
        and np.array_equal(a.gripper_pose, b.gripper_pose)
        and np.array_equal(a.action, b.action)
        and a.done == b.done
        for a, b in zip(one.steps, other.steps, strict=True)
    )


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def ref(workspace: Workspace, path: Path, episode, frame_index: int) -> FrameRef:
    shard = path.relative_to(workspace.root).as_posix()
    return FrameRef(shard, episode.info.episode_id, frame_index)


def test_episodes_come_back_as_they_were(workspace, make_episode) -> None:
    episodes = [
        make_episode(pair_id="scene"),
        make_episode("robot", steps=4, truth={"lift-any": True}),
        make_episode("robot", steps=1),
    ]
    path = write_shard(workspace, episodes)
    assert path.parent == workspace.episodes / "robot-1" / "2026-09-21"
    assert files_below(workspace.episodes) == [path.name]
    assert read_infos(path) == [episode.info for episode in episodes]
    read = read_shard(path)
    assert all(same(one, other) for one, other in zip(read, episodes, strict=True))
    assert set(read[1].steps[0].frames.jpegs) == {"over_shoulder"}
    assert set(read[1].steps[3].frames.jpegs) == set(CAMERAS)
    only = read_shard(path, [episodes[1].info.episode_id])
    assert len(only) == 1
    assert same(only[0], episodes[1])


def test_columns_follow_lerobot(workspace, make_episode) -> None:
    schema = pq.read_schema(write_shard(workspace, [make_episode("robot")]))
    assert schema.names == [
        "episode_id",
        "frame_index",
        "timestamp_ns.over_shoulder",
        "timestamp_ns.left",
        "timestamp_ns.right",
        "observation.images.over_shoulder",
        "observation.images.left",
        "observation.images.right",
        "observation.state",
        "observation.gripper_pose",
        "action",
        "next.done",
    ]
    assert (
        str(schema.field("observation.images.left").type) == "struct<bytes: binary, path: string>"
    )
    assert str(schema.field("timestamp_ns.left").type) == "int64"


def test_a_row_group_holds_one_episode_and_a_bounded_size(
    workspace, make_episode, monkeypatch
) -> None:
    episodes = [make_episode(steps=5), make_episode("robot", steps=2)]
    jpeg_bytes = sum(map(len, episodes[0].steps[0].frames.jpegs.values()))
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", jpeg_bytes + 1)  # closed by the second step
    path = write_shard(workspace, episodes)
    with pq.ParquetFile(path) as file:
        lengths = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert lengths == [2, 2, 1, 2]
    assert all(same(a, b) for a, b in zip(read_shard(path), episodes, strict=True))
    frames = read_frames(workspace, [ref(workspace, path, episodes[0], i) for i in (4, 0, 3)])
    assert frames == [episodes[0].steps[i].frames for i in (4, 0, 3)]


def test_the_footer_holds_no_image(workspace, make_episode) -> None:
    """Statistics of the image columns would put whole JPEGs into the part every reader loads."""
    path = write_shard(workspace, [make_episode()])
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(0)
        images = [
            group.column(i)
            for i in range(group.num_columns)
            if group.column(i).path_in_schema.endswith(".bytes")
        ]
    assert len(images) == 3
    assert not any(column.is_stats_set for column in images)


def test_frames_come_in_the_order_asked_for(workspace, make_episode) -> None:
    one, two = make_episode(), make_episode("robot", robot="robot-2")
    paths = [write_shard(workspace, [one]), write_shard(workspace, [two])]
    asked = [(two, 2), (one, 1), (two, 0), (one, 1)]
    refs = [ref(workspace, paths[episode is two], episode, index) for episode, index in asked]
    assert read_frames(workspace, refs) == [episode.steps[index].frames for episode, index in asked]
    with pytest.raises(InvalidInput, match="Frame 3 does not exist"):
        read_frames(workspace, [ref(workspace, paths[0], one, 3)])
    with pytest.raises(InvalidInput, match="no episode 'nobody'"):
        read_shard(paths[0], ["nobody"])


@pytest.mark.parametrize("mixture", ["none", "two robots", "twice"])
def test_what_belongs_in_no_shard_is_refused(workspace, make_episode, mixture) -> None:
    one = make_episode()
    episodes = {"none": [], "two robots": [one, make_episode(robot="robot-2")], "twice": [one, one]}
    with pytest.raises(InvalidInput):
        write_shard(workspace, episodes[mixture])
    assert files_below(workspace.episodes) == []


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_an_image(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.find(b"\xff\xd8\xff") + 40] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage", [truncate, flip_an_image, lambda path: path.write_bytes(b""), Path.unlink]
)
def test_a_damaged_shard_is_named(workspace, make_episode, damage) -> None:
    episode = make_episode()
    path = write_shard(workspace, [episode])
    damage(path)
    with pytest.raises(CorruptData, match="goalpost data rebuild") as caught:
        read_shard(path)
    assert caught.value.where == str(path)
    with pytest.raises(CorruptData):
        read_frames(workspace, [ref(workspace, path, episode, 0)])


def test_someone_elses_parquet_is_no_shard(workspace, make_episode) -> None:
    path = write_shard(workspace, [make_episode()])
    table = pq.read_table(path).replace_schema_metadata(None)
    pq.write_table(table, path)
    with pytest.raises(CorruptData):
        read_infos(path)


def test_a_write_that_fails_leaves_nothing(workspace, make_episode, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="cache"):
        write_shard(workspace, [make_episode()])
    assert files_below(workspace.episodes) == []


def test_a_full_disk_leaves_nothing_half_written(mount_small_disk, make_episode) -> None:
    with mount_small_disk("64k") as disk:
        workspace = open_workspace(disk.folder / "workspace")
        kept = make_episode()
        path = write_shard(workspace, [kept])
        with pytest.raises(StorageFull):
            write_shard(workspace, [make_episode(steps=60)])
        assert files_below(workspace.episodes) == [path.name]
        assert same(read_shard(path)[0], kept)


def test_merging_keeps_every_episode_once(workspace, make_episode) -> None:
    one, two, three = make_episode(), make_episode("robot"), make_episode(steps=5)
    paths = [write_shard(workspace, some) for some in ([two, one], [one, three])]
    merged = merge_shards(workspace, paths)
    assert merged not in paths
    read = read_shard(merged)
    assert all(same(a, b) for a, b in zip(read, [one, two, three], strict=True))


def test_a_shard_from_before_gripper_poses_is_read_and_merged(workspace, make_episode) -> None:
    old, new = make_episode("robot"), make_episode("robot")
    paths = [write_shard(workspace, [each]) for each in (old, new)]
    table = pq.read_table(paths[0])
    pq.write_table(table.drop_columns("observation.gripper_pose"), paths[0])
    (read,) = read_shard(paths[0])
    assert read.steps[0].gripper_pose is None
    merged = read_shard(merge_shards(workspace, paths))
    assert [each.steps[1].gripper_pose is None for each in merged] == [True, False]
    assert merged[1].steps[1].gripper_pose.tolist() == [0.5, -0.125, 0.125, 1.0]


def test_episodes_are_found_after_their_shard_was_merged(workspace, make_episode) -> None:
    one, two = make_episode(), make_episode()
    paths = [write_shard(workspace, [episode]) for episode in (one, two)]
    refs = [ref(workspace, paths[0], one, 1), ref(workspace, paths[1], two, 2)]
    merge_shards(workspace, paths)
    for path in paths:
        path.unlink()
    assert read_frames(workspace, refs) == [one.steps[1].frames, two.steps[2].frames]
    assert same(read_shard(paths[1], [two.info.episode_id])[0], two)
    with pytest.raises(CorruptData, match="missing"):
        read_shard(paths[1], ["nobody"])
