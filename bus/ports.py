"""The borders of the bus: what the journey needs and several parts can give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bus.config import LimitSettings
from bus.model import (
    Agency,
    AuditEvent,
    Delivery,
    DeliveryRecord,
    KeyBinding,
    Kind,
    Loss,
    Message,
    NewDelivery,
    NewMessage,
    Outcome,
    Problem,
    Receipt,
    Rendering,
    SignatureVerdict,
    StoredMessage,
    Trace,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A body read by its dialect: `content` is the dialect's own business."""

    content: object = field(repr=False)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A canonical message with the way back to the sender's words.

    `places` maps canonical paths (`sender.organ_id`, `recipients[0].organ_id`,
    `attachments[2]`) to the sender's (path, line).
    """

    message: Message
    problems: tuple[Problem, ...] = ()
    losses: tuple[Loss, ...] = ()
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A canonical message in a dialect's bytes, with what had no home there."""

    content: bytes = field(repr=False)
    content_type: str
    losses: tuple[Loss, ...] = ()


class Dialect(Protocol):
    """What the bytes of one kind of vendor look like; pure, knows no channel."""

    @property
    def name(self) -> str:
        """The entry point name."""

    @property
    def family(self) -> str:
        """Dialects of one family read each other's bytes (`qcvn102`)."""

    def recognises(self, body: bytes) -> bool:
        """Whether root, namespace and shape are this dialect's."""

    def parse(self, body: bytes) -> Parsed:
        """Parse and validate by the dialect's own schema; Raises NotWellFormed, SchemaRejected."""

    def read(self, parsed: Parsed) -> Reading:
        """Translate to the canonical message, reporting every value it cannot read."""

    def write(self, message: Message) -> Written:
        """Translate from the canonical message."""

    def limited(self, limits: LimitSettings) -> Dialect:
        """The same dialect under the operator's limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One rendered message on its way out."""

    delivery: Delivery
    recipient: Agency
    rendering: Rendering


class Channel(Protocol):
    """How messages travel to an agency; knows no vendor (`mailbox`, `soap`)."""

    @property
    def name(self) -> str:
        """The entry point name."""

    def deliver(self, parcel: Parcel) -> Outcome:
        """Hand one parcel over; Raises PeerUnavailable, PeerBusy (retry), DeliveryRefused (dead)."""


class Directory(Protocol):
    """Who the agencies are; answers come from a versioned snapshot."""

    def find(self, code: str) -> Agency | None:
        """The agency known by `code` in any code system; compares trimmed, NFC, case-folded."""

    def ancestors(self, code: str) -> tuple[str, ...]:
        """Primary codes above the agency, nearest first."""

    def connected(self) -> Iterable[str]:
        """Primary codes of the agencies that have a dialect and are not locked."""

    def binding(self, fingerprint: str) -> KeyBinding | None:
        """The binding of a certificate, revoked or not."""


