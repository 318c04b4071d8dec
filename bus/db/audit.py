"""The append-only record of every event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from bus.db.prepared import inserting
from bus.db.tables import audit
from bus.model import AuditEvent

_INSERT = inserting(audit, without=["seq"])


def append(connection: Connection, events: Iterable[AuditEvent]) -> None:
    """Add rows in the order given; their numbers are the store's to give."""
    _INSERT.run_each(connection, map(_columns, events))


def of_message(connection: Connection, message_id: str) -> tuple[AuditEvent, ...]:
    """Every event of one message, oldest first."""
    found = connection.execute(
        select(audit).where(audit.c.message_id == message_id).order_by(audit.c.seq)
    )
    return tuple(_event(row) for row in found.mappings())


def after(connection: Connection, seq: int, limit: int) -> tuple[AuditEvent, ...]:
    """The events behind `seq`, oldest first."""
    found = connection.execute(
        select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(limit)
    )
    return tuple(_event(row) for row in found.mappings())


def _columns(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": event.at,
        "event": event.event,
        "message_id": event.message_id,
        "agency": event.agency,
        "correlation_id": event.correlation_id,
        "code": event.code,
        "detail": event.detail,
    }


def _event(row: RowMapping) -> AuditEvent:
    return AuditEvent(**row)
