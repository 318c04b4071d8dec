"""Deliveries on their way: leased to workers, settled by outcomes, moved by operators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    func,
    select,
    update,
)

from bus.db import audit
from bus.db.duplicates import NEVER_ARRIVED
from bus.db.records import delivery_of, select_deliveries
from bus.db.tables import IS_NOT_DONE, IS_PENDING, deliveries, in_state, messages
from bus.model import (
    RETRIED,
    AuditEvent,
    Delivery,
    DeliveryRecord,
    DeliveryState,
    Kind,
    NewDelivery,
    Priority,
)
from bus.ports import RouteQuery

#: What an operator may send again; a held one is let go that way.
RETRYABLE = (DeliveryState.DEAD, DeliveryState.CANCELLED, DeliveryState.HELD)
#: What an operator may still take back.
CANCELLABLE = (
    DeliveryState.PENDING,
    DeliveryState.PARKED,
    DeliveryState.HELD,
    DeliveryState.AVAILABLE,
)

_URGENT_FIRST = tuple(sorted((each.value for each in Priority), reverse=True))
_DUE = (
    select(deliveries.c.id)
    .where(
        IS_PENDING,
        deliveries.c.priority == bindparam("urgency"),
        deliveries.c.ready_at <= bindparam("now"),
    )
    .order_by(deliveries.c.ready_at, deliveries.c.id)
    .limit(bindparam("room"))
)
#: A copy that was settled otherwise meanwhile has no lease any more.
_HELD = (
    select(deliveries.c.id, deliveries.c.lease, deliveries.c.recipient, deliveries.c.attempts)
    .add_columns(messages.c.message_id)
    .join(messages, messages.c.id == deliveries.c.message)
    .where(deliveries.c.lease.in_(bindparam("leases", expanding=True)))
)
_SETTLE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("settled_id"))
    .values(
        {name: bindparam(name) for name in ("state", "reason", "due_at", "ready_at", "attempts")}
    )
    .values(updated_at=bindparam("updated_at"), lease=None)
)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        lease=bindparam("new_lease"),
        ready_at=bindparam("until"),
        attempts=deliveries.c.attempts + 1,
        updated_at=bindparam("now"),
    )
)
_CLAIMED = select_deliveries().where(deliveries.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedEarlier:
    """What routing was asked for one copy and what it decided then, for dry runs."""

    message_id: str
    query: RouteQuery
    #: Who got it: another than the query's recipient after a redirect.
    recipient: str
    state: DeliveryState
    row: int
    routes_version: int
    via: str | None


def due(connection: Connection, *, limit: int, now: datetime) -> list[int]:
    """Ids that may be claimed, urgent first, longest waiting first within a priority.

    One look-up for each priority, so that neither leased rows nor those that wait for a
    later try are ever passed over: the cost does not grow with either.
    """
    found: list[int] = []
    for urgency in _URGENT_FIRST:
        room = limit - len(found)
        if room > 0:
            values = {"urgency": urgency, "now": now, "room": room}
            found.extend(connection.scalars(_DUE, values))
    return found


def claim(
    connection: Connection, ids: Sequence[int], *, lease: str, until: datetime, now: datetime
) -> tuple[Delivery, ...]:
    """Lease deliveries; the try counts from here on, so that a crash counts too."""
    values = {"ids": ids, "new_lease": lease, "until": until, "now": now}
    connection.execute(_CLAIM, values)
    found = connection.execute(_CLAIMED, {"ids": ids})
    leased = {row["delivery_id"]: delivery_of(row) for row in found.mappings()}
    return tuple(leased[each] for each in ids)


def renew(connection: Connection, lease: str, *, until: datetime) -> None:
    """Extend whatever is still held under a lease."""
    connection.execute(update(deliveries).where(deliveries.c.lease == lease).values(ready_at=until))


def settle(
    connection: Connection, records: Sequence[DeliveryRecord], *, now: datetime
) -> list[DeliveryRecord]:
    """Write outcomes, each with its audit row; those whose lease is another's by now are left out.

    What a worker hands back untried leaves no row: nothing happened to it.
    """
    held = _held(connection, {each.lease for each in records})
    written = [each for each in records if (each.delivery_id, each.lease) in held]
    if written:
        connection.execute(_SETTLE, [_settled(each, now) for each in written])
        kept = [(held[each.delivery_id, each.lease], each) for each in written]
        tried = [(row, each) for row, each in kept if not _is_hand_back(row, each)]
        audit.append(connection, [_outcome(row, each, now) for row, each in tried])
    return written


def _held(connection: Connection, leases: Iterable[str]) -> dict[tuple[int, str], RowMapping]:
    found = connection.execute(_HELD, {"leases": sorted(leases)})
    return {(row["id"], row["lease"]): row for row in found.mappings()}


def _is_hand_back(held: RowMapping, record: DeliveryRecord) -> bool:
    return record.state is DeliveryState.PENDING and record.attempts < int(held["attempts"])


def _settled(record: DeliveryRecord, now: datetime) -> dict[str, Any]:
    return {
        "settled_id": record.delivery_id,
        "state": record.state.value,
        "reason": record.reason,
        "due_at": record.due_at,
        "ready_at": record.due_at,
        "attempts": record.attempts,
        "updated_at": now,
    }


def _outcome(held: RowMapping, record: DeliveryRecord, now: datetime) -> AuditEvent:
    retried = record.state is DeliveryState.PENDING
    return AuditEvent(
        at=now,
        event="retry" if retried else record.state.value,
        message_id=held["message_id"],
        agency=held["recipient"],
        code=record.reason,
        detail=f"attempt {record.attempts}",
    )


def acknowledge(
    connection: Connection, found: Delivery, *, done: bool, reason: str, now: datetime
) -> None:
    """Settle a copy by its recipient's word, whoever holds a lease on it."""
    state = DeliveryState.DONE if done else DeliveryState.DEAD
    _move(connection, found.delivery_id, now, state=state.value, reason=reason)
    outcome = "acknowledged" if done else "refused"
    audit.append(connection, [_event(found, outcome, now, detail=reason)])


