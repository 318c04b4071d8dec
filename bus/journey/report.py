"""Report: what an attempt came to, when to try again, and who must be told."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime

from bus import errors, retry
from bus.config import DeliverySettings
from bus.envelope import notice as notices
from bus.journey.states import Delivered
from bus.model import (
    AgencyState,
    AuditEvent,
    Caller,
    CallerMethod,
    Delivery,
    DeliveryRecord,
    DeliveryState,
    Kind,
    NewDelivery,
    NewMessage,
    Outcome,
    OutcomeKind,
    Priority,
    Receipt,
    Submission,
)
from bus.ports import Clock, Directory, MessageStore, Signer

NOTICE_TOPIC = "notice.dead"
_SETTLED = {
    OutcomeKind.DONE: DeliveryState.DONE,
    OutcomeKind.AVAILABLE: DeliveryState.AVAILABLE,
    OutcomeKind.DEAD: DeliveryState.DEAD,
    OutcomeKind.PARKED: DeliveryState.PARKED,
}


def report(
    delivered: Delivered, lease: str, schedule: DeliverySettings, now: datetime
) -> DeliveryRecord:
    """Decide where a delivery stands after an attempt; tries that are used up make it dead."""
    delivery, outcome = delivered.delivery, delivered.outcome
    state = _SETTLED.get(outcome.kind)
    reason, due_at = outcome.reason, now
    if state is None:
        later = retry.next_try(
            delivery.attempts,
            schedule,
            now,
            retry_after_s=outcome.retry_after_s,
            draw=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        state = DeliveryState.PENDING if later else DeliveryState.DEAD
        reason = reason if later else f"DLV-006 {reason}".strip()
        due_at = later or now
    return DeliveryRecord(
        delivery_id=delivery.delivery_id,
        lease=lease,
        state=state,
        reason=reason,
        due_at=due_at,
        attempts=delivery.attempts,
    )


def failed(delivery: Delivery, error: errors.BusError) -> Delivered:
    """The outcome that an error of render or deliver amounts to."""
    if error.code.startswith("RTE-"):
        kind = OutcomeKind.PARKED
    elif isinstance(error, errors.Rejected):
        kind = OutcomeKind.DEAD
    else:
        kind = OutcomeKind.RETRY
    outcome = Outcome(
        kind=kind,
        reason=f"{error.code} {error.detail}".strip(),
        retry_after_s=error.retry_after_s,
    )
    return Delivered(delivery=delivery, outcome=outcome)


def refused(
    submission: Submission, error: errors.BusError, store: MessageStore, clock: Clock
) -> None:
    """Record a refusal: code, digest and caller, never the content.

    The sender gets the refusal itself even where the store cannot record it.
    """
    record_refusal(
        error,
        submission.body,
        caller=submission.caller,
        correlation_id=submission.correlation_id,
        store=store,
        now=clock.now(),
    )


def record_refusal(
    error: errors.BusError,
    content: bytes,
    *,
    caller: Caller,
    correlation_id: str,
    store: MessageStore,
    now: datetime,
) -> None:
    """Write the audit row of a refusal, once; `content` is empty where it was not read whole."""
    # A store that is away would only make the caller wait for its answer twice.
    if error.recorded or isinstance(error, errors.StoreUnavailable):
        return
    digest = f"sha256={hashlib.sha256(content).hexdigest()} " if content else ""
    event = AuditEvent(
        at=now,
        event="postponed" if error.retryable else "refused",
        agency=caller.agency,
        correlation_id=correlation_id,
        code=error.code,
        detail=f"{digest}bytes={len(content)} remote={caller.remote}",
    )
    try:
        store.audit(event)
    except errors.StoreUnavailable:
        return
    error.recorded = True


def undelivered_notice(
    delivery: Delivery,
    message_id: str,
    *,
    directory: Directory,
    signer: Signer,
    now: datetime,
) -> NewMessage | None:
    """The report that tells a sender how a copy ended that will not arrive, and why.

    `delivery` has the state and the reason it ended with. A report is not reported on again.
    """
    if delivery.kind is Kind.NOTICE:
        return None
    body = signer.sign_element(
        notices.notice_xml(
            message_id=delivery.message_id,
            recipient=delivery.recipient,
            state=delivery.state,
            reason=delivery.reason,
            reported_at=now,
        )
    )
    return _notice(delivery, message_id, body, _to_sender(delivery.sender, directory), now)


def _notice(
    delivery: Delivery, message_id: str, body: bytes, to: NewDelivery, now: datetime
) -> NewMessage:
    sha256 = hashlib.sha256(body).hexdigest()
    receipt = Receipt(
        message_id=message_id,
        digest=sha256,
        topic=NOTICE_TOPIC,
        routes_version=0,
        accepted_at=now,
        recipients=(),
    )
    return NewMessage(
        message_id=message_id,
        kind=Kind.NOTICE,
        sender=delivery.recipient,
        dialect="notice",
        topic=NOTICE_TOPIC,
        priority=int(Priority.NORMAL),
        document_id=delivery.document_id,
        action=0,
        content_digest=sha256,
        body_sha256=sha256,
        body=body,
        evidence=b"",
        evidence_type="",
        subject=delivery.reason,
        received_at=now,
        correlation_id=delivery.message_id,
        caller=Caller(method=CallerMethod.LOCAL),
        document_verdict=None,
        routes_version=0,
        deliveries=(to,),
        reserves=(),
        receipt=receipt,
    )


def _to_sender(code: str, directory: Directory) -> NewDelivery:
    agency = directory.find(code)
    served = agency is not None and agency.channel and agency.state is not AgencyState.LOCKED
    return NewDelivery(
        recipient=code,
        state=DeliveryState.PENDING if served else DeliveryState.PARKED,
        reason="" if served else "RTE-006",
    )
