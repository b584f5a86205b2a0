"""The catalog: a DuckDB index of episodes and labels that several processes share.

The file is opened for one short transaction at a time, under a lock, because DuckDB lets only one
process open it. Everything in it can be read again from shards and the log of labels, so a catalog
that is missing or damaged is filled anew, and what a crash kept out of it is caught up with.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from data.catalog.answers import refresh_answers, refresh_conclusions, tasks_digest
from data.catalog.engine import AttachedFile, Config
from data.catalog.indexing import fill, index_labels, index_unknown_shards, is_large, log_size
from data.catalog.schema import MIGRATIONS, SCHEMA
from data.catalog.transaction import Transaction
from data.catalog.turn import turn
from data.errors import (
    CorruptData,
    IndexMissing,
    StorageFull,
    WorkspaceBusy,
    WorkspaceError,
    WorkspaceTooNew,
)
from data.workspace import Workspace

_BULK: Config = {
    "threads": 2,
    "memory_limit": "1500MB",
    "preserve_insertion_order": False,
}
MOVES_WAIT_S = 600.0
"""How long a compaction and a rebuild wait for one another; nobody sits in front of them."""

_DAMAGE = ("not a valid DuckDB", "orrupt", "eserializ", "Could not read enough bytes")
"""What DuckDB's message says of a file it cannot make sense of; it has no error type for that."""


class DamagedCatalog(CorruptData):
    """The index could not be read. It holds no truth of its own, so nothing is lost."""


