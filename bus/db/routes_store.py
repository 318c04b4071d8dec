"""Versions of the topic table: text, compiled rows, which one is active, who runs what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from bus.db import audit
from bus.db.failures import mapped
from bus.db.records import new_id
from bus.db.store import utc_now
from bus.db.tables import nodes, routes_active, routes_chunks, routes_versions
from bus.db.writer import Writer
from bus.errors import NotFound
from bus.model import AuditEvent

CHUNK_ROWS = 1000
#: How long a process that is silent stays in the list of nodes.
FORGOTTEN_AFTER = timedelta(days=1)
_ONLY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesVersion:
    """One stored version of the topic table."""

    version: int
    row_count: int
    source: str
    note: str
    created_at: datetime
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Which version a process said it routes by, and when."""

    node: str
    routes_version: int
    reported_at: datetime


class SqlRoutesStore:
    """Every version ever stored, unchanged; exactly one is active once there is one.

    Every method raises StoreUnavailable when the store cannot answer.
    """

    def __init__(
        self, readers: Engine, writer: Writer, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._readers = readers
        self._writer = writer
        self._now = now

    def add_version(
        self,
        text: str,
        rows: Iterable[dict[str, Any]],
        *,
        source: str,
        note: str,
        now: datetime | None = None,
        activate: bool = True,
    ) -> int:
        """Store a table and, in the same commit, make it the active one; its version, from 1."""
        at = now or self._now()
        chunks = list(_chunked(rows))
        facts = {
            "text": text,
            "row_count": sum(len(chunk) for chunk in chunks),
            "source": source,
            "note": note,
            "created_at": at,
        }

        def add(connection: Connection) -> int:
            inserted = connection.execute(insert(routes_versions), facts)
            version = new_id(inserted)
            _write_chunks(connection, version, chunks)
            _append(connection, at, "routes.stored", f"version {version} from {source}: {note}")
            if activate:
                _activate(connection, version, at, note)
            return version

        return self._writer.submit(add)

    def active(self) -> int:
        """The version that routes now; 0 before the first."""
        with self._reading() as connection:
            return connection.scalar(select(routes_active.c.version)) or 0

    def activate(self, version: int, note: str, now: datetime | None = None) -> None:
        """Make a stored version the active one; Raises NotFound CFG-010."""
        at = now or self._now()

        def switch(connection: Connection) -> None:
            _required(connection, version)
            _activate(connection, version, at, note)

        self._writer.submit(switch)

    def text(self, version: int) -> str:
        """The file a version was read from; Raises NotFound CFG-010."""
        with self._reading() as connection:
            return _required(connection, version)

    def chunks(self, version: int) -> Iterator[list[dict[str, Any]]]:
        """The compiled rows, a thousand at a time, in order; Raises NotFound CFG-010."""
        with self._reading() as connection:
            _required(connection, version)
            statement = select(routes_chunks.c.chunk).where(routes_chunks.c.version == version)
            numbers = connection.scalars(statement.order_by(routes_chunks.c.chunk)).all()
        for number in numbers:
            # A connection for each: the reader of a long table holds up no checkpoint.
            with self._reading() as connection:
                rows: list[dict[str, Any]] = connection.scalars(
                    select(routes_chunks.c.rows).where(
                        routes_chunks.c.version == version, routes_chunks.c.chunk == number
                    )
                ).one()
            yield rows

    def history(self, limit: int) -> tuple[RoutesVersion, ...]:
        """Stored versions, newest first."""
        c = routes_versions.c
        statement = select(c.version, c.row_count, c.source, c.note, c.created_at)
        with self._reading() as connection:
            active = connection.scalar(select(routes_active.c.version))
            found = connection.execute(statement.order_by(c.version.desc()).limit(limit))
            return tuple(
                RoutesVersion(**row, active=row["version"] == active) for row in found.mappings()
            )

    def report_node(self, node: str, version: int, now: datetime | None = None) -> None:
        """Say which version a process routes by; the processes of yesterday are forgotten."""
        facts: dict[str, Any] = {"routes_version": version, "reported_at": now or self._now()}

        def report(connection: Connection) -> None:
            gone = facts["reported_at"] - FORGOTTEN_AFTER
            connection.execute(delete(nodes).where(nodes.c.reported_at < gone))
            changed = connection.execute(update(nodes).where(nodes.c.node == node).values(**facts))
            if not changed.rowcount:
                connection.execute(insert(nodes), {"node": node, **facts})

        self._writer.submit(report)

    def nodes(self) -> tuple[Node, ...]:
        """Every process that reported, by name."""
        with self._reading() as connection:
            found = connection.execute(select(nodes).order_by(nodes.c.node)).mappings()
            return tuple(Node(**row) for row in found)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with mapped(), self._readers.connect() as connection:
            yield connection


def _chunked(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    source = iter(rows)
    while chunk := list(islice(source, CHUNK_ROWS)):
        yield chunk


def _write_chunks(connection: Connection, version: int, chunks: list[list[dict[str, Any]]]) -> None:
    if chunks:
        numbered = [
            {"version": version, "chunk": number, "rows": rows}
            for number, rows in enumerate(chunks)
        ]
        connection.execute(insert(routes_chunks), numbered)


def _activate(connection: Connection, version: int, at: datetime, note: str) -> None:
    facts = {"version": version, "activated_at": at}
    changed = connection.execute(update(routes_active).values(**facts))
    if not changed.rowcount:
        connection.execute(insert(routes_active), {"id": _ONLY, **facts})
    _append(connection, at, "routes.activated", f"version {version}: {note}")


def _append(connection: Connection, at: datetime, event: str, detail: str) -> None:
    audit.append(connection, [AuditEvent(at=at, event=event, detail=detail)])


def _required(connection: Connection, version: int) -> str:
    statement = select(routes_versions.c.text).where(routes_versions.c.version == version)
    text: str | None = connection.scalar(statement)
    if text is None:
        raise NotFound(str(version), code="CFG-010", stage="routes")
    return text
