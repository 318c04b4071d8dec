"""Bodies, evidence and renderings as the rows have them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from bus.db.bodies import Kept
from bus.db.messages import number_of
from bus.db.tables import bodies, messages, renderings
from bus.errors import Defect, NotFound
from bus.model import Rendering

#: A row as a dict: it outlives its connection, so that files are read with none in use.
Row = dict[str, Any]


def body_row(connection: Connection, message_id: str) -> Row:
    """The row of a message's body; Raises NotFound, Defect STO-002 when it has none."""
    return _part(connection, message_id, "body")


def evidence_row(connection: Connection, message_id: str) -> Row:
    """The row of what arrived on the wire, with the body's place when both are the same bytes."""
    evidence = _part(connection, message_id, "evidence")
    return _placed(connection, message_id, evidence)


def rendering_row(connection: Connection, message_id: str, dialect: str) -> Row | None:
    """The row of a rendering, with the body's place when both are the same bytes."""
    found = connection.execute(
        select(renderings)
        .join(messages, messages.c.id == renderings.c.message)
        .where(messages.c.message_id == message_id, renderings.c.dialect == dialect)
    )
    row = found.mappings().first()
    return None if row is None else _placed(connection, message_id, dict(row))


def rendering_of(row: Row, content: bytes) -> Rendering:
    """A rendering made earlier."""
    return Rendering(
        dialect=row["dialect"],
        content=content,
        content_type=row["content_type"],
        original=row["original"],
    )


def keep(connection: Connection, message_id: str, rendering: Rendering, kept: Kept) -> None:
    """Add a rendering unless the message has one in that dialect; Raises NotFound."""
    number = number_of(connection, message_id)
    known = select(renderings.c.message).where(
        renderings.c.message == number, renderings.c.dialect == rendering.dialect
    )
    if connection.scalar(known) is None:
        row = {
            "message": number,
            "dialect": rendering.dialect,
            "original": rendering.original,
            "content_type": rendering.content_type,
        }
        connection.execute(insert(renderings), row | kept.columns())


def body_digest(connection: Connection, message_id: str) -> str:
    """The digest of a message's body; Raises NotFound."""
    statement = select(messages.c.body_sha256).where(messages.c.message_id == message_id)
    found: str | None = connection.scalar(statement)
    if found is None:
        raise NotFound(message_id)
    return found


def _part(connection: Connection, message_id: str, part: str) -> Row:
    found = connection.execute(
        select(bodies)
        .join(messages, messages.c.id == bodies.c.message)
        .where(messages.c.message_id == message_id, bodies.c.part == part)
    )
    row = found.mappings().first()
    if row is None:
        number_of(connection, message_id)
        raise Defect(f"{message_id} has no {part}", code="STO-002")
    return dict(row)


def _placed(connection: Connection, message_id: str, row: Row) -> Row:
    if row["content"] is None and row["file"] is None:
        body = body_row(connection, message_id)
        return row | {"content": body["content"], "file": body["file"]}
    return row
