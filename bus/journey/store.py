"""Store: one durable commit with the receipt in it, and repeats answered with the first receipt."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from bus import errors
from bus.edxml import digest
from bus.envelope import receipt as receipts
from bus.journey.states import Routed
from bus.model import (
    AcceptResult,
    BusinessAction,
    Document,
    Kind,
    NewDelivery,
    NewMessage,
    NewStatus,
    Receipt,
    RecipientState,
    StatusCode,
    StatusMessage,
)
from bus.model.codes import fold
from bus.ports import Clock, DuplicateQuery, KnownMessage, MessageStore, Signer

#: Lost races after which the sender is asked to come back: each loss means another copy was stored.
RACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message ready to be stored, but for what depends on earlier copies of it."""

    routed: Routed
    query: DuplicateQuery
    requested: frozenset[str]
    body_sha256: str


def store(routed: Routed, messages: MessageStore, signer: Signer, clock: Clock) -> AcceptResult:
    """Commit the message once; a repeat gets the byte-identical first receipt and changes nothing.

    Raises Conflict DUP-001 for other content under the same key, StoreUnavailable.
    """
    draft = _draft(routed)
    for _ in range(RACES):
        known = messages.duplicates(draft.query)
        first = _repeat(draft, known)
        if first is not None:
            return AcceptResult(receipt=first.receipt, duplicate=True)
        message = _compose(draft, known, signer, clock.now())
        if messages.accept(message, draft.query):
            return AcceptResult(receipt=message.receipt)
    raise errors.StoreUnavailable("race")


def new_message_id(at: datetime) -> str:
    """A fresh id of 32 hex digits that sorts by time (RFC 9562 §5.7 layout without dashes)."""
    millis = int(at.timestamp() * 1000)
    random = secrets.randbits(74)
    value = (millis << 80) | (0x7 << 76) | ((random >> 62) << 64) | (0b10 << 62)
    return f"{value | (random & ((1 << 62) - 1)):032x}"


def _draft(routed: Routed) -> Draft:
    checked = routed.checked
    content_digest = digest.content_digest(checked.message)
    return Draft(
        routed=routed,
        query=_query(routed, content_digest),
        requested=frozenset(d.requested for d in routed.answers if d.requested),
        body_sha256=hashlib.sha256(checked.verified.body).hexdigest(),
    )


def _query(routed: Routed, content_digest: str) -> DuplicateQuery:
    message = routed.checked.message
    sender = routed.checked.sender.code
    if isinstance(message, StatusMessage):
        about = message.response_for.document_id or ""
        at = message.at.isoformat() if message.at else ""
        return DuplicateQuery(
            sender=sender,
            kind=Kind.STATUS,
            # Document ids are unique for their issuer only.
            document_id=f"{_issuer(routed, message)}|{about}|{message.code or ''}|{at}",
            action=0,
            content_digest=content_digest,
            keyed_by_content=False,
        )
    return DuplicateQuery(
        sender=sender,
        kind=Kind.DOCUMENT,
        document_id=message.document_id or "",
        action=int(message.action),
        content_digest=content_digest,
        keyed_by_content=message.action is BusinessAction.UPDATE,
    )


def _repeat(draft: Draft, known: tuple[KnownMessage, ...]) -> KnownMessage | None:
    """The earlier message this one repeats, if it asks for nobody new."""
    for earlier in known:
        if earlier.content_digest != draft.query.content_digest:
            raise errors.Conflict(earlier.message_id)
    asked = {fold(code) for code in draft.requested}
    exact = [k for k in known if {fold(c) for c in k.recipients} == asked]
    wider = [k for k in known if {fold(c) for c in k.recipients} >= asked]
    return next(iter(exact + wider), None)


