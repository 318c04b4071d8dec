"""Messages: written whole in one commit, read in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from bus.db import audit, duplicates
from bus.db.bodies import Kept
from bus.db.folding import containing, without_accents
from bus.db.prepared import inserting
from bus.db.records import MESSAGE_COLUMNS, message_of, receipt_facts, verdict_facts
from bus.db.tables import IS_NOT_DONE, bodies, deliveries, in_state, messages, statuses
from bus.errors import NotFound
from bus.model import (
    AuditEvent,
    DeliveryState,
    Kind,
    NewDelivery,
    NewMessage,
    NewStatus,
    Priority,
    StoredMessage,
)
from bus.ports import DuplicateQuery

#: Calls for one document that a trace looks at: some vendors call once for each recipient.
_MOST_CALLS = 100
_ON_ITS_WAY = frozenset({DeliveryState.PENDING, DeliveryState.AVAILABLE})
_INSERT_MESSAGE = inserting(messages, without=["id"])
_INSERT_BODY = inserting(bodies)
_INSERT_DELIVERY = inserting(deliveries, without=["id", "lease"])
_INSERT_STATUS = inserting(statuses, without=["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """What a listing of messages is narrowed to; None leaves a field open.

    `text` is compared without accents with subject and document id.
    """

    sender: str | None = None
    recipient: str | None = None
    state: DeliveryState | None = None
    text: str | None = None


def write(
    connection: Connection,
    message: NewMessage,
    *,
    body: Kept,
    evidence: Kept,
    query: DuplicateQuery | None,
) -> None:
    """Insert everything of one message; Raises LostRace when its duplicate key is taken."""
    if query is not None:
        duplicates.refuse_taken(connection, message, query)
    number = _INSERT_MESSAGE.add(connection, _columns(message))
    if query is not None:
        duplicates.claim(connection, number, message, query)
    _INSERT_BODY.run_each(connection, _parts(number, message, body, evidence))
    rows = [_delivery_columns(number, message, each) for each in message.deliveries]
    _INSERT_DELIVERY.run_each(connection, rows)
    if message.status is not None:
        _add_status(connection, message.message_id, message.status)
    audit.append(connection, _events(message))


def number_of(connection: Connection, message_id: str) -> int:
    """The store's own number of a message; Raises NotFound."""
    number: int | None = connection.scalar(
        select(messages.c.id).where(messages.c.message_id == message_id)
    )
    if number is None:
        raise NotFound(message_id)
    return number


def find(connection: Connection, message_id: str) -> StoredMessage | None:
    """One message by its id."""
    statement = _select().where(messages.c.message_id == message_id)
    row = connection.execute(statement).mappings().first()
    return None if row is None else message_of(row)


def numbers(connection: Connection, message_ids: Sequence[str]) -> dict[str, int]:
    """The row numbers of messages by their ids: short names that never change."""
    wanted = select(messages.c.message_id, messages.c.id)
    found = connection.execute(wanted.where(messages.c.message_id.in_(message_ids)))
    return {row.message_id: row.id for row in found}


def numbered(connection: Connection, row: int) -> StoredMessage | None:
    """One message by its row number."""
    found = connection.execute(_select().where(messages.c.id == row)).mappings().first()
    return None if found is None else message_of(found)


def documents(connection: Connection, sender: str, document_id: str) -> tuple[StoredMessage, ...]:
    """Messages with this document id from this sender, newest first: one for each call."""
    statement = _select().where(
        messages.c.document_id == document_id,
        messages.c.sender == sender,
        messages.c.kind == Kind.DOCUMENT.value,
    )
    page = statement.order_by(messages.c.id.desc()).limit(_MOST_CALLS)
    return tuple(message_of(row) for row in connection.execute(page).mappings())


def sent_to(connection: Connection, sender: str, document_id: str) -> frozenset[str] | None:
    """Everyone whom documents with this id from this sender name or reached; None without one."""
    found = connection.execute(
        select(messages.c.requested, deliveries.c.recipient)
        .join(deliveries, deliveries.c.message == messages.c.id, isouter=True)
        .where(
            messages.c.document_id == document_id,
            messages.c.sender == sender,
            messages.c.kind == Kind.DOCUMENT.value,
        )
    ).all()
    if not found:
        return None
    reached = {row.recipient for row in found if row.recipient is not None}
    return frozenset(reached.union(*(row.requested for row in found)))


def listing(
    connection: Connection, wanted: MessageFilter, *, limit: int, offset: int
) -> tuple[StoredMessage, ...]:
    """Messages, newest first; a text that is exactly an id finds only that."""
    statement = _narrowed(wanted)
    if wanted.text:
        exactly = statement.where(
            or_(messages.c.message_id == wanted.text, messages.c.document_id == wanted.text)
        )
        like = messages.c.folded.like(containing(wanted.text), escape="\\")
        known = connection.scalar(select(exactly.exists()))
        statement = exactly if known else statement.where(like)
    page = statement.limit(limit).offset(offset)
    return tuple(message_of(row) for row in connection.execute(page).mappings())