class AgencySearch(Protocol):
    """Finds agencies for people and for systems that keep their own copy of the directory."""

    def search(
        self, text: str | None, since_version: int | None, offset: int, limit: int
    ) -> tuple[tuple[Agency, ...], int, bool]:
        """Agencies matching `text` (accents ignored) that changed after a version.

        Gives the page, the directory's version, and whether there are more.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateQuery:
    """The part of the duplicate key that all recipients of one message share.

    For updates `content_digest` is part of the key; for statuses `document_id`
    carries issuer, document, code and instant.
    """

    sender: str
    kind: Kind
    document_id: str
    action: int
    content_digest: str
    keyed_by_content: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMessage:
    """An accepted message with the same duplicate key."""

    message_id: str
    content_digest: str
    #: Recipients of that request (copies left out) as stored.
    recipients: frozenset[str]
    #: Who has a copy by it or is about to get one; what was given up or taken back is left out.
    holders: frozenset[str]
    receipt: Receipt


class MessageStore(Protocol):
    """Durable memory: after a method returns, a power cut loses nothing of it.

    Every method raises StoreUnavailable when the commit did not happen.
    """

    def duplicates(self, query: DuplicateQuery) -> tuple[KnownMessage, ...]:
        """Accepted messages with this key, oldest first."""

    def accept(self, message: NewMessage, query: DuplicateQuery) -> bool:
        """Write message, evidence, deliveries, audit row and receipt in one commit.

        False, and nothing written, when another request with the same key was first: it shares
        a recipient, has other content, or gave somebody a copy that this one gives, too.
        """

    def audit(self, event: AuditEvent) -> None:
        """Append one audit row."""

    def claim(self, *, worker: str, limit: int, lease_s: float, now: datetime) -> ClaimedBatch:
        """Lease up to `limit` due pending deliveries, urgent first, oldest first within a priority."""

    def renew(self, lease: str, *, lease_s: float, now: datetime) -> None:
        """Heartbeat: extend a lease that is still held."""

    def record(self, records: Sequence[DeliveryRecord], *, now: datetime) -> int:
        """Write outcomes of a held lease; the number written. Lost leases write nothing."""

    def message(self, message_id: str) -> StoredMessage | None:
        """One message without its body."""

    def body(self, message_id: str) -> bytes:
        """The body as stored, its digest checked; Raises NotFound, Defect STO-002."""

    def rendering(self, message_id: str, dialect: str) -> Rendering | None:
        """A rendering made earlier."""

    def keep_rendering(self, message_id: str, rendering: Rendering) -> None:
        """Keep a rendering; the first one kept stays."""

    def pending(
        self, recipient: str, *, kind: Kind | None, after: int, limit: int
    ) -> tuple[Delivery, ...]:
        """What waits in an agency's mailbox, urgent first; `after` is a paging offset."""

    def delivery(self, message_id: str, recipient: str) -> Delivery | None:
        """One recipient's copy."""

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
        """Settle a mailbox delivery; once settled, later calls change nothing. Raises NotFound.

        `notice` (a report to the sender) is written in the same commit when `done` is False.
        """

    def trace(self, message_id: str) -> Trace:
        """The whole timeline; Raises NotFound."""

    def find_documents(self, sender: str, document_id: str) -> tuple[StoredMessage, ...]:
        """The newest accepted messages with this document id from this sender, newest first."""

    def sent_to(self, sender: str, document_id: str) -> frozenset[str] | None:
        """Whom such documents were sent to, as asked for and as delivered; None without one."""

    def parked(self, *, limit: int, after: int) -> tuple[Delivery, ...]:
        """Parked deliveries by id, for the next table version."""

    def reroute(
        self, delivery_id: int, to: NewDelivery, *, routes_version: int, notice: NewMessage | None
    ) -> None:
        """Replace what routing decided for a parked delivery; `notice` goes with a rejection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBatch:
    """Deliveries leased together."""

    lease: str
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuery:
    """What routing may look at; codes are primary codes where the directory knows them."""

    topic: str
    priority: int
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDecision:
    """What the table says of one recipient.

    `action` is one of `deliver`, `via`, `redirect`, `hold`, `reject`, `none`; `row` counts
    from 1, 0 when no row matched; `target` is the channel, peer or redirected recipient.
    """

    action: str
    row: int
    target: str | None = None
    reason: str = ""
    #: Further recipients named by copy rows that match, each with its row.
    copies: tuple[tuple[str, int], ...] = ()
    #: Who gets it in the end when redirect rows changed that, whatever the action; else None.
    recipient: str | None = None


class Routes(Protocol):
    """One version of the topic table, ready to answer; never changes."""

    @property
    def version(self) -> int:
        """The stored version, from 1; 0 is the empty table."""

    def decide(self, query: RouteQuery) -> RouteDecision:
        """First matching row, redirects followed; cost does not grow with the number of rows."""


class RoutesSource(Protocol):
    """Where the journey takes the table of the moment from; switching is atomic."""

    def current(self) -> Routes:
        """The active version."""


class RoutesStore(Protocol):
    """Every version of the topic table; rows are plain JSON values, stored in chunks.

    Every method raises StoreUnavailable; those that name a version raise NotFound.
    """

    def add_version(
        self,
        text: str,
        rows: Iterable[dict[str, Any]],
        *,
        source: str,
        note: str,
        now: datetime,
    ) -> int:
        """Store a table and make it the active one in the same commit; the new version."""

    def active(self) -> int:
        """The active version; 0 when there is none."""

    def text(self, version: int) -> str:
        """The table as its operator wrote it."""

    def chunks(self, version: int) -> Iterator[Sequence[Mapping[str, Any]]]:
        """The rows in order, at most about 1,000 at a time."""

    def activate(self, version: int, *, note: str, now: datetime) -> None:
        """Make an older version the active one again, with an audit row."""

    def report_node(self, node: str, version: int, *, now: datetime) -> None:
        """Note which version a serving node runs."""


class Signer(Protocol):
    """The bus's own key."""

    def sign_document(self, xml: bytes) -> bytes:
        """EdXML with ds:Signature as the last child of edXMLHeader."""

    def sign_element(self, xml: bytes) -> bytes:
        """Any element with an enveloped ds:Signature as its last child."""


class EnvelopeSigner(Protocol):
    """The bus's own key, for the SOAP messages it sends."""

    def sign_envelope(self, envelope: bytes) -> bytes:
        """A SOAP 1.1 or 1.2 envelope with a WS-Security signature over Body and Timestamp."""

    def security_header(self, body: bytes, body_id: str, soap: str) -> bytes:
        """The header block that signs a Body, given in exclusive canonical form, and a Timestamp.

        `body_id` is the Body's wsu:Id, `soap` the namespace of the envelope it goes into.
        """


class Verifier(Protocol):
    """Judges signatures against the keys bound to agencies."""

    def verify_document(self, body: bytes) -> SignatureVerdict | None:
        """Facts about the ds:Signature in an XML document; None when it carries none.

        An intact verdict means that everything in `body` but the Signature itself,
        comments and processing instructions is what was signed.
        """


class Meter(Protocol):
    """Counts what the exchange service does."""

    def accepted(self, kind: str, seconds: float, *, duplicate: bool = False) -> None:
        """One message was accepted in so many seconds, or answered as a repeat."""

    def refused(self, code: str) -> None:
        """One message was refused with this error code."""


class Clock(Protocol):
    """Tells the time, so that tests can."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""


class Dialects(Protocol):
    """The dialects installed."""

    def get(self, name: str) -> Dialect:
        """Raises Misconfigured CFG-002."""

    def recognise(self, body: bytes) -> Dialect | None:
        """The first dialect that recognises the body."""


class Channels(Protocol):
    """The channels installed."""

    def get(self, name: str) -> Channel:
        """Raises Misconfigured CFG-002."""
