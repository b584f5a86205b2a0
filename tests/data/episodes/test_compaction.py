import os
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
from filelock import FileLock

from data.catalog.catalog import rebuild
from data.catalog.indexing import shard_files
from data.episodes import compaction, shards
from data.episodes.compaction import adopt_shards, compact
from data.episodes.index import list_episodes, load_episode, save_episodes
from data.episodes.shards import merge_shards, write_shard
from data.errors import WorkspaceBusy


class Crash(Exception):
    """Stands for the process being killed at this point."""


def crash(*args: object) -> None:
    raise Crash


@pytest.fixture
def episodes(catalog, make_episode):
    """Five episodes in five shards: three of robot-1, two of robot-2."""
    made = [make_episode() for _ in range(3)] + [make_episode(robot="robot-2") for _ in range(2)]
    for episode in made:
        save_episodes(catalog, [episode])
    return made


def check_all_there(catalog, episodes) -> None:
    assert [each.info for each in list_episodes(catalog)] == [each.info for each in episodes]
    for episode in episodes:
        loaded = load_episode(catalog, episode.info.episode_id)
        assert [step.frames for step in loaded.steps] == [step.frames for step in episode.steps]


def test_small_shards_of_one_robot_and_day_become_one(catalog, episodes) -> None:
    done = compact(catalog)
    assert (len(done.merged), len(done.deleted), done.damaged) == (2, 5, ())
    assert shard_files(catalog.workspace) == sorted(done.merged)
    check_all_there(catalog, episodes)
    again = compact(catalog)
    assert (again.merged, again.deleted) == ((), ())
    check_all_there(rebuild(catalog.workspace), episodes)


def test_a_reader_finds_what_is_merged_away_before_its_eyes(catalog, episodes, monkeypatch) -> None:
    """The shard goes between finding and opening it."""
    find = shards._holders
    looked = []

    def find_and_compact(*arguments):
        found = find(*arguments)
        if not looked:
            compact(catalog)
        looked.append(found)
        return found

    monkeypatch.setattr(shards, "_holders", find_and_compact)
    loaded = load_episode(catalog, episodes[0].info.episode_id)
    assert len(loaded.steps) == len(episodes[0].steps)
    assert len(looked) == 2
    shard = list_episodes(catalog)[3].shard
    looked.clear()
    save_episodes(catalog, [replace(episodes[3], info=replace(episodes[3].info, episode_id="x"))])
    ref = shards.FrameRef(shard, episodes[3].info.episode_id, 0)
    assert shards.read_frames(catalog.workspace, [ref]) == [episodes[3].steps[0].frames]


def test_days_stay_apart(catalog, make_episode) -> None:
    day_ns = 86_400 * 10**9
    save_episodes(catalog, [make_episode(at_ns=day_ns)])
    save_episodes(catalog, [make_episode(at_ns=2 * day_ns)])
    assert compact(catalog).merged == ()


def test_large_shards_are_left_and_merged_ones_bounded(catalog, episodes) -> None:
    sizes = [path.stat().st_size for path in shard_files(catalog.workspace)]
    assert compact(catalog, small_bytes=min(sizes)).merged == ()
    done = compact(catalog, target_bytes=2 * max(sizes))
    assert len(done.merged) == 2
    assert len(shard_files(catalog.workspace)) == 3
    check_all_there(catalog, episodes)


def test_merged_shards_hold_few_enough_episodes_to_be_read_quickly(catalog, make_episode) -> None:
    episodes = [make_episode(at_ns=number) for number in range(7)]
    for episode in episodes[:6]:
        save_episodes(catalog, [episode])

    def counts() -> list[int]:
        paths = shard_files(catalog.workspace)
        assert [len(shards.read_infos(path)) for path in paths] == list(
            map(shards.episode_count, paths)
        )
        return [shards.episode_count(path) for path in paths]

    compact(catalog, most_episodes=4)
    assert counts() == [4, 2]
    assert compact(catalog, most_episodes=4).merged == ()
    save_episodes(catalog, episodes[6:])
    compact(catalog, most_episodes=4)
    assert counts() == [4, 3]
    assert compact(catalog, most_episodes=4).merged == ()
    check_all_there(catalog, episodes)


