"""The catalog: a DuckDB index of episodes and labels that several processes share.

The file is opened for one short transaction at a time, under a lock, because DuckDB lets only one
process open it. Everything in it can be read again from shards and the log of labels, so a catalog
that is missing or damaged is filled anew, and what a crash kept out of it is caught up with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from data.catalog_schema import MIGRATIONS, SCHEMA
from data.errors import CorruptData, StorageFull, WorkspaceBusy, WorkspaceError, WorkspaceTooNew
from data.indexing import index_all_shards, index_labels, log_size
from data.workspace import Workspace

_POLL_S = 0.005
_BULK_ROWS = 100
"""From this many rows on, handing DuckDB an Arrow table is quicker than single inserts."""


_DAMAGE = ("not a valid DuckDB", "orrupt", "eserializ", "Could not read enough bytes")
"""What DuckDB's message says of a file it cannot make sense of; it has no error type for that."""


class DamagedCatalog(CorruptData):
    """The index could not be read. It holds no truth of its own, so nothing is lost."""


class Transaction:
    """One open transaction; made by `Catalog.transaction`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        self._connection.execute(sql, list(parameters))

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once for every row of parameters."""
        if rows:
            self._connection.executemany(sql, [list(row) for row in rows])

    def insert_new(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> None:
        """Insert the rows whose primary key is not there yet; of two alike the first counts."""
        names = ", ".join(f'"{column}"' for column in columns)
        if len(rows) < _BULK_ROWS:
            marks = ", ".join("?" for _ in columns)
            self.execute_many(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", rows)
            return
        values = dict(zip(columns, zip(*rows, strict=True), strict=True))
        self._connection.register("incoming", pa.table(values))
        self.execute(f"INSERT OR IGNORE INTO {table} ({names}) SELECT {names} FROM incoming")
        self._connection.unregister("incoming")

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Run a query; one dict a row."""
        result = self._connection.execute(sql, list(parameters))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


class Catalog:
    """The index of one workspace. Cheap to make: nothing is opened before a transaction.

    Args:
        workspace: Whose catalog it is.
        timeout_s: Longest wait for other processes [s].
    """

    def __init__(self, workspace: Workspace, *, timeout_s: float = 30.0) -> None:
        self.workspace = workspace
        self.timeout_s = timeout_s
        if not workspace.catalog_path.exists():
            with self.transaction():
                pass

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Hold the catalog for one short transaction: all of it is kept, or nothing.

        The log of labels is caught up with first, and older schemas are migrated. Do no long work
        inside, since every other process waits, and open no second transaction.

        Raises:
            WorkspaceBusy: Others held the catalog for longer than the time-out.
            WorkspaceTooNew: Its schema is newer than this Goalpost. Nothing is changed.
            StorageFull: The disk is full; nothing of the transaction is kept.
            DamagedCatalog: Damage has shown in mid-transaction; the next one finds a catalog
                filled anew.
        """
        with self._lock():
            connection = self._open()
            try:
                with self._plain_errors():
                    connection.execute("BEGIN")
                    yield Transaction(connection)
                    connection.execute("COMMIT")
            except DamagedCatalog:
                self._set_aside()
                raise
            finally:
                connection.close()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Wait for the lock in a queue of two: whoever just let go has to stand in line again."""
        root = self.workspace.root
        lock = FileLock(root / "catalog.lock")
        deadline_s = time.monotonic() + self.timeout_s
        try:
            with FileLock(root / "catalog.queue").acquire(self.timeout_s, poll_interval=_POLL_S):
                left_s = max(0.0, deadline_s - time.monotonic())
                lock.acquire(left_s, poll_interval=_POLL_S)
        except Timeout as error:
            raise WorkspaceBusy(
                f"Another process has been using the catalog for over {self.timeout_s:g} s.",
                where=self.workspace.catalog_path,
                next_step="Wait for it to finish, or close other programs that use the workspace.",
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _open(self) -> duckdb.DuckDBPyConnection:
        """An open connection to a catalog that is whole, migrated and caught up.

        On a full disk it is not caught up, so that what is indexed can still be read.
        """
        try:
            return self._connect()
        except DamagedCatalog:
            self._set_aside()
            return self._connect()
        except StorageFull:
            return self._connect(catch_up=False)

    def _connect(self, *, catch_up: bool = True) -> duckdb.DuckDBPyConnection:
        with self._plain_errors():
            connection = duckdb.connect(self.workspace.catalog_path, config={"threads": 1})
            try:
                transaction = Transaction(connection)
                schema, labels_bytes = _state_of(transaction)
                behind = catch_up and labels_bytes != log_size(self.workspace)
                if schema != SCHEMA or behind:
                    connection.execute("BEGIN")
                    self._migrate(transaction, schema)
                    index_labels(transaction, self.workspace)
                    connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
        return connection

    def _migrate(self, transaction: Transaction, found: int) -> None:
        if found > SCHEMA:
            raise _too_new(f"schema {found}; this Goalpost reads up to {SCHEMA}", self.workspace)
        if found == SCHEMA:
            return
        for script in MIGRATIONS[found:]:
            transaction.execute(script)
        transaction.execute("UPDATE catalog_state SET schema_version = ?", (SCHEMA,))
        if found == 0:
            index_all_shards(transaction, self.workspace)

    def _set_aside(self) -> None:
        """Move a damaged catalog out of the way; the next opening fills a new one."""
        path = self.workspace.catalog_path
        path.replace(path.with_suffix(".damaged"))
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        path = self.workspace.catalog_path
        try:
            yield
        except duckdb.Error as error:
            text = str(error)
            if "No space left" in text:
                raise StorageFull(
                    "The disk is full, so the catalog cannot be updated.",
                    where=path,
                    next_step="Free some space and try again. What was saved before is intact.",
                ) from error
            if "Could not set lock" in text:
                raise WorkspaceBusy(
                    "Another program, not Goalpost, has the catalog open.",
                    where=path,
                    next_step="Close it (for example a DuckDB shell) and try again.",
                ) from error
            if "version number" in text:
                raise _too_new("a newer file format", self.workspace) from error
            if any(sign in text for sign in _DAMAGE):
                raise DamagedCatalog(
                    "The catalog was damaged, so it was set aside. No episode, no label is lost.",
                    where=path,
                    next_step="Try again: it fills itself anew from the shards and the labels.",
                ) from error
            if isinstance(error, duckdb.IOException):
                raise WorkspaceError(
                    f"The catalog cannot be opened ({text}).",
                    where=path,
                    next_step="Check that the workspace's folder may be read and written.",
                ) from error
            raise


def rebuild(workspace: Workspace) -> Catalog:
    """Fill the catalog anew from the shards and the log of labels; the old one is set aside."""
    catalog = Catalog(workspace)
    with catalog._lock():
        if workspace.catalog_path.exists():
            catalog._set_aside()
    with catalog.transaction():
        return catalog


def _state_of(transaction: Transaction) -> tuple[int, int]:
    """The schema, 0 for an empty file, and how much of the log of labels is indexed [bytes]."""
    try:
        state = transaction.rows("SELECT schema_version, labels_bytes FROM catalog_state")[0]
    except duckdb.CatalogException:
        return 0, 0
    return state["schema_version"], state["labels_bytes"]


def _too_new(what: str, workspace: Workspace) -> WorkspaceTooNew:
    return WorkspaceTooNew(
        f"The catalog was written by a newer Goalpost: it has {what}.",
        where=workspace.catalog_path,
        next_step="Update Goalpost, or open another workspace. Nothing was changed.",
    )