def one(connection: Connection, message_id: str, recipient: str) -> Delivery | None:
    """One recipient's copy."""
    return _one(
        connection, messages.c.message_id == message_id, deliveries.c.recipient == recipient
    )


def of_message(connection: Connection, message_id: str) -> tuple[Delivery, ...]:
    """Every copy of one message, in the order they were made."""
    statement = select_deliveries().where(messages.c.message_id == message_id)
    found = connection.execute(statement.order_by(deliveries.c.id))
    return tuple(delivery_of(row) for row in found.mappings())


def in_mailbox(
    connection: Connection, recipient: str, *, kind: Kind | None, after: int, limit: int
) -> tuple[Delivery, ...]:
    """What waits for one agency, urgent first, oldest first within a priority."""
    statement = select_deliveries().where(
        in_state(DeliveryState.AVAILABLE), deliveries.c.recipient == recipient
    )
    if kind is not None:
        statement = statement.where(deliveries.c.kind == kind.value)
    page = statement.order_by(deliveries.c.priority.desc(), deliveries.c.id)
    found = connection.execute(page.limit(limit).offset(after))
    return tuple(delivery_of(row) for row in found.mappings())


def unfinished(
    connection: Connection, state: DeliveryState, *, after: int, limit: int
) -> tuple[Delivery, ...]:
    """Deliveries in one state that is not done, by id; the cost is that of the page."""
    statement = select_deliveries().where(in_state(state), IS_NOT_DONE, deliveries.c.id > after)
    found = connection.execute(statement.order_by(deliveries.c.id).limit(limit))
    return tuple(delivery_of(row) for row in found.mappings())


def reroute(
    connection: Connection,
    delivery_id: int,
    new: NewDelivery,
    *,
    routes_version: int,
    now: datetime,
) -> DeliveryState | None:
    """Replace what routing decided for a parked copy; its state, None when it is parked no more.

    A copy sent on to somebody who has one already is cancelled instead of doubled.
    """
    parked = in_state(DeliveryState.PARKED)
    found = _one(connection, deliveries.c.id == delivery_id, parked)
    if found is None:
        return None
    values = _decided(new, routes_version)
    if new.recipient != found.recipient and _has_one(connection, found, new.recipient):
        values |= {
            "recipient": found.recipient,
            "state": DeliveryState.CANCELLED.value,
            "reason": f"{new.recipient} has this message already",
        }
    _move(connection, delivery_id, now, **values)
    detail = f"{values['state']} {new.recipient} by row {new.row} of version {routes_version}"
    event = _event(found, "rerouted", now, code=new.reason, detail=detail)
    audit.append(connection, [event])
    return DeliveryState(values["state"])


def _has_one(connection: Connection, parked: Delivery, recipient: str) -> bool:
    """Whether an agency has a copy of a message, or of the same content by another call."""
    if one(connection, parked.message_id, recipient) is not None:
        return True
    own = messages.alias()
    same = [own.c[n] == messages.c[n] for n in ("document_id", "sender", "kind", "action")]
    other = (
        select(deliveries.c.id)
        .join(messages, messages.c.id == deliveries.c.message)
        .join(own, and_(*same, own.c.content_digest == messages.c.content_digest))
        .where(own.c.message_id == parked.message_id, deliveries.c.recipient == recipient)
        .where(deliveries.c.state.not_in(NEVER_ARRIVED))
    )
    return connection.scalar(other.limit(1)) is not None


