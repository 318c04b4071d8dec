"""The duplicate key: sender, document, action and recipient, by unique constraint, for ever."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from bus.db.prepared import Prepared, inserting
from bus.db.records import receipt_of
from bus.db.tables import deliveries, duplicate_keys, messages
from bus.model import DeliveryState, NewMessage
from bus.model.codes import fold
from bus.ports import DuplicateQuery, KnownMessage

_key = duplicate_keys.c
# Built once: putting a statement together costs as much as running it.
_SAME_KEY = and_(
    _key.document_id == bindparam("document_id"),
    _key.sender == bindparam("sender"),
    _key.kind == bindparam("kind"),
    _key.action == bindparam("action"),
    _key.key_digest == bindparam("key_digest"),
)
_TAKEN = Prepared(
    select(messages.c.content_digest, _key.recipient)
    .join(messages, messages.c.id == _key.message)
    .where(_SAME_KEY)
)
_OF_KEY = select(_key.message).where(_SAME_KEY)
_KNOWN = (
    select(
        messages.c.id,
        messages.c.message_id,
        messages.c.content_digest,
        messages.c.requested,
        messages.c.receipt,
        messages.c.receipt_xml,
    )
    .where(messages.c.id.in_(_OF_KEY))
    .order_by(messages.c.id)
)
#: In these states a copy never reached its recipient and will not by itself.
NEVER_ARRIVED = (DeliveryState.DEAD, DeliveryState.CANCELLED, DeliveryState.REJECTED)
_HOLDERS = select(deliveries.c.message, deliveries.c.recipient).where(
    deliveries.c.message.in_(_OF_KEY), deliveries.c.state.not_in(NEVER_ARRIVED)
)
_INSERT = inserting(duplicate_keys)


class LostRace(Exception):
    """Another request with this duplicate key was stored first; never leaves the store."""


def requested(message: NewMessage) -> frozenset[str]:
    """Whom the sender asked for: copies left out, those an earlier message serves included."""
    served = (each.recipient for each in message.receipt.recipients if each.already)
    return frozenset((*message.reserves, *served))


def known(connection: Connection, query: DuplicateQuery) -> tuple[KnownMessage, ...]:
    """Accepted messages with this key, oldest first."""
    key = _key_of(query)
    # Nearly every message is new: for those one look at an index has to do.
    if not _TAKEN.run(connection, key).fetchall():
        return ()
    found = connection.execute(_KNOWN, key).all()
    copies = connection.execute(_HOLDERS, key).all()
    return tuple(
        KnownMessage(
            message_id=row.message_id,
            content_digest=row.content_digest,
            recipients=frozenset(row.requested),
            holders=frozenset(copy.recipient for copy in copies if copy.message == row.id),
            receipt=receipt_of(row.message_id, row.receipt, row.receipt_xml),
        )
        for row in found
    )


def refuse_taken(connection: Connection, message: NewMessage, query: DuplicateQuery) -> None:
    """Raise LostRace when what is stored by now would make this message a wrong one.

    A shared recipient is served, the identifier means other content, or somebody whom this
    message gives a copy has one: two recipients may be redirected, or copied, to one agency.
    """
    served = set(_served(message))
    key = _key_of(query)
    found = _TAKEN.run(connection, key).fetchall()
    for content_digest, recipient in found:
        if recipient in served or content_digest != query.content_digest:
            raise LostRace
    if found:
        given = {each.recipient for each in message.deliveries}
        if any(copy.recipient in given for copy in connection.execute(_HOLDERS, key)):
            raise LostRace


def claim(connection: Connection, number: int, message: NewMessage, query: DuplicateQuery) -> None:
    """Take the key for every recipient this message serves first; Raises LostRace."""
    key = _key_of(query) | {"message": number}
    rows = [key | {"recipient": recipient} for recipient in _served(message)]
    try:
        _INSERT.run_each(connection, rows)
    except sqlite3.IntegrityError as error:
        raise LostRace from error


def _served(message: NewMessage) -> list[str]:
    """The recipients in the key; where all are served already, the request itself stands in it."""
    first_served = sorted({fold(code) for code in message.reserves})
    return first_served or ["=" + "|".join(sorted(fold(code) for code in requested(message)))]


def _key_of(query: DuplicateQuery) -> dict[str, Any]:
    return {
        "document_id": query.document_id,
        "sender": query.sender,
        "kind": query.kind.value,
        "action": query.action,
        "key_digest": query.content_digest if query.keyed_by_content else "",
    }
