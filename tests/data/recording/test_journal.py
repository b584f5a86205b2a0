import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from data.episodes.frames import EncodedFrameSet
from data.errors import CorruptData, GoalpostError, StorageFull, UnknownName
from data.recording.journal import (
    MOST_WAITING,
    Journal,
    JournalHeader,
    count_frames,
    find_journal,
    list_journals,
    read_header,
    remove_journal,
    stream_frames,
)
from data.workspace import Workspace


def header(recording_id: str = "clip-1") -> JournalHeader:
    return JournalHeader(
        recording_id=recording_id,
        robot="robot-1",
        behaviour="person",
        task="lift-carrot",
        outcome="success",
        pair_id="pair-1",
        by="ann",
        started_at_ns=7,
    )


def frame_set(number: int) -> EncodedFrameSet:
    return EncodedFrameSet(
        jpegs={"left": bytes([number]) * 100}, timestamps_ns={"left": 200_000_000 * number}
    )


def written(workspace: Workspace, count: int = 3) -> Path:
    journal = Journal(workspace, header())
    for number in range(count):
        assert journal.append(frame_set(number))
    journal.close()
    return journal.folder


def test_what_was_appended_is_read_back_in_order(workspace: Workspace) -> None:
    folder = written(workspace)
    assert read_header(folder) == header()
    assert list(stream_frames(folder)) == [frame_set(0), frame_set(1), frame_set(2)]
    assert count_frames(folder) == 3


def test_a_torn_record_at_the_end_is_ignored(workspace: Workspace) -> None:
    folder = written(workspace)
    path = folder / "frames.journal"
    whole = path.read_bytes()
    third = len(whole) // 3
    for cut in (2 * third + 1, 2 * third + 8, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert list(stream_frames(folder)) == [frame_set(0), frame_set(1)]


def test_a_damaged_record_ends_the_reading(workspace: Workspace) -> None:
    folder = written(workspace)
    path = folder / "frames.journal"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert list(stream_frames(folder)) == [frame_set(0)]


def test_a_full_disk_keeps_what_was_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(workspace, header())
    journal.append(frame_set(0))
    deadline_s = time.monotonic() + 5
    while count_frames(journal.folder) < 1 and time.monotonic() < deadline_s:
        time.sleep(0.01)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    journal.append(frame_set(1))
    with pytest.raises(StorageFull, match="disk is full"):
        journal.close()
    with pytest.raises(StorageFull):
        journal.append(frame_set(2))
    assert next(stream_frames(journal.folder)) == frame_set(0)


def test_another_fault_of_the_disk_is_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(workspace, header())

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    journal.append(frame_set(0))
    with pytest.raises(GoalpostError, match="Input/output error"):
        journal.close()


def test_a_slow_disk_never_blocks_and_drops_only_when_far_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    turning, may_go_on = threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        turning.set()
        may_go_on.wait(10)

    journal = Journal(workspace, header())
    monkeypatch.setattr(os, "fsync", slow)
    journal.append(frame_set(0))
    assert turning.wait(10)
    assert all(journal.append(frame_set(1)) for _ in range(MOST_WAITING))
    assert not journal.append(frame_set(2))
    may_go_on.set()
    journal.close()
    assert count_frames(journal.folder) == 1 + MOST_WAITING


def test_a_killed_process_leaves_its_frames(workspace: Workspace, tmp_path: Path) -> None:
    """Frames come every 50 ms; whatever was appended 0.5 s before the kill must be there."""
    code = """
import os, signal, sys, time
from pathlib import Path
from data.episodes.frames import EncodedFrameSet
from data.recording.journal import Journal, JournalHeader
from data.workspace import open_workspace
journal = Journal(open_workspace(Path(sys.argv[1])), JournalHeader(recording_id="killed",
    robot="robot-1", behaviour="person", task="lift-any", outcome="failure", pair_id=None, by="ann",
    started_at_ns=1))
for number in range(20):
    journal.append(EncodedFrameSet(jpegs={"left": b"x" * 1000}, timestamps_ns={"left": number}))
    time.sleep(0.05)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code, str(workspace.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [left.recording_id for left in list_journals(workspace)] == ["killed"]
    assert count_frames(workspace.journals / "killed") >= 10


def test_removing_and_finding(workspace: Workspace) -> None:
    folder = written(workspace)
    assert find_journal(workspace, "clip-1") == folder
    remove_journal(folder)
    assert list_journals(workspace) == []
    with pytest.raises(UnknownName, match="kept or dropped already"):
        find_journal(workspace, "clip-1")


def test_a_half_removed_journal_is_gone(workspace: Workspace) -> None:
    folder = written(workspace)
    half = folder.rename(folder.with_name(f".removed-{folder.name}"))
    assert list_journals(workspace) == []
    assert not half.exists()


def test_a_damaged_header_hides_no_other_recording(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(workspace)
    Journal(workspace, header("clip-2")).close()
    (folder / "header.json").write_text("{")
    assert [left.recording_id for left in list_journals(workspace)] == ["clip-2"]
    assert "header.json" in caplog.text
    with pytest.raises(CorruptData, match="header"):
        read_header(folder)