def _narrowed(wanted: MessageFilter) -> Select[Any]:
    """Ordered so that a page of one recipient is read straight off an index."""
    statement = _select()
    order = messages.c.id
    if wanted.recipient is not None:
        statement = statement.join(deliveries, deliveries.c.message == messages.c.id)
        statement = statement.where(deliveries.c.recipient == wanted.recipient)
        order = deliveries.c.message
        if wanted.state is not None:
            statement = statement.where(deliveries.c.state == wanted.state.value)
    elif wanted.state is not None:
        statement = statement.where(messages.c.id.in_(_having(wanted.state)))
    if wanted.sender is not None:
        statement = statement.where(messages.c.sender == wanted.sender)
    return statement.order_by(order.desc())


def _having(state: DeliveryState) -> Select[tuple[int]]:
    copies = select(deliveries.c.message).where(in_state(state))
    return copies if state is DeliveryState.DONE else copies.where(IS_NOT_DONE)


def _select() -> Select[Any]:
    return select(*MESSAGE_COLUMNS)


def urgency(priority: int) -> int:
    """A priority that claims look for; what is out of range counts as normal."""
    return priority if priority in Priority.__members__.values() else Priority.NORMAL.value


def _columns(message: NewMessage) -> dict[str, Any]:
    caller = message.caller
    return {
        "message_id": message.message_id,
        "kind": message.kind.value,
        "sender": message.sender,
        "dialect": message.dialect,
        "topic": message.topic,
        "priority": urgency(message.priority),
        "document_id": message.document_id,
        "action": message.action,
        "content_digest": message.content_digest,
        "subject": message.subject,
        "body_sha256": message.body_sha256,
        "body_size": len(message.body),
        "received_at": message.received_at,
        "correlation_id": message.correlation_id,
        "routes_version": message.routes_version,
        "caller_agency": caller.agency,
        "caller_method": caller.method.value,
        "remote": caller.remote,
        "folded": without_accents(f"{message.subject} {message.document_id}"),
        "verdicts": {
            "caller": verdict_facts(caller.verdict),
            "document": verdict_facts(message.document_verdict),
        },
        "requested": sorted(duplicates.requested(message)),
        "receipt": receipt_facts(message.receipt),
        "receipt_xml": message.receipt.xml,
    }


def _parts(number: int, message: NewMessage, body: Kept, evidence: Kept) -> list[dict[str, Any]]:
    whole = {"message": number}
    return [
        {**whole, "part": "body", "content_type": "application/xml", **body.columns()},
        {**whole, "part": "evidence", "content_type": message.evidence_type, **evidence.columns()},
    ]


def _delivery_columns(number: int, message: NewMessage, new: NewDelivery) -> dict[str, Any]:
    at = message.receipt.accepted_at
    return {
        "message": number,
        "recipient": new.recipient,
        "requested": new.requested,
        "kind": message.kind.value,
        "priority": urgency(message.priority),
        "state": new.state.value,
        "due_at": at,
        "ready_at": at,
        "attempts": 0,
        "row": new.row,
        "routes_version": message.routes_version,
        "via": new.via,
        "copied": new.copied,
        "reason": new.reason,
        "created_at": at,
        "updated_at": at,
    }


def _add_status(connection: Connection, message_id: str, status: NewStatus) -> None:
    """One fact once: the same status sent on to a further recipient adds none."""
    c = statuses.c
    known = select(c.id).where(
        c.document_id == status.document_id,
        c.issuer == status.issuer,
        c.reporter == status.reporter,
        c.code == status.code,
        c.at == status.at,
    )
    if connection.scalar(known) is None:
        row = {
            "issuer": status.issuer,
            "document_id": status.document_id,
            "reporter": status.reporter,
            "code": status.code,
            "at": status.at,
            "description": status.description,
            "message_id": message_id,
        }
        _INSERT_STATUS.run(connection, row)


def _events(message: NewMessage) -> list[AuditEvent]:
    """One row for the message, and one for each recipient that is not on its way."""
    accepted = AuditEvent(
        at=message.receipt.accepted_at,
        event="accepted",
        message_id=message.message_id,
        agency=message.sender,
        correlation_id=message.correlation_id,
        detail=message.topic,
    )
    waiting = [
        AuditEvent(
            at=message.receipt.accepted_at,
            event=each.state.value,
            message_id=message.message_id,
            agency=each.recipient,
            correlation_id=message.correlation_id,
            detail=each.reason,
        )
        for each in message.deliveries
        if each.state not in _ON_ITS_WAY
    ]
    return [accepted, *waiting]
