"""Is everything that was promised still there? Behind `bus db check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, and_, func, select

from bus.db import Database, sweeper
from bus.db.failures import mapped
from bus.db.tables import bodies, messages, renderings
from bus.errors import Defect

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with the store.

    `kind` is `integrity`, `foreign-key`, `body` (missing, changed) or `orphan` (harmless).
    """

    kind: str
    detail: str
    message_id: str | None = None


def amount(database: Database) -> int:
    """How many stored bodies and renderings a check reads; Raises StoreUnavailable."""
    with mapped(), database.readers.connect() as connection:
        return sum(
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (bodies, renderings)
        )


def check_database(
    database: Database, on_done: Callable[[int], None] = lambda _: None
) -> Iterator[Finding]:
    """Find what is damaged, reading every stored byte once; nothing is changed.

    `on_done` is told how many more of `amount` are read. Raises StoreUnavailable.
    """
    with mapped(), database.readers.connect() as connection:
        yield from _integrity(connection)
    for table in (bodies, renderings):
        yield from _contents(database, table, on_done)
    yield from _bodiless(database)
    every = sweeper.files(database.bodies.folder)
    while batch := list(islice(every, _BATCH)):
        for file in sweeper.orphans(database, batch):
            yield Finding(kind="orphan", detail=file.name)


def _integrity(connection: Connection) -> Iterator[Finding]:
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield Finding(kind="integrity", detail=line)
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Finding(kind="foreign-key", detail=f"{table} {row} points to no {parent}")


def _contents(
    database: Database, table: Table, on_done: Callable[[int], None]
) -> Iterator[Finding]:
    """Bodies are read one by one, each on its own snapshot: a check holds up no traffic."""
    part = table.c.part if table is bodies else table.c.dialect
    last: tuple[int, str] = (0, "")
    while rows := _page(database, table, last):
        for row in rows:
            last = (row["message"], row[part.name])
            finding = _judge(database, table, row)
            if finding:
                yield finding
            on_done(1)


def _page(database: Database, table: Table, last: tuple[int, str]) -> list[dict[str, Any]]:
    part = table.c.part if table is bodies else table.c.dialect
    number, name = last
    further = (table.c.message > number) | and_(table.c.message == number, part > name)
    statement = (
        select(table.c.message, part, messages.c.message_id)
        .join(messages, messages.c.id == table.c.message)
        .where(further)
        .order_by(table.c.message, part)
        .limit(_BATCH)
    )
    with mapped(), database.readers.connect() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def _judge(database: Database, table: Table, key: dict[str, Any]) -> Finding | None:
    part = table.c.part if table is bodies else table.c.dialect
    statement = select(table).where(table.c.message == key["message"], part == key[part.name])
    with mapped(), database.readers.connect() as connection:
        row = connection.execute(statement).mappings().one()
    if row["content"] is None and row["file"] is None:
        return None
    try:
        with mapped():
            database.bodies.read(dict(row))
    except Defect as damage:
        detail = f"{key[part.name]}: {damage.detail}"
        return Finding(kind="body", detail=detail, message_id=key["message_id"])
    return None


def _bodiless(database: Database) -> Iterator[Finding]:
    body = and_(bodies.c.message == messages.c.id, bodies.c.part == "body")
    statement = (
        select(messages.c.message_id, messages.c.body_sha256, bodies.c.sha256)
        .join(bodies, body, isouter=True)
        .where(bodies.c.sha256.is_distinct_from(messages.c.body_sha256))
    )
    with mapped(), database.readers.connect() as connection:
        for message_id, _, found in connection.execute(statement):
            detail = "the message has no body" if found is None else "the body is another one"
            yield Finding(kind="body", detail=detail, message_id=message_id)
