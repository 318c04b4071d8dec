"""What the bus keeps of each message on its way: submission, delivery, receipt, audit."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from bus.model.findings import SignatureVerdict


class Kind(enum.StrEnum):
    """What a message is; a packet acknowledgement is none of these."""

    DOCUMENT = "edoc"
    STATUS = "status"
    #: A report of the bus itself to a sender: one of its deliveries is dead.
    NOTICE = "notice"


class DeliveryState(enum.StrEnum):
    """Where one recipient's copy stands."""

    #: No route, unknown or locked recipient: evaluated again on each new table version.
    PARKED = "parked"
    #: An operator's route row holds it.
    HELD = "held"
    #: Waits for a worker, now or at `due_at`.
    PENDING = "pending"
    #: Rendered and waiting in the recipient's mailbox for its acknowledgement.
    AVAILABLE = "available"
    #: The recipient has it (acknowledged, or its own system accepted the push).
    DONE = "done"
    #: Given up: tries exhausted, refused for good by the receiver, or acknowledged `fail`.
    DEAD = "dead"
    #: Refused by a route row.
    REJECTED = "rejected"
    CANCELLED = "cancelled"


FINAL_STATES = frozenset(
    {DeliveryState.DONE, DeliveryState.DEAD, DeliveryState.REJECTED, DeliveryState.CANCELLED}
)


#: The reason of a copy that an operator queued again; its receiver is asked whatever it said before.
RETRIED = "retried by an operator"


class CallerMethod(enum.StrEnum):
    """How a caller was authenticated at the edge."""

    SIGNATURE = "signature"
    MTLS = "mtls"
    TOKEN = "token"  # noqa: S105 - a mode, not a secret
    #: An operator on the bus's own machine.
    LOCAL = "local"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling, as far as the transport and the SOAP message prove it."""

    #: Primary code of the authenticated agency; None when nothing was proved yet.
    agency: str | None = None
    method: CallerMethod = CallerMethod.NONE
    #: The WS-Security verdict when the call carried one.
    verdict: SignatureVerdict | None = None
    #: Remote network address, for the audit row only.
    remote: str = ""
    #: Fingerprint of a TLS client certificate bound to no agency: no proof, but worth telling.
    stranger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One message as it came through the door; `received_at` is aware UTC."""

    #: The message in the sender's dialect.
    body: bytes = field(repr=False)
    #: What arrived on the wire, untouched (the SOAP request); kept as evidence.
    evidence: bytes = field(repr=False)
    evidence_type: str = "application/octet-stream"
    caller: Caller
    channel: str
    received_at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientState:
    """How one recipient of a message stands, as told in a receipt or a trace."""

    recipient: str
    state: DeliveryState
    #: Why: the route row, or the reason it is parked; codes of the error table where one fits.
    reason: str = ""
    #: True when an earlier message with the same duplicate key already serves this recipient.
    already: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The bus's signed promise that it stored a message; `xml` is never made twice."""

    message_id: str
    #: Lower-case hex SHA-256 of the body as the bus stored it.
    digest: str
    topic: str
    routes_version: int
    accepted_at: datetime
    recipients: tuple[RecipientState, ...]
    #: Rule ids of the warnings the message was accepted with.
    warnings: tuple[str, ...] = ()
    #: The signed receipt element, UTF-8, byte-identical on every repeat.
    xml: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptResult:
    """What accept() answers: the receipt, and whether this call stored anything new."""

    receipt: Receipt
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """One recipient's copy as routing decided it."""

    #: Primary code where the directory knows it, else the code as the sender wrote it.
    recipient: str
    state: DeliveryState
    reason: str = ""
    #: Row of the table that decided, from 1; 0 when none did.
    row: int = 0
    #: Channel or peer named by the row; None: as the recipient is registered.
    via: str | None = None
    #: The recipient as the sender asked for it, before any redirect; None for copies.
    requested: str | None = None
    #: True for recipients added by a copy row: not in the duplicate key of the sender's request.
    copied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """Everything one durable commit writes for an accepted message."""

    message_id: str
    kind: Kind
    sender: str
    dialect: str
    topic: str
    priority: int
    document_id: str
    action: int
    #: Digest of what the document says, without To, trace and transport.
    content_digest: str
    #: Digest of the body as stored.
    body_sha256: str
    body: bytes = field(repr=False)
    evidence: bytes = field(repr=False)
    evidence_type: str
    subject: str
    received_at: datetime
    correlation_id: str
    caller: Caller
    document_verdict: SignatureVerdict | None
    routes_version: int
    deliveries: tuple[NewDelivery, ...]
    #: Requested recipients this message is the first to serve: reserved in the duplicate key.
    reserves: tuple[str, ...]
    receipt: Receipt
    #: For a status message: (issuer, document_id, code, at, description); None otherwise.
    status: NewStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStatus:
    """One business status as a fact about a document."""

    reporter: str
    issuer: str
    document_id: str
    code: str
    at: datetime
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One recipient's copy as the store holds it; instants are aware UTC."""

    delivery_id: int
    message_id: str
    recipient: str
    state: DeliveryState
    kind: Kind
    topic: str
    sender: str
    priority: int
    dialect: str
    document_id: str
    subject: str
    attempts: int
    due_at: datetime
    created_at: datetime
    reason: str = ""
    row: int = 0
    routes_version: int = 0
    via: str | None = None
    body_sha256: str = ""
    body_size: int = 0
    updated_at: datetime | None = None
    #: The recipient as the sender asked for it, before any redirect; None for copies.
    requested: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One message in one dialect, ready for the wire, signed by its sender or by the bus."""

    dialect: str
    content: bytes = field(repr=False)
    content_type: str = "application/xml"
    #: True when these are the sender's own bytes.
    original: bool = True


class OutcomeKind(enum.StrEnum):
    """What came of one delivery attempt."""

    DONE = "done"
    AVAILABLE = "available"
    RETRY = "retry"
    DEAD = "dead"
    #: The recipient cannot be served as registered: back to the parked ones.
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one attempt to deliver came to."""

    kind: OutcomeKind
    #: Error code or the receiver's own reference.
    reason: str = ""
    #: What the receiver asked for with Retry-After, seconds from now.
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """What the worker writes back after an attempt."""

    delivery_id: int
    #: The lease under which it was claimed; a lost lease writes nothing.
    lease: str
    state: DeliveryState
    reason: str
    due_at: datetime
    attempts: int
    #: Report to the sender, written in the same commit, when the delivery is dead.
    notice: NewMessage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One message as the store holds it."""

    message_id: str
    kind: Kind
    sender: str
    dialect: str
    topic: str
    priority: int
    document_id: str
    action: int
    subject: str
    body_sha256: str
    body_size: int
    routes_version: int
    received_at: datetime
    correlation_id: str
    receipt_xml: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatus:
    """One business status as the store holds it."""

    reporter: str
    issuer: str
    document_id: str
    code: str
    at: datetime
    description: str | None
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One append-only row: what happened, when, to which message, by whom."""

    at: datetime
    event: str
    message_id: str | None = None
    agency: str | None = None
    correlation_id: str = ""
    code: str = ""
    detail: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The whole timeline of one document."""

    message: StoredMessage
    deliveries: tuple[Delivery, ...]
    statuses: tuple[StoredStatus, ...]
    events: tuple[AuditEvent, ...]
