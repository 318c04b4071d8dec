"""The message store on SQL: every promise of `bus.ports.MessageStore`, and what commands need."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from bus.db import audit, deliveries, duplicates, messages, renderings, statuses
from bus.db.bodies import Bodies, Kept
from bus.db.deliveries import RoutedEarlier
from bus.db.failures import mapped
from bus.db.messages import MessageFilter
from bus.db.recent import Recent
from bus.db.writer import Writer
from bus.errors import Defect, NotFound
from bus.model import (
    FINAL_STATES,
    AuditEvent,
    Delivery,
    DeliveryRecord,
    DeliveryState,
    Kind,
    NewDelivery,
    NewMessage,
    Rendering,
    StoredMessage,
    Trace,
)
from bus.ports import ClaimedBatch, DuplicateQuery, KnownMessage

#: A worker may still be busy with a pending copy whose recipient already says that it has it.
_ACKNOWLEDGEABLE = frozenset({DeliveryState.AVAILABLE, DeliveryState.PENDING})


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


class SqlStore:
    """Durable memory on SQL (`bus.ports.MessageStore`).

    Every method raises StoreUnavailable STO-001 when the store cannot answer; nothing was
    written then.
    """

    def __init__(
        self,
        readers: Engine,
        writer: Writer,
        bodies: Bodies,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._readers = readers
        self._writer = writer
        self._bodies = bodies
        self._recent_bodies: Recent[bytes] = Recent()
        self._recent_renderings: Recent[Rendering] = Recent()
        self._now = now
        #: Called, in the thread that wrote, after a commit that left work for the workers.
        self.on_new_work: Callable[[], None] | None = None

    # Acceptance

    def duplicates(self, query: DuplicateQuery) -> tuple[KnownMessage, ...]:
        """Accepted messages with this key, oldest first."""
        with self._reading() as connection:
            return duplicates.known(connection, query)

    def accept(self, message: NewMessage, query: DuplicateQuery) -> bool:
        """Write everything of a message in one commit.

        False, and nothing written, when another request took the key for a shared recipient
        or for other content first, or gave somebody a copy that this one would give, too.
        """
        with mapped():
            kept = self._keep_parts(message)

        def write(connection: Connection) -> None:
            self._write(connection, message, kept, query)

        try:
            with self._bodies.withdrawing(*kept):
                self._writer.submit(write, size_bytes=_inline_bytes(kept))
        except duplicates.LostRace:
            return False
        self._announce(_has_work(message))
        return True

    def audit(self, event: AuditEvent) -> None:
        """Append one audit row."""
        self._writer.submit(lambda connection: audit.append(connection, [event]))

    # Delivery

    def claim(self, *, worker: str, limit: int, lease_s: float, now: datetime) -> ClaimedBatch:
        """Lease up to `limit` due deliveries, urgent first, oldest first within a priority.

        The lease's name begins with the worker's, for whoever reads the table.
        """
        lease = f"{worker}/{uuid.uuid4()}"
        with self._reading() as connection:
            if not deliveries.due(connection, limit=1, now=now):
                return ClaimedBatch(lease=lease, deliveries=())

        def lease_them(connection: Connection) -> tuple[Delivery, ...]:
            ids = deliveries.due(connection, limit=limit, now=now)
            until = deliveries.lease_end(now, lease_s)
            return deliveries.claim(connection, ids, lease=lease, until=until, now=now)

        return ClaimedBatch(lease=lease, deliveries=self._writer.submit(lease_them))

    def renew(self, lease: str, *, lease_s: float, now: datetime) -> None:
        """Extend a lease that is still held."""
        until = deliveries.lease_end(now, lease_s)
        self._writer.submit(lambda connection: deliveries.renew(connection, lease, until=until))

    def record(self, records: Sequence[DeliveryRecord], *, now: datetime) -> int:
        """Write outcomes, each with its notice, in one commit; the number written.

        An outcome whose lease somebody else took since, or whose copy was settled, writes nothing.
        """
        with mapped():
            notices = {id(each): self._keep_parts(each.notice) for each in records if each.notice}

        def settle(connection: Connection) -> list[DeliveryRecord]:
            written = deliveries.settle(connection, records, now=now)
            for record in written:
                kept = notices.get(id(record))
                if record.notice and kept:
                    self._write(connection, record.notice, kept, None)
            return written

        written = self._writer.submit(settle)
        self._announce(any(each.notice and _has_work(each.notice) for each in written))
        return len(written)

    def acknowledge(
        self,
        message_id: str,
        recipient: str,
        *,
        done: bool,
        reason: str,
        now: datetime,
        notice: NewMessage | None = None,
    ) -> Delivery:
        """Settle a copy by its recipient's word; once settled, later calls change nothing.

        Raises NotFound, also while the copy is parked or held.
        """
        with mapped():
            kept = self._keep_parts(notice) if notice and not done else None

        def settle(connection: Connection) -> Delivery:
            found = _required(deliveries.one(connection, message_id, recipient), message_id)
            if found.state in FINAL_STATES:
                return found
            if found.state not in _ACKNOWLEDGEABLE:
                raise NotFound(message_id)
            deliveries.acknowledge(connection, found, done=done, reason=reason, now=now)
            if notice and kept:
                self._write(connection, notice, kept, None)
            return _required(deliveries.one(connection, message_id, recipient), message_id)

        settled = self._writer.submit(settle)
        self._announce(notice is not None and _has_work(notice))
        return settled

    def pending(
        self, recipient: str, *, kind: Kind | None, after: int, limit: int
    ) -> tuple[Delivery, ...]:
        """What waits in an agency's mailbox, urgent first; `after` is a paging offset."""
        with self._reading() as connection:
            return deliveries.in_mailbox(connection, recipient, kind=kind, after=after, limit=limit)

    def delivery(self, message_id: str, recipient: str) -> Delivery | None:
        """One recipient's copy."""
        with self._reading() as connection:
            return deliveries.one(connection, message_id, recipient)

    def parked(self, *, limit: int, after: int) -> tuple[Delivery, ...]:
        """Parked deliveries with an id above `after`, by id."""
        with self._reading() as connection:
            return deliveries.unfinished(connection, DeliveryState.PARKED, after=after, limit=limit)

    def reroute(
        self,
        delivery_id: int,
        to: NewDelivery,
        *,
        routes_version: int,
        notice: NewMessage | None = None,
    ) -> None:
        """Replace what routing decided for a copy that is still parked, with an audit row.

        `notice` is written in the same commit when the copy is rejected by it.
        """
        now = self._now()
        with mapped():
            kept = self._keep_parts(notice) if notice else None

        def move(connection: Connection) -> bool:
            state = deliveries.reroute(
                connection, delivery_id, to, routes_version=routes_version, now=now
            )
            if state is DeliveryState.REJECTED and notice and kept:
                self._write(connection, notice, kept, None)
                return _has_work(notice)
            return state is DeliveryState.PENDING

        self._announce(self._writer.submit(move))

    # What is known of a message

    def message(self, message_id: str) -> StoredMessage | None:
        """One message without its body."""
        with self._reading() as connection:
            return messages.find(connection, message_id)

    def numbers(self, message_ids: Sequence[str]) -> dict[str, int]:
        """The numbers of messages by their ids, for clients that know no other names."""
        with self._reading() as connection:
            return messages.numbers(connection, message_ids)

    def numbered(self, number: int) -> StoredMessage | None:
        """One message by its number."""
        with self._reading() as connection:
            return messages.numbered(connection, number)

    def find_documents(self, sender: str, document_id: str) -> tuple[StoredMessage, ...]:
        """The newest hundred accepted documents with this id from this sender, newest first."""
        with self._reading() as connection:
            return messages.documents(connection, sender, document_id)

    def sent_to(self, sender: str, document_id: str) -> frozenset[str] | None:
        """Whom documents with this id from this sender went to; None when there is none."""
        with self._reading() as connection:
            return messages.sent_to(connection, sender, document_id)

    def body(self, message_id: str) -> bytes:
        """The body as stored, its digest checked; Raises NotFound, Defect STO-002."""
        known = self._recent_bodies.get(message_id)
        if known is not None:
            return known
        with self._reading() as connection:
            row = renderings.body_row(connection, message_id)
        with mapped():
            body = self._bodies.read(row)
        return self._recent_bodies.keep(message_id, body, len(body))

    def evidence(self, message_id: str) -> tuple[bytes, str]:
        """What arrived on the wire and its media type; Raises NotFound, Defect STO-002."""
        with self._reading() as connection:
            row = renderings.evidence_row(connection, message_id)
        with mapped():
            return self._bodies.read(row), str(row["content_type"])

    def rendering(self, message_id: str, dialect: str) -> Rendering | None:
        """A rendering made earlier, its digest checked; Raises Defect STO-002."""
        known = self._recent_renderings.get((message_id, dialect))
        if known is not None:
            return known
        with self._reading() as connection:
            row = renderings.rendering_row(connection, message_id, dialect)
        if row is None:
            return None
        with mapped():
            found = renderings.rendering_of(row, self._bodies.read(row))
        return self._recent_renderings.keep((message_id, dialect), found, len(found.content))

    def keep_rendering(self, message_id: str, rendering: Rendering) -> None:
        """Keep a rendering; the first one kept stays. Raises NotFound."""
        with self._reading() as connection:
            digest = renderings.body_digest(connection, message_id)
        with mapped():
            kept = self._bodies.keep(message_id, rendering.content, body_sha256=digest)
        self._writer.submit(
            lambda connection: renderings.keep(connection, message_id, rendering, kept),
            size_bytes=_inline_bytes((kept,)),
        )

    def trace(self, message_id: str) -> Trace:
        """The whole timeline, from one snapshot; Raises NotFound."""
        with self._reading() as connection:
            found = messages.find(connection, message_id)
            if found is None:
                raise NotFound(message_id)
            return Trace(
                message=found,
                deliveries=deliveries.of_message(connection, message_id),
                statuses=statuses.about(connection, found),
                events=audit.of_message(connection, message_id),
            )

    # For operators

    def list_messages(
        self,
        *,
        sender: str | None = None,
        recipient: str | None = None,
        state: DeliveryState | None = None,
        text: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[StoredMessage, ...]:
        """Messages, newest first; `text` is an id, or part of a subject without its accents."""
        wanted = MessageFilter(sender=sender, recipient=recipient, state=state, text=text)
        with self._reading() as connection:
            return messages.listing(connection, wanted, limit=limit, offset=offset)

    def dead(self, limit: int, *, after: int = 0) -> tuple[Delivery, ...]:
        """Given-up deliveries with an id above `after`, by id."""
        with self._reading() as connection:
            return deliveries.unfinished(connection, DeliveryState.DEAD, after=after, limit=limit)

    def retry(self, message_id: str, recipient: str | None, now: datetime) -> int:
        """Queue dead, cancelled and held copies again, for one recipient or all; how many."""
        moved = self._writer.submit(
            lambda connection: deliveries.retry(connection, message_id, recipient, now=now)
        )
        self._announce(moved > 0)
        return moved

    def cancel(self, message_id: str, recipient: str | None, now: datetime) -> int:
        """Take back copies that are not settled, for one recipient or all; how many."""
        return self._writer.submit(
            lambda connection: deliveries.cancel(connection, message_id, recipient, now=now)
        )

    def counts(self) -> dict[str, int]:
        """Copies by state, and `messages`."""
        with self._reading() as connection:
            return deliveries.counts(connection)

    def recent_queries(self, limit: int) -> tuple[RoutedEarlier, ...]:
        """The newest routing decisions, newest first, for dry runs of another table."""
        with self._reading() as connection:
            return deliveries.routed(connection, limit)

    def events(self, *, after: int, limit: int) -> tuple[AuditEvent, ...]:
        """Audit rows behind number `after`, oldest first."""
        with self._reading() as connection:
            return audit.after(connection, after, limit)

    # Inside

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with mapped(), self._readers.connect() as connection:
            yield connection

    def _keep_parts(self, message: NewMessage) -> tuple[Kept, Kept]:
        body = self._bodies.keep(message.message_id, message.body)
        if body.sha256 != message.body_sha256:
            raise Defect("the body's digest is not that of its bytes", code="STO-002")
        with self._bodies.withdrawing(body):
            evidence = self._bodies.keep(
                message.message_id, message.evidence, body_sha256=body.sha256
            )
        return body, evidence

    def _write(
        self,
        connection: Connection,
        message: NewMessage,
        kept: tuple[Kept, Kept],
        query: DuplicateQuery | None,
    ) -> None:
        body, evidence = kept
        messages.write(connection, message, body=body, evidence=evidence, query=query)

    def _announce(self, work: bool) -> None:  # noqa: FBT001 - a fact, not a switch
        if work and self.on_new_work is not None:
            self.on_new_work()


def _inline_bytes(kept: Sequence[Kept]) -> int:
    return sum(len(each.content) for each in kept if each.content is not None)


def _has_work(message: NewMessage) -> bool:
    return any(each.state is DeliveryState.PENDING for each in message.deliveries)


def _required(found: Delivery | None, message_id: str) -> Delivery:
    if found is None:
        raise NotFound(message_id)
    return found
