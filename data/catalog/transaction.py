"""One open transaction of the catalog: how SQL is run, whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import pyarrow as pa

_BULK_ROWS = 100
"""From this many rows on, handing DuckDB all at once is quicker than one at a time."""


class Connection(Protocol):
    """What a transaction needs of DuckDB's connection."""

    @property
    def description(self) -> Any:
        """The columns of the last result."""

    def execute(self, query: str, parameters: object = ..., /) -> Any:
        """Run a statement."""

    def sql(self, query: str, /, *, params: object = ...) -> Any:
        """A query, not yet run."""

    def executemany(self, query: str, parameters: object = ..., /) -> Any:
        """Run a statement for every row of parameters."""

    def register(self, view_name: str, python_object: object, /) -> Any:
        """Let SQL read a table of ours under a name."""

    def unregister(self, view_name: str, /) -> Any:
        """Forget that name."""


class Transaction:
    """One open transaction; made by `Catalog.transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.changed = False
        """Whether anything but queries was run."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        self.changed = True
        self._connection.execute(sql, list(parameters))

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once for every row of parameters."""
        self.changed = True
        if rows:
            self._connection.executemany(sql, [list(row) for row in rows])

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Insert the rows."""
        self._insert("INSERT", table, columns, rows)

    def insert_new(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> None:
        """Insert the rows whose primary key is not there yet; of two alike the first counts."""
        self._insert("INSERT OR IGNORE", table, columns, rows)

    def _insert(
        self, verb: str, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> None:
        names = ", ".join(f'"{column}"' for column in columns)
        if len(rows) < _BULK_ROWS:
            marks = ", ".join("?" for _ in columns)
            self.execute_many(f"{verb} INTO {table} ({names}) VALUES ({marks})", rows)
            return
        values = dict(zip(columns, zip(*rows, strict=True), strict=True))
        with self.table("incoming", values):
            self.execute(f"{verb} INTO {table} ({names}) SELECT {names} FROM incoming")

    @contextmanager
    def table(
        self, name: str, columns: Mapping[str, Sequence[object]] | pa.Table
    ) -> Iterator[None]:
        """Let statements inside read `columns` as the table `name`."""
        table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
        self._connection.register(name, table)
        try:
            yield
        finally:
            self._connection.unregister(name)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Run a query; one dict a row."""
        result = self._connection.execute(sql, list(parameters))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def arrow(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query; its rows as a table, where there are too many for a dict each."""
        return self._connection.sql(sql, params=list(parameters)).to_arrow_table()

    def value(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """The one value that a query gives."""
        return self._connection.execute(sql, list(parameters)).fetchall()[0][0]


def one_of(column: str, values: Collection[str]) -> tuple[str, list[object]]:
    """The condition that `column` is one of `values`, and its parameters.

    Few are written out, so that DuckDB looks them up in the index of a key; many are one list that
    it goes through once.
    """
    if not values:
        return "FALSE", []
    if len(values) < _BULK_ROWS:
        return f"{column} IN ({', '.join('?' for _ in values)})", list(values)
    return f"{column} IN (SELECT unnest(?::VARCHAR[]))", [list(values)]
