"""Business statuses as facts about documents."""

from __future__ import annotations

from sqlalchemy import Connection, and_, or_, select

from bus.db.tables import statuses
from bus.model import StoredMessage, StoredStatus


def about(connection: Connection, message: StoredMessage) -> tuple[StoredStatus, ...]:
    """What was reported about a document, and what a status message itself reports."""
    c = statuses.c
    concerned = or_(
        and_(c.document_id == message.document_id, c.issuer == message.sender),
        c.message_id == message.message_id,
    )
    found = connection.execute(
        select(c.reporter, c.issuer, c.document_id, c.code, c.at, c.description, c.message_id)
        .where(concerned)
        .order_by(c.at, c.id)
    )
    return tuple(StoredStatus(**row) for row in found.mappings())
