"""Statements of the hot path: put into the driver's words once, then run by the driver itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Dialect, Executable, Table, insert
from sqlalchemy.sql.compiler import SQLCompiler

from bus.errors import Defect

#: SQL text, names of its parameters in order, and what makes the driver's value of each.
_Plan = tuple[str, Sequence[tuple[str, Callable[[Any], Any] | None]]]


class Prepared:
    """One statement whose text and parameters never change.

    Running a small statement through SQLAlchemy costs several times what SQLite needs for it.
    Errors are the driver's own (`sqlite3.Error`); no transaction is begun.
    """

    def __init__(self, statement: Executable, columns: Iterable[str] | None = None) -> None:
        self._statement = statement
        self._columns = None if columns is None else list(columns)
        self._plan: _Plan | None = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run it once; read the rows of a query to their end."""
        sql, parameters = self._planned(connection)
        return driver(connection).execute(sql, _bound(parameters, values))

    def add(self, connection: Connection, row: Mapping[str, Any]) -> int:
        """Insert one row; the number the store gave it."""
        number = self.run(connection, row).lastrowid
        if number is None:
            raise Defect("the store gave a row no number")
        return number

    def run_each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for every row, in order."""
        sql, parameters = self._planned(connection)
        driver(connection).executemany(sql, [_bound(parameters, row) for row in rows])

    def _planned(self, connection: Connection) -> _Plan:
        """Threads that come here together make equal plans."""
        if self._plan is None:
            self._plan = self._compiled(connection.dialect)
        return self._plan

    def _compiled(self, dialect: Dialect) -> _Plan:
        statement: Any = self._statement
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=self._columns)
        types = [
            (name, compiled.binds[name].type.dialect_impl(dialect))
            for name in compiled.positiontup or ()
        ]
        return str(compiled), [(name, each.bind_processor(dialect)) for name, each in types]


def inserting(table: Table, *, without: Iterable[str] = ()) -> Prepared:
    """An insert that names every column but those `without`, which keep their defaults."""
    left_out = frozenset(without)
    return Prepared(insert(table), [c.name for c in table.columns if c.name not in left_out])


def driver(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection, in the same transaction; its errors are `sqlite3.Error`."""
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _bound(
    parameters: Sequence[tuple[str, Callable[[Any], Any] | None]], values: Mapping[str, Any]
) -> list[Any]:
    return [values[name] if make is None else make(values[name]) for name, make in parameters]
