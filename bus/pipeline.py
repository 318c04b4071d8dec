"""The journey of a message, read aloud: accept in the caller's request, dispatch in a worker."""

from __future__ import annotations

from dataclasses import replace

from bus.errors import BusError
from bus.journey.check import check, judge
from bus.journey.deliver import deliver
from bus.journey.parts import Inspecting, Parts
from bus.journey.receive import receive
from bus.journey.render import render
from bus.journey.report import failed, refused, report, undelivered_notice
from bus.journey.route import route
from bus.journey.states import Checked, Delivered, Translated
from bus.journey.store import new_message_id, store
from bus.journey.translate import translate
from bus.journey.validate import validate
from bus.journey.verify import observe, verify
from bus.model import (
    AcceptResult,
    Delivery,
    DeliveryRecord,
    DeliveryState,
    NewMessage,
    Problem,
    Submission,
)


def accept(submission: Submission, parts: Parts) -> AcceptResult:
    """Take one message in: what returns is stored once, what raises is not stored at all.

    Raises Rejected (mend it), Postponed (send it again later) or Defect.
    """
    try:
        checked = examine(submission, parts)
        routed = route(checked, parts.routes, parts.directory)
        return store(routed, parts.store, parts.signer, parts.clock)
    except BusError as error:
        refused(submission, error, parts.store, parts.clock)
        raise


def examine(submission: Submission, parts: Parts) -> Checked:
    """Do everything of accept() that needs no routing and writes nothing."""
    received = receive(submission, parts.limits)
    verified = verify(received, parts.verifier, parts.directory, parts.clock)
    validated = validate(verified, parts.dialects, parts.directory)
    translated = translate(validated)
    return check(translated, parts.directory, parts.store, parts.clock)


def inspect(submission: Submission, parts: Inspecting) -> tuple[Translated, tuple[Problem, ...]]:
    """Report on a message without asking who sent it: every problem, signature facts as warnings.

    Raises NotWellFormed, LimitExceeded, SchemaRejected when nothing can be read at all.
    """
    received = receive(submission, parts.limits)
    verified = observe(received, parts.verifier)
    validated = validate(verified, parts.dialects, parts.directory)
    translated = translate(validated)
    return translated, judge(translated, parts.directory, parts.clock)


def dispatch(delivery: Delivery, lease: str, parts: Parts) -> DeliveryRecord:
    """Carry one leased delivery as far as it goes now; a receiver's fault is an outcome, no error."""
    try:
        rendered = render(delivery, parts.store, parts.directory, parts.dialects, parts.signer)
        delivered = deliver(rendered, parts.channels)
    except BusError as error:
        delivered = failed(delivery, error)
    return conclude(delivered, lease, parts)


def conclude(delivered: Delivered, lease: str, parts: Parts) -> DeliveryRecord:
    """Decide what an attempt came to; of a dead delivery its sender gets a report."""
    record = report(delivered, lease, parts.schedule, parts.clock.now())
    if record.state is not DeliveryState.DEAD:
        return record
    ended = replace(delivered.delivery, state=record.state, reason=record.reason)
    return replace(record, notice=tell(ended, parts))


def tell(ended: Delivery, parts: Parts) -> NewMessage | None:
    """The report to the sender of a copy that will not arrive; None for a report itself."""
    now = parts.clock.now()
    return undelivered_notice(
        ended, new_message_id(now), directory=parts.directory, signer=parts.signer, now=now
    )
