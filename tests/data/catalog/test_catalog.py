import os
import subprocess
import sys
import threading
import time

import duckdb
import pytest
from filelock import FileLock

from data.catalog import catalog as catalog_module
from data.catalog import schema as catalog_schema
from data.catalog.catalog import Catalog, DamagedCatalog, rebuild
from data.catalog.engine import AttachedFile
from data.episodes.index import list_episodes, save_episodes
from data.errors import IndexMissing, StorageFull, WorkspaceBusy, WorkspaceTooNew
from data.labels.labels import append_labels, label_history, standing_labels, undo_label
from data.workspace import open_workspace


def test_a_transaction_is_kept_whole_or_not_at_all(catalog) -> None:
    with catalog.transaction() as transaction:
        transaction.execute_many(
            "INSERT INTO shards (path, episode_count) VALUES (?, ?)", [("a", 1), ("b", 2)]
        )

    def fail() -> None:
        with catalog.transaction() as transaction:
            transaction.execute("DELETE FROM shards")
            raise KeyError("in the middle")

    with pytest.raises(KeyError):
        fail()
    with catalog.transaction() as transaction:
        rows = transaction.rows("SELECT path, episode_count FROM shards ORDER BY path")
    assert rows == [{"path": "a", "episode_count": 1}, {"path": "b", "episode_count": 2}]


@pytest.mark.parametrize("count", [3, 250])
def test_insert_new_keeps_the_first_of_two_alike(catalog, count) -> None:
    """Few rows and many rows take different ways into DuckDB."""
    rows = [(f"shard-{number}", number, None) for number in range(count)]
    with catalog.transaction() as transaction:
        transaction.insert_new("shards", ("path", "episode_count", "day"), [("shard-1", 99, None)])
        transaction.insert_new("shards", ("path", "episode_count", "day"), rows)
        found = transaction.rows("SELECT path, episode_count, day FROM shards")
    expected = {name: number for name, number, _ in rows} | {"shard-1": 99}
    assert {row["path"]: row["episode_count"] for row in found} == expected
    assert {row["day"] for row in found} == {None}


def test_making_a_catalog_opens_nothing(catalog, monkeypatch) -> None:
    """Pages make one on every rerun."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(duckdb, "connect", refuse)
    Catalog(catalog.workspace)


def test_reading_does_not_look_like_a_change(catalog) -> None:
    """Pages read again when the file has changed; their own reading must not change it."""
    list_episodes(catalog)
    before = catalog.workspace.catalog_path.stat()
    assert list_episodes(catalog) == []
    after = catalog.workspace.catalog_path.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


def test_one_at_a_time(catalog) -> None:
    inside = []
    overlaps = []

    def work() -> None:
        for _ in range(5):
            with Catalog(catalog.workspace).transaction():
                inside.append(1)
                overlaps.append(len(inside))
                time.sleep(0.002)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == [1] * 20


def test_waiting_too_long_says_so(catalog) -> None:
    impatient = Catalog(catalog.workspace, timeout_s=0.1)
    with catalog.transaction(), pytest.raises(WorkspaceBusy, match=r"over 0\.1 s"):
        list_episodes(impatient)


def test_whoever_waits_gets_its_turn(catalog) -> None:
    """A process that lets go and asks again at once must not shut the others out."""
    stop = threading.Event()
    turns = 0

    def hog() -> None:
        nonlocal turns
        while not stop.is_set():
            with catalog.transaction():
                turns += 1
                time.sleep(0.02)

    thread = threading.Thread(target=hog)
    thread.start()
    try:
        for _ in range(5):
            list_episodes(Catalog(catalog.workspace, timeout_s=60))
        assert turns < 100
    finally:
        stop.set()
        thread.join()


def test_a_newer_catalog_is_left_alone(catalog) -> None:
    with catalog.transaction() as transaction:
        transaction.execute("UPDATE catalog_state SET schema_version = 99")
    before = catalog.workspace.catalog_path.read_bytes()
    with pytest.raises(WorkspaceTooNew, match="schema 99"):
        list_episodes(Catalog(catalog.workspace))
    assert catalog.workspace.catalog_path.read_bytes() == before


def test_an_older_catalog_is_migrated_and_keeps_its_rows(
    catalog, make_episode, monkeypatch
) -> None:
    save_episodes(catalog, [make_episode()])
    monkeypatch.setattr(
        catalog_module,
        "MIGRATIONS",
        (*catalog_schema.MIGRATIONS, "ALTER TABLE shards ADD COLUMN note VARCHAR DEFAULT 'new';"),
    )
    monkeypatch.setattr(catalog_module, "SCHEMA", catalog_schema.SCHEMA + 1)
    with catalog.transaction() as transaction:
        assert transaction.rows("SELECT note FROM shards") == [{"note": "new"}]
    assert len(list_episodes(catalog)) == 1


@pytest.fixture
def filled(catalog, make_episode, make_label):
    """A catalog with two episodes of two robots, and two labels of which one is undone."""
    episodes = [make_episode(), make_episode("robot", robot="robot-2", truth={"lift-any": False})]
    for episode in episodes:
        save_episodes(catalog, [episode])
    labels = [make_label(episodes[0]), make_label(episodes[1], "failure")]
    append_labels(catalog, labels)
    undo_label(catalog, labels[0].label_id, by="bo", at_ns=1)
    return catalog


def everything(catalog):
    return list_episodes(catalog), standing_labels(catalog), label_history(catalog)


def delete(path) -> None:
    path.unlink()


def empty(path) -> None:
    path.write_bytes(b"")


def overwrite(path) -> None:
    path.write_bytes(os.urandom(4096) + path.read_bytes()[4096:])


def halve(path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [delete, empty, overwrite])
def test_a_lost_or_damaged_catalog_fills_itself_again(filled, damage) -> None:
    before = everything(filled)
    assert [len(part) for part in before] == [2, 1, 3]
    damage(filled.workspace.catalog_path)
    assert everything(Catalog(filled.workspace)) == before


def test_damage_that_shows_in_mid_transaction_is_gone_at_the_next(filled) -> None:
    path = filled.workspace.catalog_path
    before = everything(filled)
    halve(path)
    with pytest.raises(DamagedCatalog, match="Try again"):
        everything(filled)
    assert everything(filled) == before
    assert path.with_suffix(".damaged").exists()


def test_rebuilding_loses_nothing(filled) -> None:
    before = everything(filled)
    assert everything(rebuild(filled.workspace)) == before
    assert everything(filled) == before


def test_a_damaged_shard_does_not_stop_a_rebuild(filled) -> None:
    episodes = list_episodes(filled)
    (filled.workspace.root / episodes[0].shard).write_bytes(b"PAR1 nonsense")
    assert list_episodes(rebuild(filled.workspace)) == episodes[1:]


def test_another_program_that_holds_the_file_is_named(catalog) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(catalog.workspace.catalog_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        other.stdout.readline()
        with pytest.raises(WorkspaceBusy, match="Another program"):
            list_episodes(catalog)
    finally:
        other.communicate(b"\n")
    assert list_episodes(catalog) == []


def test_a_killed_process_leaves_no_lock(catalog) -> None:
    code = f"""
