"""The eDoc 1.0 service without SOAP: its operations in terms of the exchange service.

eDoc names a document by a number of the hub, knows no pages and no kinds. What is asked here goes
through the same pipeline, mailboxes and acknowledgements as everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bus import errors
from bus.exchange import PAGE, Call, Exchange
from bus.model import Agency, Delivery, Kind, Receipt, StoredMessage
from bus.ports import Dialect

#: The dialect of everything this service takes and gives.
DIALECT = "edoc_soap"
#: Option of a mailbox whose client knows no ConfirmTraces: reading its statuses takes them, as the
#: hub of old did. What is read is still kept and traced; a lost answer is lost to that client.
READ_ONCE = ("traces", "once")


class Numbers(Protocol):
    """Short numbers of stored messages."""

    def numbers(self, message_ids: Sequence[str]) -> dict[str, int]:
        """The numbers of messages by their ids; what does not exist is left out."""

    def numbered(self, number: int) -> StoredMessage | None:
        """The message of a number."""

    def message(self, message_id: str) -> StoredMessage | None:
        """One message without its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An accepted document; a repeat of it gets the equal answer."""

    number: int
    receipt: Receipt
    #: Of the call that stored it.
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """One message out of a mailbox, packed in eDoc."""

    number: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """One copy of a document of the caller's that will not arrive; `at` is aware UTC."""

    number: int
    #: The document's own id, as its sender wrote it.
    document_id: str
    recipient: str
    reason: str
    at: datetime


class EdocHub:
    """All operations of eDoc 1.0, and ConfirmTraces."""

    def __init__(self, exchange: Exchange, numbers: Numbers, dialect: Dialect) -> None:
        self._exchange = exchange
        self._numbers = numbers
        self._dialect = dialect

    def send_document(self, call: Call, packed: bytes) -> Sent:
        """Accept one document; what returns is stored."""
        result = self._exchange.send_package(call, packed, DIALECT)
        stored = self._numbers.message(result.receipt.message_id)
        if stored is None:
            raise errors.Defect("accepted, but not stored")
        return Sent(
            number=self._numbers.numbers([stored.message_id])[stored.message_id],
            receipt=result.receipt,
            correlation_id=stored.correlation_id,
        )

    def pending_documents(self, call: Call, agency: str | None) -> tuple[int, ...]:
        """Numbers of the documents that wait, urgent first; at most 500 at a time."""
        return tuple(number for number, _ in self._waiting(call, agency, Kind.DOCUMENT))

    def document(self, call: Call, agency: str | None, number: int) -> Numbered:
        """One document, whatever dialect it came in; fetching consumes nothing."""
        stored = self._stored(number, Kind.DOCUMENT)
        try:
            fetched = self._exchange.get_rendered(call, agency, stored.message_id, DIALECT)
        except errors.NotFound as error:
            raise _absent(number) from error
        return Numbered(number=number, content=fetched.rendering.content)

    def confirm_document(self, call: Call, agency: str | None, number: int) -> None:
        """Take one document out of the mailbox; a repeat changes nothing."""
        self._settle(call, agency, number, Kind.DOCUMENT)

    def update_traces(self, call: Call, packed: bytes) -> None:
        """Accept one business status; a repeat changes nothing."""
        self._exchange.send_status(call, packed)

    def traces(self, call: Call, agency: str | None) -> tuple[Numbered, ...]:
        """The statuses that wait, oldest first, at most 500; they wait until they are confirmed.

        Only where the registration says READ_ONCE, they are taken by this call.
        """
        found = []
        for number, one in self._waiting(call, agency, Kind.STATUS):
            fetched = self._exchange.get_rendered(call, agency, one.message_id, DIALECT)
            content = self._retold(fetched.rendering.content)
            found.append(Numbered(number=number, content=content))
        self._taken(call, agency, [one.number for one in found], Kind.STATUS)
        return tuple(found)

    def undelivered(self, call: Call, agency: str | None) -> tuple[Undelivered, ...]:
        """What the bus gave up delivering, oldest first, at most 500; confirmed like statuses."""
        found = tuple(
            Undelivered(
                number=number,
                document_id=one.document_id,
                recipient=one.sender,
                reason=one.subject,
                at=one.created_at,
            )
            for number, one in self._waiting(call, agency, Kind.NOTICE)
        )
        self._taken(call, agency, [one.number for one in found], Kind.NOTICE)
        return found

    def confirm_traces(
        self, call: Call, agency: str | None, numbers: Sequence[int]
    ) -> tuple[int, ...]:
        """Take statuses out of the mailbox; answers those of the numbers that name none there."""
        unknown = []
        for number in dict.fromkeys(numbers):
            try:
                self._settle(call, agency, number, Kind.STATUS, Kind.NOTICE)
            except errors.NotFound:
                unknown.append(number)
        return tuple(unknown)

    def organizations(self, call: Call) -> tuple[Agency, ...]:
        """Every agency that can be sent to now."""
        return self._exchange.correspondents(call)

    def check_permission(self, call: Call, agency: str | None) -> None:
        """Raise SignatureRejected or NotAuthorised unless the mailbox is open to the caller."""
        self._exchange.mailbox(call, agency)

    def _retold(self, packed: bytes) -> bytes:
        """A status in today's words: a list of many agencies' statuses speaks one language."""
        dialect = self._dialect
        return dialect.write(dialect.read(dialect.parse(packed)).message).content

    def _waiting(
        self, call: Call, agency: str | None, kind: Kind
    ) -> tuple[tuple[int, Delivery], ...]:
        items = self._exchange.list_pending(call, agency, kind, 0, PAGE).items
        numbers = self._numbers.numbers([one.message_id for one in items])
        return tuple((numbers[one.message_id], one) for one in items)

    def _taken(self, call: Call, agency: str | None, numbers: Sequence[int], kind: Kind) -> None:
        """Settle what was read, where the registration says that reading is taking."""
        name, value = READ_ONCE
        if self._exchange.mailbox(call, agency).channel_options.get(name) == value:
            for number in numbers:
                self._settle(call, agency, number, kind)

    def _settle(self, call: Call, agency: str | None, number: int, *kinds: Kind) -> None:
        stored = self._stored(number, *kinds)
        try:
            self._exchange.acknowledge(call, agency, stored.message_id, done=True, reason="")
        except errors.NotFound as error:
            raise _absent(number) from error

    def _stored(self, number: int, *kinds: Kind) -> StoredMessage:
        stored = self._numbers.numbered(number)
        if stored is None or stored.kind not in kinds:
            raise _absent(number)
        return stored


def _absent(number: int) -> errors.NotFound:
    """What others are told of a document that is not theirs: the number they asked for alone."""
    return errors.NotFound(str(number))
