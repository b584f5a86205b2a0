from __future__ import annotations

import multiprocessing
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from data.catalog import engine
from data.catalog.engine import AttachedFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a table of one row."""
    path = tmp_path / "it's.duckdb"
    with closing(AttachedFile(path)) as file:
        file.connection.execute("CREATE TABLE numbers AS SELECT 1 AS number")
    return path


def _numbers(path: Path) -> list[int]:
    with closing(AttachedFile(path)) as file:
        rows = file.connection.execute("FROM numbers ORDER BY number").fetchall()
    return [number for (number,) in rows]


def _insert(path: Path, number: int) -> None:
    with closing(AttachedFile(path)) as file:
        file.connection.execute("INSERT INTO numbers VALUES (?)", [number])


def test_a_closed_file_is_free_for_other_processes(path) -> None:
    code = (
        "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('INSERT INTO numbers VALUES (2)')"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert _numbers(path) == [1, 2]
    assert not path.with_name(f"{path.name}.wal").exists()


def test_what_was_not_committed_is_taken_back(path) -> None:
    with closing(AttachedFile(path)) as file:
        file.connection.execute("BEGIN")
        file.connection.execute("INSERT INTO numbers VALUES (2)")
        with pytest.raises(duckdb.CatalogException):
            file.connection.execute("SELECT * FROM nothing")
    assert _numbers(path) == [1]


def test_two_files_are_open_at_once_and_kept_apart(path, tmp_path) -> None:
    with closing(AttachedFile(path)) as one, closing(AttachedFile(tmp_path / "two")) as two:
        two.connection.execute("CREATE TABLE numbers AS SELECT 7 AS number")
        one.connection.execute("CREATE TEMP TABLE mine AS FROM numbers")
        with pytest.raises(duckdb.CatalogException):
            two.connection.execute("FROM mine")
    assert (_numbers(path), _numbers(tmp_path / "two")) == ([1], [7])


def test_duckdb_is_begun_once(path, monkeypatch) -> None:
    monkeypatch.setattr(duckdb, "connect", None)
    assert _numbers(path) == [1]


def test_a_forked_process_begins_its_own(path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_insert, args=(path, 2))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert _numbers(path) == [1, 2]


def test_a_file_that_cannot_be_opened_spoils_nothing(path, tmp_path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"nonsense" * 1000)
    with pytest.raises(duckdb.IOException):
        AttachedFile(damaged)
    assert _numbers(path) == [1]


def test_duckdb_is_begun_anew_once_it_has_failed_for_good(path) -> None:
    file = AttachedFile(path)
    engine._engine().close()
    file.close()
    assert _numbers(path) == [1]