def _compose(
    draft: Draft, known: tuple[KnownMessage, ...], signer: Signer, now: datetime
) -> NewMessage:
    routed = draft.routed
    checked = routed.checked
    submission = checked.verified.submission
    served = {fold(code) for earlier in known for code in earlier.recipients}
    holders = {fold(code) for earlier in known for code in earlier.holders}
    fresh = _fresh(routed, served, holders)
    message = checked.message
    return NewMessage(
        message_id=(message_id := new_message_id(now)),
        kind=draft.query.kind,
        sender=checked.sender.code,
        dialect=checked.dialect.name,
        topic=routed.topic,
        priority=int(message.priority) if isinstance(message, Document) else 0,
        document_id=_document_id(draft),
        action=draft.query.action,
        content_digest=draft.query.content_digest,
        body_sha256=draft.body_sha256,
        body=checked.verified.body,
        evidence=submission.evidence,
        evidence_type=submission.evidence_type,
        subject=_subject(draft),
        received_at=submission.received_at,
        correlation_id=submission.correlation_id,
        caller=checked.verified.caller,
        document_verdict=checked.verified.document_verdict,
        routes_version=routed.routes_version,
        deliveries=fresh,
        reserves=tuple(sorted(c for c in draft.requested if fold(c) not in served)),
        receipt=_receipt(message_id, draft, served | holders, signer, now),
        status=_status(draft),
    )


def _fresh(routed: Routed, served: set[str], holders: set[str]) -> tuple[NewDelivery, ...]:
    """One delivery for each agency that has no copy yet, however many codes lead to it."""
    fresh: dict[str, NewDelivery] = {}
    for delivery in (*routed.answers, *routed.copies):
        place = fold(delivery.recipient)
        if place not in holders and fold(delivery.requested or "") not in served:
            fresh.setdefault(place, delivery)
    return tuple(fresh.values())


def _receipt(
    message_id: str, draft: Draft, already: set[str], signer: Signer, now: datetime
) -> Receipt:
    routed = draft.routed
    unsigned = Receipt(
        message_id=message_id,
        digest=draft.body_sha256,
        topic=routed.topic,
        routes_version=routed.routes_version,
        accepted_at=now,
        recipients=tuple(
            RecipientState(
                recipient=d.requested,
                state=d.state,
                reason=_told(d),
                already=not already.isdisjoint((fold(d.requested), fold(d.recipient))),
            )
            for d in routed.answers
            if d.requested
        ),
        warnings=tuple(dict.fromkeys(p.rule for p in routed.checked.warnings)),
    )
    return replace(unsigned, xml=signer.sign_element(receipts.receipt_xml(unsigned)))


def _told(delivery: NewDelivery) -> str:
    moved = f"→ {delivery.recipient}"
    # A redirect that ends well is told by its own way, hop by hop.
    if delivery.recipient == delivery.requested or moved in delivery.reason:
        return delivery.reason
    return f"{moved} {delivery.reason}".strip()


def _document_id(draft: Draft) -> str:
    message = draft.routed.checked.message
    if isinstance(message, StatusMessage):
        return message.response_for.document_id or ""
    return message.document_id or ""


def _subject(draft: Draft) -> str:
    message = draft.routed.checked.message
    if isinstance(message, StatusMessage):
        return message.description or ""
    return message.subject or ""


def _issuer(routed: Routed, status: StatusMessage) -> str:
    """Whose document a status is about: a recall is told by the issuer, all others to it."""
    if status.code is StatusCode.RECALL_REQUESTED:
        return routed.checked.sender.code
    return next((d.requested for d in routed.answers if d.requested), "")


def _status(draft: Draft) -> NewStatus | None:
    message = draft.routed.checked.message
    if not isinstance(message, StatusMessage) or message.code is None or message.at is None:
        return None
    return NewStatus(
        reporter=draft.routed.checked.sender.code,
        issuer=_issuer(draft.routed, message),
        document_id=message.response_for.document_id or "",
        code=str(message.code),
        at=message.at,
        description=message.description,
    )
