"""DuckDB, begun once in every process, with the catalog's file attached for one transaction.

Beginning DuckDB costs about 20 ms of processor time, attaching a file to it 2 ms however large it
is. Detaching gives the file free for other processes, as ending DuckDB would.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from pathlib import Path

import duckdb

Config = dict[str, str | bool | int | float | list[str]]
"""Settings of DuckDB by name."""

_CONFIG: Config = {"threads": 1, "memory_limit": "400MB"}
_BEGUN: dict[int, duckdb.DuckDBPyConnection] = {}
"""By process: what a process was forked with belongs to its parent."""
_BEGINNING = threading.Lock()
_NUMBERS = itertools.count()


class AttachedFile:
    """A database file that this process has open; made where it is missing.

    Args:
        path: The file.

    Raises:
        duckdb.Error: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._name = f"file_{next(_NUMBERS)}"
        self._engine = _engine()
        self.connection = self._engine.cursor()
        """Its tables are found by their plain names."""
        quoted = str(path).replace("'", "''")
        try:
            self.connection.execute(f"ATTACH '{quoted}' AS {self._name}")
            self.connection.execute(f"USE {self._name}")
        except duckdb.Error:
            self.close()
            raise

    def close(self) -> None:
        """Take back what was not committed, and let go of the file."""
        self.connection.close()
        try:
            with self._engine.cursor() as cursor:
                cursor.execute(f"DETACH {self._name}")
        except duckdb.Error:  # not attached, a full disk, or failed for good: the next begins anew
            _forget(self._engine)


def _engine() -> duckdb.DuckDBPyConnection:
    with _BEGINNING:
        process = os.getpid()
        if process not in _BEGUN:
            spills = Path(tempfile.gettempdir()) / f"goalpost-catalog-{process}"  # made when needed
            config: Config = {**_CONFIG, "temp_directory": str(spills)}
            _BEGUN[process] = duckdb.connect(":memory:", config=config)
        return _BEGUN[process]


def _forget(engine: duckdb.DuckDBPyConnection) -> None:
    with _BEGINNING:
        if _BEGUN.get(os.getpid()) is engine:
            del _BEGUN[os.getpid()]