import time
from pathlib import Path
from data.catalog.catalog import Catalog
from data.workspace import open_workspace
with Catalog(open_workspace(Path({str(catalog.workspace.root)!r}))).transaction() as transaction:
    transaction.execute("INSERT INTO shards (path) VALUES ('unfinished')")
    print("inside", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    with Catalog(catalog.workspace, timeout_s=2).transaction() as transaction:
        assert transaction.rows("SELECT * FROM shards") == []


def test_a_full_disk_keeps_what_was_there(mount_small_disk) -> None:
    with mount_small_disk("3m") as disk:
        catalog = Catalog(open_workspace(disk.folder / "workspace"))
        kept = 0

        def fill() -> None:
            nonlocal kept
            while kept < 30:
                rows = [(f"{kept}-{row}", os.urandom(500).hex()) for row in range(300)]
                with catalog.transaction() as transaction:
                    transaction.insert_new("shards", ("path", "day"), rows)
                kept += 1

        with pytest.raises(StorageFull, match="Free some space"):
            fill()
        assert kept > 0
        with catalog.transaction() as transaction:
            assert transaction.rows("SELECT count(*) AS n FROM shards") == [{"n": 300 * kept}]


def test_the_lock_is_a_file_lock_that_other_programs_can_respect(catalog) -> None:
    impatient = Catalog(catalog.workspace, timeout_s=0.05)
    with FileLock(catalog.workspace.root / "catalog.lock"), pytest.raises(WorkspaceBusy):
        list_episodes(impatient)


def test_the_index_of_a_large_workspace_is_never_filled_in_passing(filled, monkeypatch) -> None:
    before = everything(filled)
    filled.workspace.catalog_path.unlink()
    monkeypatch.setattr("data.catalog.catalog.is_large", lambda workspace: True)
    with pytest.raises(IndexMissing, match="filled anew"):
        list_episodes(filled)
    assert not filled.workspace.catalog_path.exists()
    told: list[float] = []
    assert everything(rebuild(filled.workspace, lambda share, what: told.append(share))) == before
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_rebuild_takes_in_what_was_written_meanwhile(
    filled, monkeypatch, make_episode, make_label
) -> None:
    """The old index answers and is written to until the new one takes its place."""
    late = make_episode()

    def meanwhile(share: float, what: str) -> None:
        if share == 1:
            save_episodes(filled, [late])
            append_labels(filled, [make_label(late, frame_index=None)])

    again = rebuild(filled.workspace, meanwhile)
    assert late.info in [each.info for each in list_episodes(again)]
    assert late.info.episode_id in {each.episode_id for each in standing_labels(again)}


def test_on_a_full_disk_labels_that_wait_for_the_index_are_seen(
    catalog, make_episode, make_label, monkeypatch
) -> None:
    episode = make_episode()
    save_episodes(catalog, [episode])
    label = make_label(episode)
    append_labels(catalog, [label])
    attach = Catalog._attach

    def full(self: Catalog, lag_bytes: float) -> AttachedFile:
        if lag_bytes < float("inf"):
            raise StorageFull("The disk is full.")
        return attach(self, lag_bytes)

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "_attach", full)
        assert standing_labels(catalog) == [label]
        assert standing_labels(catalog) == [label]
    assert standing_labels(catalog) == [label]
