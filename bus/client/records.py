"""What the exchange service answers, as frozen records; instants are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bus.model import (
    AgencyState,
    AuditEvent,
    CallerMethod,
    CodeSystem,
    DeliveryState,
    Kind,
    Problem,
    Receipt,
    StoredStatus,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What was promised for a message that the bus has stored."""

    receipt: Receipt
    #: True when an earlier call had stored it already.
    duplicate: bool
    #: The signed receipt element in exclusive canonical form, UTF-8; the same on every repeat.
    receipt_xml: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Every problem of a document that was not sent."""

    acceptable: bool
    dialect: str | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingItem:
    """One message that waits."""

    message_id: str
    kind: Kind
    topic: str
    sender: str
    document_id: str
    subject: str
    priority: int
    dialect: str
    size_bytes: int
    sha256: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingListing:
    """One page of what waits, urgent first."""

    items: tuple[PendingItem, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedMessage:
    """One message with its bytes, whose digest was checked."""

    message_id: str
    kind: Kind
    topic: str
    sender: str
    dialect: str
    content_type: str
    #: True when these are the sender's own bytes.
    original: bool
    original_sha256: str
    sha256: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """How the caller's copy of a message stands now."""

    message_id: str
    recipient: str
    state: DeliveryState
    acknowledged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """One message as the bus holds it, without its content."""

    message_id: str
    kind: Kind
    topic: str
    sender: str
    document_id: str
    subject: str
    priority: int
    action: int
    dialect: str
    size_bytes: int
    sha256: str
    routes_version: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFacts:
    """How one recipient's copy stands, and which row of which table sent it there."""

    recipient: str
    state: DeliveryState
    reason: str
    attempts: int
    row: int
    routes_version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything that happened to one document."""

    message: MessageFacts
    deliveries: tuple[DeliveryFacts, ...]
    #: `issuer` and `document_id` are empty: the timeline is about one document.
    statuses: tuple[StoredStatus, ...]
    events: tuple[AuditEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyEntry:
    """One agency of the directory."""

    code: str
    name: str
    parent: str | None
    state: AgencyState
    connected: bool
    codes: tuple[tuple[CodeSystem, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyListing:
    """One page of the directory, at one version of it."""

    items: tuple[AgencyEntry, ...]
    version: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """Who the bus takes the caller for, and where a document for `recipient` would go."""

    agency: str
    method: CallerMethod
    recipient: str | None
    action: str | None
    row: int | None
    target: str | None
    reason: str | None
    routes_version: int
    server_time: datetime