def retry(connection: Connection, message_id: str, recipient: str | None, *, now: datetime) -> int:
    """Put given-up copies back in the queue with all their tries; the number moved."""
    fresh = {"state": DeliveryState.PENDING.value, "attempts": 0, "due_at": now, "ready_at": now}
    fresh |= {"reason": RETRIED}
    chosen = _chosen(connection, message_id, recipient, RETRYABLE)
    return _move_all(connection, chosen, "retried", now, fresh)


def cancel(connection: Connection, message_id: str, recipient: str | None, *, now: datetime) -> int:
    """Take unfinished copies back; a lease on one of them is lost. The number moved."""
    chosen = _chosen(connection, message_id, recipient, CANCELLABLE)
    values = {"state": DeliveryState.CANCELLED.value}
    return _move_all(connection, chosen, "cancelled", now, values)


def counts(connection: Connection) -> dict[str, int]:
    """Copies by state, and `messages`; cost grows with what is unfinished only."""
    c = deliveries.c
    by_state = connection.execute(
        select(c.state, func.count()).where(IS_NOT_DONE).group_by(c.state)
    )
    result = {state.value: 0 for state in DeliveryState}
    result.update(by_state.all())
    # No row is ever deleted and ids have no gaps, so the highest one is the number of rows.
    total = connection.scalar(select(func.max(c.id))) or 0
    result[DeliveryState.DONE.value] = total - sum(result.values())
    result["messages"] = connection.scalar(select(func.max(messages.c.id))) or 0
    return result


def routed(connection: Connection, limit: int) -> tuple[RoutedEarlier, ...]:
    """The newest routing decisions, newest first; copies and the bus's own notices left out."""
    c, m = deliveries.c, messages.c
    found = connection.execute(
        select(m.message_id, m.topic, m.sender, c.priority, c.recipient, c.state)
        .add_columns(c.requested, c.row, c.routes_version, c.via)
        .join(messages, m.id == c.message)
        .where(c.requested.is_not(None))
        .order_by(c.id.desc())
        .limit(limit)
    )
    return tuple(_routed_earlier(row) for row in found)


def _routed_earlier(row: Any) -> RoutedEarlier:
    query = RouteQuery(
        topic=row.topic, priority=row.priority, sender=row.sender, recipient=row.requested
    )
    return RoutedEarlier(
        message_id=row.message_id,
        query=query,
        recipient=row.recipient,
        state=DeliveryState(row.state),
        row=row.row,
        routes_version=row.routes_version,
        via=row.via,
    )


def _decided(new: NewDelivery, routes_version: int) -> dict[str, Any]:
    return {
        "recipient": new.recipient,
        "state": new.state.value,
        "reason": new.reason,
        "row": new.row,
        "via": new.via,
        "routes_version": routes_version,
    }


def _one(connection: Connection, *conditions: ColumnElement[bool]) -> Delivery | None:
    row = connection.execute(select_deliveries().where(*conditions)).mappings().first()
    return None if row is None else delivery_of(row)


def _chosen(
    connection: Connection,
    message_id: str,
    recipient: str | None,
    states: Iterable[DeliveryState],
) -> list[Delivery]:
    return [
        each
        for each in of_message(connection, message_id)
        if each.state in states and recipient in {None, each.recipient}
    ]


def _move_all(
    connection: Connection,
    chosen: Sequence[Delivery],
    event: str,
    now: datetime,
    values: dict[str, Any],
) -> int:
    for each in chosen:
        _move(connection, each.delivery_id, now, **values)
    audit.append(connection, [_event(each, event, now, detail=each.reason) for each in chosen])
    return len(chosen)


def _move(connection: Connection, delivery_id: int, now: datetime, **values: Any) -> None:
    statement = update(deliveries).where(deliveries.c.id == delivery_id)
    connection.execute(statement.values(lease=None, updated_at=now, **values))


def _event(
    found: Delivery, event: str, now: datetime, *, code: str = "", detail: str = ""
) -> AuditEvent:
    return AuditEvent(
        at=now,
        event=event,
        message_id=found.message_id,
        agency=found.recipient,
        code=code,
        detail=detail,
    )


def lease_end(now: datetime, lease_s: float) -> datetime:
    """When a lease taken or renewed now runs out."""
    return now + timedelta(seconds=lease_s)