def test_a_shard_under_another_name_is_counted_by_reading_it(catalog, episodes) -> None:
    original = shard_files(catalog.workspace)[0]
    renamed = original.replace(original.with_name("restored.parquet"))
    assert shards.episode_count(renamed) == 1


def test_a_crash_before_the_index_is_moved_changes_nothing(catalog, episodes, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(compaction, "read_infos", crash)
        with pytest.raises(Crash):
            compact(catalog)
    assert len(shard_files(catalog.workspace)) == 6
    check_all_there(catalog, episodes)
    check_all_there(rebuild(catalog.workspace), episodes)
    compact(catalog)
    assert len(shard_files(catalog.workspace)) == 2
    check_all_there(catalog, episodes)


def test_a_crash_before_the_old_shards_are_deleted_shows_nothing_twice(
    catalog, episodes, monkeypatch
) -> None:
    compaction._merge(catalog, shard_files(catalog.workspace)[:3])
    assert len(shard_files(catalog.workspace)) == 6
    check_all_there(catalog, episodes)
    check_all_there(rebuild(catalog.workspace), episodes)
    compact(catalog)
    assert len(shard_files(catalog.workspace)) == 2
    check_all_there(catalog, episodes)


def test_a_damaged_shard_is_reported_and_left_alone(catalog, episodes) -> None:
    damaged = shard_files(catalog.workspace)[1]
    os.truncate(damaged, damaged.stat().st_size - 100)
    done = compact(catalog)
    assert [error.where for error in done.damaged] == [str(damaged)]
    assert damaged.exists()
    assert len(done.deleted) == 4
    for episode in (*episodes[:1], *episodes[2:]):
        load_episode(catalog, episode.info.episode_id)


def test_what_a_crash_left_unindexed_is_adopted(catalog, make_episode) -> None:
    episode = make_episode()
    write_shard(catalog.workspace, [episode])
    assert list_episodes(catalog) == []
    assert adopt_shards(catalog) == []
    check_all_there(catalog, [episode])


def test_a_copy_of_a_damaged_shard_takes_its_place(catalog, episodes) -> None:
    """Someone restores a lost shard from a backup under another name: it must not be deleted."""
    original = shard_files(catalog.workspace)[0]
    backup = original.read_bytes()
    original.write_bytes(b"")
    original.with_name("restored.parquet").write_bytes(backup)
    assert adopt_shards(catalog) == []
    check_all_there(catalog, episodes)
    compact(catalog)
    check_all_there(catalog, episodes)


def test_only_one_at_a_time(catalog, episodes) -> None:
    with (
        FileLock(catalog.workspace.root / "compaction.lock"),
        pytest.raises(WorkspaceBusy, match="under way"),
    ):
        compact(catalog, wait_s=0.05)


def test_a_compaction_and_a_rebuild_wait_for_each_other(catalog, episodes) -> None:
    lock = FileLock(catalog.workspace.root / "compaction.lock", thread_local=False)
    with lock, ThreadPoolExecutor() as pool:
        waiting = [pool.submit(compact, catalog), pool.submit(rebuild, catalog.workspace)]
        assert wait(waiting, timeout=0.2).done == set()
        lock.release()
        for each in waiting:
            each.result()
    check_all_there(catalog, episodes)


def test_frames_stay_where_their_references_say(catalog, episodes) -> None:
    """A frozen manifest names shards that compaction has merged since."""
    from data.episodes.shards import FrameRef, read_frames

    before = list_episodes(catalog)
    compact(catalog)
    refs = [FrameRef(each.shard, each.info.episode_id, 1) for each in before]
    assert read_frames(catalog.workspace, refs) == [each.steps[1].frames for each in episodes]


def test_merging_by_hand_twice_is_harmless(catalog, episodes) -> None:
    paths = shard_files(catalog.workspace)[:3]
    assert merge_shards(catalog.workspace, paths) == merge_shards(catalog.workspace, paths)
