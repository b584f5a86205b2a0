from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from data.episodes.frame_store import FrameStore
from data.errors import CorruptData, StorageFull

KIND = np.dtype([("number", np.int32), ("letter", "S1")])
CONTENT = {"a": [1, 2, 3], "b": [4], "c": [5, 6]}


class Maker:
    """Rows of known content; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, missing: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for name in missing:
            self.asked.append(name)
            rows = np.array([(number, name) for number in CONTENT[name]], dtype=KIND)
            yield name, rows.tobytes()


def numbers(store: FrameStore, names: Sequence[str], make: Maker) -> dict[str, list[int]]:
    rows, span_of = store.rows(names, make)
    return {name: rows["number"][span].tolist() for name, span in span_of.items()}


def test_each_is_made_once_and_found_again(tmp_path: Path) -> None:
    make = Maker()
    assert numbers(FrameStore(tmp_path / "s", KIND), ["b", "a"], make) == {"b": [4], "a": [1, 2, 3]}
    assert numbers(FrameStore(tmp_path / "s", KIND), ["a", "c", "b"], make) == CONTENT
    assert make.asked == ["b", "a", "c"]


def test_what_is_not_made_is_not_there_and_asked_for_again(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "s", KIND)
    rows, span_of = store.rows(["a"])
    assert (len(rows), span_of) == (0, {})
    assert not (tmp_path / "s" / "rows.bin").exists()
    assert numbers(store, ["a"], Maker()) == {"a": [1, 2, 3]}


def test_what_was_made_before_an_error_is_kept(tmp_path: Path) -> None:
    def broken(missing: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        yield from Maker()(missing[:1])
        raise CorruptData("One of them cannot be read.")

    store = FrameStore(tmp_path / "s", KIND)
    with pytest.raises(CorruptData):
        store.rows(["a", "b"], broken)
    make = Maker()
    assert numbers(store, ["a", "b"], make) == {"a": [1, 2, 3], "b": [4]}
    assert make.asked == ["b"]


@pytest.mark.parametrize("bytes_left", [0, 1, 16, 21])
def test_rows_that_were_cut_off_are_made_again(tmp_path: Path, bytes_left: int) -> None:
    store = FrameStore(tmp_path / "s", KIND)
    store.rows(["a", "b", "c"], Maker())
    path = tmp_path / "s" / "rows.bin"
    assert path.stat().st_size == int(1.25 * 6) * KIND.itemsize == 35
    path.write_bytes(path.read_bytes()[:bytes_left])
    make = Maker()
    assert numbers(store, ["a", "b", "c"], make) == CONTENT
    # The three rows of `a` take 15 bytes, and `b` ends at 20.
    assert make.asked == {0: [*"abc"], 1: [*"abc"], 16: [*"bc"], 21: ["c"]}[bytes_left]


@pytest.mark.parametrize("content", [b"", b"[[", b"{}", b'["a:0", "a:1"]', b"[1]", b'[["a", "x"]]'])
def test_an_index_that_says_nothing_begins_anew_beside_those_who_read(
    tmp_path: Path, content: bytes
) -> None:
    store = FrameStore(tmp_path / "s", KIND)
    rows, span_of = store.rows(["a", "b"], Maker())
    (tmp_path / "s" / "index.json").write_bytes(content)
    assert numbers(store, ["c", "a"], Maker()) == {"c": [5, 6], "a": [1, 2, 3]}
    assert rows["number"][span_of["a"]].tolist() == [1, 2, 3]


def test_a_full_disk_is_told_and_nothing_of_it_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FrameStore(tmp_path / "s", KIND)
    store.rows(["a"], Maker())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("data.episodes.frame_store.os.fsync", full)
        with pytest.raises(StorageFull, match="The disk is full"):
            store.rows(["b"], Maker())
    make = Maker()
    assert numbers(store, ["a", "b"], make) == {"a": [1, 2, 3], "b": [4]}
    assert make.asked == ["b"]


def test_many_additions_hold_few_files_open(tmp_path: Path) -> None:
    kind = np.dtype([("number", np.int32)])
    store = FrameStore(tmp_path / "s", kind)
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = []
    for number in range(60):
        name, content = str(number), np.full(3, number, np.int32).tobytes()
        rows, span_of = store.rows([name], lambda missing, found=(name, content): [found])
        held.append(rows["number"][span_of[name]])
    assert [each.tolist() for each in held] == [[number] * 3 for number in range(60)]
    # The file grows some 19 times: 3 * 1.25^19 is above 180.
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 25
    assert (tmp_path / "s" / "rows.bin").stat().st_size <= 1.25 * 180 * kind.itemsize


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "s", KIND)
    store.rows(["a"], Maker())
    with (tmp_path / "s" / "rows.bin").open("ab") as file:
        file.write(b"half of something")
    assert numbers(store, ["b", "a"], Maker()) == {"b": [4], "a": [1, 2, 3]}


FILLING = """
import sys
from pathlib import Path
import numpy as np
from data.episodes.frame_store import FrameStore

kind = np.dtype([("number", np.int32)])
for number in range(50):
    FrameStore(Path(sys.argv[1]), kind).rows(
        [str(number)], lambda missing: [(str(number), np.full(3, number, np.int32).tobytes())]
    )
"""


def test_several_processes_fill_one_store(tmp_path: Path) -> None:
    fillers = [
        subprocess.Popen([sys.executable, "-c", FILLING, str(tmp_path / "s")]) for _ in range(2)
    ]
    assert [filler.wait() for filler in fillers] == [0, 0]
    rows, span_of = FrameStore(tmp_path / "s", np.dtype([("number", np.int32)])).rows(
        [str(number) for number in range(50)]
    )
    assert rows["number"].shape == (150,)
    assert all((rows["number"][span] == int(name)).all() for name, span in span_of.items())
    assert len(span_of) == 50
