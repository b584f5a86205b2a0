"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from threading import Thread

import pytest

from data.errors import StorageFull
from data.storage import full_disk_is_an_error, write_atomically


def test_content_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["file.json"], "no temporary file stays"


def test_threads_that_write_one_file_do_not_take_each_others_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    fsync = os.fsync

    def while_another_writes(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        other = Thread(target=write_atomically, args=(path, b"other"))
        other.start()
        other.join()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", while_another_writes)
    write_atomically(path, b"one")
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


def test_a_full_disk_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match=r"The disk is full.*file\.json.*Free some space"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), full_disk_is_an_error(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