class Catalog:
    """The index of one workspace. Cheap to make: nothing is opened before a transaction.

    Args:
        workspace: Whose catalog it is.
        timeout_s: Longest wait for other processes [s].
    """

    def __init__(self, workspace: Workspace, *, timeout_s: float = 60.0) -> None:
        self.workspace = workspace
        self.timeout_s = timeout_s

    @contextmanager
    def transaction(self, *, lag_bytes: float = 0) -> Iterator[Transaction]:
        """Hold the catalog for one short transaction: all of it is kept, or nothing.

        The log of labels is caught up with first, and older schemas are migrated. Do no long work
        inside, since every other process waits, and open no second transaction.

        Args:
            lag_bytes: How much of the log may be left to the next transaction.

        Raises:
            WorkspaceBusy: Others held the catalog for longer than the time-out.
            WorkspaceTooNew: Its schema is newer than this Goalpost. Nothing is changed.
            StorageFull: The disk is full; nothing of the transaction is kept.
            IndexMissing: A large workspace's index has to be filled anew first.
            DamagedCatalog: Damage has shown in mid-transaction; the next one finds a catalog
                filled anew.
        """
        with self._lock():
            file, disk_is_full = self._open(lag_bytes)
            connection = file.connection
            try:
                with self._plain_errors():
                    connection.execute("BEGIN")
                    if disk_is_full:  # what waits is seen, and written down once there is room
                        index_labels(Transaction(connection), self.workspace)
                    transaction = Transaction(connection)
                    yield transaction
                    read_only = disk_is_full and not transaction.changed
                    connection.execute("ROLLBACK" if read_only else "COMMIT")
            except DamagedCatalog:
                self._set_aside()
                raise
            finally:
                file.close()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Wait for the lock in a queue of two: whoever just let go has to stand in line again."""
        root = self.workspace.root
        deadline_s = time.monotonic() + self.timeout_s
        with ExitStack() as held:
            try:
                with turn(root / "catalog.queue", wait_s=self.timeout_s):
                    left_s = max(0.0, deadline_s - time.monotonic())
                    held.enter_context(turn(root / "catalog.lock", wait_s=left_s))
            except TimeoutError as error:
                raise WorkspaceBusy(
                    f"Another process has been using the catalog for over {self.timeout_s:g} s.",
                    where=self.workspace.catalog_path,
                    next_step="Wait for it to finish, or close other programs that use the "
                    "workspace.",
                ) from error
            yield

    def _open(self, lag_bytes: float) -> tuple[AttachedFile, bool]:
        """A catalog that is whole, migrated and caught up but for the lag.

        On a full disk (then True) it is not caught up, so that what is indexed can still be read.
        """
        try:
            return self._attach(lag_bytes), False
        except DamagedCatalog:
            self._set_aside()
            return self._attach(lag_bytes), False
        except StorageFull:
            return self._attach(math.inf), True

    def _attach(self, lag_bytes: float) -> AttachedFile:
        with self._plain_errors():
            file = AttachedFile(self.workspace.catalog_path)
            try:
                transaction = Transaction(file.connection)
                found = _state_of(transaction)
                if found["schema_version"] != SCHEMA or self._is_behind(found, lag_bytes):
                    file.connection.execute("BEGIN")
                    self._migrate(transaction, found["schema_version"])
                    index_labels(transaction, self.workspace)
                    refresh_conclusions(transaction, self.workspace)
                    file.connection.execute("COMMIT")
            except IndexMissing:
                file.close()
                _remove(self.workspace.catalog_path)  # it was empty
                raise
            except BaseException:
                file.close()
                raise
        return file

    def _is_behind(self, found: dict[str, Any], lag_bytes: float) -> bool:
        if lag_bytes == math.inf:
            return False
        unread = log_size(self.workspace) - found["labels_bytes"]
        return not 0 <= unread <= lag_bytes or found["tasks_digest"] != tasks_digest(self.workspace)

    def _migrate(self, transaction: Transaction, found: int) -> None:
        if found > SCHEMA:
            raise _too_new(f"schema {found}; this Goalpost reads up to {SCHEMA}", self.workspace)
        if found == SCHEMA:
            return
        if found == 0 and is_large(self.workspace):
            raise IndexMissing(
                "The index of this workspace has to be filled anew, which takes some minutes.",
                where=self.workspace.root,
                next_step="Run `goalpost data rebuild`. No episode, no label is lost.",
            )
        for script in MIGRATIONS[found:]:
            transaction.execute(script)
        transaction.execute("UPDATE catalog_state SET schema_version = ?", (SCHEMA,))
        if found == 0:
            for _ in fill(transaction, self.workspace):
                pass
        else:
            refresh_answers(transaction, self.workspace)

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


def rebuild(
    workspace: Workspace,
    progress: Callable[[float, str], None] = lambda share, what: None,
    *,
    wait_s: float = MOVES_WAIT_S,
) -> Catalog:
    """Fill a new index from the shards and the log of labels, then let it replace the old one.

    The old one, if there is any, answers meanwhile; it is set aside in the end.

    Args:
        progress: Told the share that is done, 0 to 1, and what is being done.
        wait_s: Longest wait for a compaction, another rebuild, or the catalog.

    Raises:
        WorkspaceBusy: They took longer than that.
        StorageFull: The disk is full; the old index stays.
    """
    catalog = Catalog(workspace, timeout_s=wait_s)
    new = workspace.root / "catalog.rebuilding.duckdb"
    with no_shard_moves(workspace, wait_s=wait_s), catalog._plain_errors():
        _remove(new)
        with duckdb.connect(new, config=_BULK) as connection:
            transaction = Transaction(connection)
            connection.execute("BEGIN")
            for script in MIGRATIONS:
                transaction.execute(script)
            transaction.execute("UPDATE catalog_state SET schema_version = ?", (SCHEMA,))
            for share, what in fill(transaction, workspace):
                connection.execute("COMMIT")
                connection.execute("BEGIN")
                progress(share, what)
            connection.execute("COMMIT")
        with catalog._lock():
            with closing(AttachedFile(new)) as file:
                transaction = Transaction(file.connection)
                file.connection.execute("BEGIN")
                index_unknown_shards(transaction, workspace)
                index_labels(transaction, workspace)
                file.connection.execute("COMMIT")
            if workspace.catalog_path.exists():
                catalog._set_aside()
            new.replace(workspace.catalog_path)
    return Catalog(workspace)


@contextmanager
def no_shard_moves(workspace: Workspace, *, wait_s: float) -> Iterator[None]:
    """Keep every compaction and rebuild but this one out, since they read shard after shard.

    Raises:
        WorkspaceBusy: One was under way for longer than `wait_s`.
    """
    with ExitStack() as held:
        try:
            held.enter_context(turn(workspace.root / "compaction.lock", wait_s=wait_s))
        except TimeoutError as error:
            raise WorkspaceBusy(
                f"Another compaction or rebuild has been under way for over {wait_s:g} s.",
                where=workspace.root,
                next_step="Wait for it to finish.",
            ) from error
        yield


def _remove(database: Path) -> None:
    for path in (database, database.with_name(f"{database.name}.wal")):
        path.unlink(missing_ok=True)


def _state_of(transaction: Transaction) -> dict[str, Any]:
    """What the index says of itself; schema 0 for an empty file."""
    try:
        return transaction.rows("SELECT * FROM catalog_state")[0]
    except duckdb.CatalogException:
        return {"schema_version": 0}


def _too_new(what: str, workspace: Workspace) -> WorkspaceTooNew:
    return WorkspaceTooNew(
        f"The catalog was written by a newer Goalpost: it has {what}.",
        where=workspace.catalog_path,
        next_step="Update Goalpost, or open another workspace. Nothing was changed.",
    )
