"""The exchange service without SOAP: what each operation does, and who may do it."""

from __future__ import annotations

import hashlib
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime

from bus import errors, pipeline
from bus.channels import outcomes
from bus.journey.parts import Parts
from bus.journey.render import render_as
from bus.journey.report import record_refusal
from bus.journey.route import decide, primary
from bus.journey.store import new_message_id
from bus.model import (
    AcceptResult,
    Agency,
    AgencyState,
    Caller,
    Delivery,
    DeliveryState,
    Document,
    DocumentCode,
    DocumentType,
    Kind,
    Organization,
    Problem,
    Promulgation,
    Rendering,
    Severity,
    StoredMessage,
    Submission,
    Trace,
)
from bus.model.codes import fold
from bus.ports import AgencySearch, Meter, RouteDecision, RouteQuery, Routes
from bus.traces import joined, seen_by
from bus.trust import policy
from bus.trust.replay import PresentedCalls

#: Largest page a listing answers with.
PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authenticated call; `evidence` is the request as it arrived."""

    caller: Caller
    correlation_id: str
    received_at: datetime
    evidence: bytes = field(repr=False)
    evidence_type: str = "text/xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What accept() would say of a message."""

    acceptable: bool
    dialect: str | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPage:
    """One page of a mailbox."""

    items: tuple[Delivery, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One message as its recipient gets it; digests are lower-case hex SHA-256."""

    delivery: Delivery
    rendering: Rendering
    original_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyPage:
    """One page of the directory, at one version of it."""

    items: tuple[Agency, ...]
    version: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """Who the bus takes the caller for, and where a document of theirs would go."""

    caller: Caller
    recipient: str | None
    decision: RouteDecision | None
    routes_version: int
    at: datetime


class Exchange:
    """All operations of the exchange service, version 1."""

    def __init__(
        self,
        parts: Parts,
        search: AgencySearch,
        meter: Meter,
        *,
        canonical_dialect: str,
        presented: PresentedCalls,
    ) -> None:
        self._parts = parts
        self._presented = presented
        self._search = search
        self._meter = meter
        self._canonical = canonical_dialect

    def send_document(self, call: Call, xml: bytes) -> AcceptResult:
        """Accept one edXML document; what returns is stored."""
        return self._accept(self._submission(call, xml, "SendDocument"))

    def send_package(self, call: Call, content: bytes, dialect: str | None) -> AcceptResult:
        """Accept the bytes of one message in the sender's dialect; Raises SchemaRejected DOC-002."""
        if dialect is not None:
            self._demand_dialect(dialect)
        return self._accept(self._submission(call, content, "SendPackage"))

    def send_status(self, call: Call, xml: bytes) -> AcceptResult:
        """Accept one business status message."""
        return self._accept(self._submission(call, xml, "SendStatus"))

    def check_document(self, call: Call, content: bytes) -> CheckReport:
        """Report every problem of a message without storing anything."""
        submission = self._submission(call, content, "CheckDocument")
        try:
            translated, problems = pipeline.inspect(submission, self._parts)
        except errors.Rejected as error:
            found = error.problems or (errors.as_problem(error),)
            return CheckReport(acceptable=False, dialect=None, problems=found)
        fatal = any(p.severity is Severity.REJECT for p in problems)
        return CheckReport(acceptable=not fatal, dialect=translated.dialect.name, problems=problems)

    def list_pending(
        self, call: Call, agency: str | None, kind: Kind | None, offset: int, limit: int
    ) -> PendingPage:
        """What waits for an agency, urgent first; looking consumes nothing."""
        mailbox = self._acting_for(call.caller, agency)
        size = max(1, min(limit, PAGE))
        found = self._parts.store.pending(mailbox.code, kind=kind, after=offset, limit=size + 1)
        return PendingPage(items=found[:size], more=len(found) > size)

    def get_message(
        self, call: Call, agency: str | None, message_id: str, *, canonical: bool
    ) -> Fetched:
        """One message in the recipient's dialect, or in the canonical one."""
        mailbox = self._acting_for(call.caller, agency)
        dialect = self._canonical if canonical else (mailbox.dialect or self._canonical)
        return self.get_rendered(call, agency, message_id, dialect)

    def get_rendered(
        self, call: Call, agency: str | None, message_id: str, dialect: str
    ) -> Fetched:
        """One message in a named dialect, for services that speak no other."""
        delivery = self._copy(message_id, self._acting_for(call.caller, agency))
        parts = self._parts
        rendering = render_as(delivery, dialect, parts.store, parts.dialects, parts.signer)
        return Fetched(
            delivery=delivery,
            rendering=rendering,
            original_sha256=delivery.body_sha256,
            sha256=hashlib.sha256(rendering.content).hexdigest(),
        )

    def acknowledge(
        self, call: Call, agency: str | None, message_id: str, *, done: bool, reason: str
    ) -> Delivery:
        """Settle one mailbox message; a repeat changes nothing, `fail` tells the sender."""
        mailbox = self._acting_for(call.caller, agency)
        delivery = self._copy(message_id, mailbox)
        now = self._parts.clock.now()
        why = "" if done else outcomes.bounded(f"DLV-004 {reason}")
        ended = replace(delivery, state=DeliveryState.DEAD, reason=why)
        notice = None if done else pipeline.tell(ended, self._parts)
        return self._parts.store.acknowledge(
            message_id, mailbox.code, done=done, reason=why, now=now, notice=notice
        )

    def get_trace(
        self, call: Call, message_id: str | None, sender: str | None, document_id: str | None
    ) -> Trace:
        """The timeline of a message: all of it for its sender, their own copy for recipients.

        Asked for by document, it covers every call by which the sender sent that document.
        """
        acting_for = policy.represented(self._proven(call.caller))
        traces = [
            self._parts.store.trace(message.message_id)
            for message in self._find(message_id, sender, document_id)
        ]
        if fold(traces[0].message.sender) not in acting_for:
            traces = [seen_by(acting_for, trace) for trace in traces]
        concerned = [trace for trace in traces if trace.deliveries or trace.events]
        if not concerned:
            raise errors.NotAuthorised(code="AUT-004", stage="service")
        return joined(concerned)

    def find_agencies(
        self, call: Call, text: str | None, since_version: int | None, offset: int, limit: int
    ) -> AgencyPage:
        """Search the directory, or what changed in it since a version."""
        self._proven(call.caller)
        size = max(1, min(limit, PAGE))
        items, version, more = self._search.search(
            text=text, since_version=since_version, offset=offset, limit=size
        )
        return AgencyPage(items=items, version=version, more=more)

    def correspondents(self, call: Call) -> tuple[Agency, ...]:
        """Every agency that documents can be sent to now, by code."""
        self._proven(call.caller)
        directory = self._parts.directory
        found = (directory.find(code) for code in sorted(directory.connected()))
        return tuple(agency for agency in found if agency is not None)

    def mailbox(self, call: Call, agency: str | None) -> Agency:
        """The agency whose mailbox is open to the caller; Raises SignatureRejected, NotAuthorised."""
        return self._acting_for(call.caller, agency)

    def ping(self, call: Call, recipient: str | None) -> Pong:
        """Send a synthetic document through the real pipeline up to routing; store nothing."""
        agency = self._proven(call.caller)
        routes = self._parts.routes.current()
        decision = None
        if recipient:
            probe = self._parts.dialects.get(self._canonical).write(
                _probe(agency.code, recipient, self._parts.clock.now())
            )
            pipeline.inspect(self._submission(call, probe.content, "Ping"), self._parts)
            decision = self._decided(agency, recipient, routes)
        return Pong(
            caller=call.caller,
            recipient=recipient,
            decision=decision,
            routes_version=routes.version,
            at=self._parts.clock.now(),
        )

    def once(self, call: Call, *, repeatable: bool) -> AbstractContextManager[None]:
        """Answer a signed call inside the block; raises SignatureRejected SIG-012 for a repeat.

        What stores or settles is `repeatable`: it changes nothing the second time, and a sender
        who got no answer is told to send the same again.
        """
        return self._presented.once(call.caller.verdict, repeatable=repeatable)

    def refused(
        self, error: errors.BusError, request: bytes, *, caller: Caller, correlation_id: str
    ) -> None:
        """Record a request that was refused before or by its operation; never its content.

        What asks to come back later (a full queue, a busy store) is not written: that would
        load what is overloaded.
        """
        if isinstance(error, errors.Rejected) and not error.recorded:
            self._meter.refused(error.code)
            record_refusal(
                error,
                request,
                caller=caller,
                correlation_id=correlation_id,
                store=self._parts.store,
                now=self._parts.clock.now(),
            )

    def _demand_dialect(self, name: str) -> None:
        try:
            self._parts.dialects.get(name)
        except errors.Misconfigured as error:
            # Named by the caller, not by a registration: there is nothing to mend here.
            raise errors.SchemaRejected(error.detail, code="DOC-002", stage="service") from error

    def _decided(self, sender: Agency, recipient: str, routes: Routes) -> RouteDecision:
        """What a document for a recipient would meet now; `none` where it would be parked."""
        query = RouteQuery(
            topic="edoc.new.cong-van",
            priority=0,
            sender=sender.code,
            recipient=primary(recipient, self._parts.directory),
        )
        decision = routes.decide(query)
        answer = decide(query, routes, self._parts.directory)[0]
        if answer.state is DeliveryState.PARKED:
            return replace(decision, action="none", reason=answer.reason)
        return decision

    def _accept(self, submission: Submission) -> AcceptResult:
        started = time.perf_counter()
        try:
            result = pipeline.accept(submission, self._parts)
        except errors.BusError as error:
            self._meter.refused(error.code)
            raise
        kind = result.receipt.topic.partition(".")[0]
        self._meter.accepted(kind, time.perf_counter() - started, duplicate=result.duplicate)
        return result

    def _submission(self, call: Call, body: bytes, channel: str) -> Submission:
        return Submission(
            body=body,
            evidence=call.evidence,
            evidence_type=call.evidence_type,
            caller=call.caller,
            channel=channel,
            received_at=call.received_at,
            correlation_id=call.correlation_id,
        )

    def _proven(self, caller: Caller) -> Agency:
        """The calling agency, proven in the way its policy demands and not locked."""
        if caller.agency is None:
            raise policy.unknown(caller, stage="service")
        agency = self._parts.directory.find(caller.agency)
        if agency is None:
            raise errors.NotAuthorised(caller.agency, code="AUT-005", stage="service")
        return self._open(agency, caller)

    @staticmethod
    def _open(agency: Agency, caller: Caller) -> Agency:
        if agency.state is AgencyState.LOCKED:
            raise errors.NotAuthorised(agency.code, code="AUT-003", stage="service")
        policy.demand_method(agency, caller)
        return agency

    def _acting_for(self, caller: Caller, code: str | None) -> Agency:
        """The agency whose mailbox is meant, open to the proof that it demands itself."""
        own = self._proven(caller)
        if code is None:
            return own
        asked = self._parts.directory.find(code)
        if asked is None or not policy.may_speak(own, asked):
            raise errors.NotAuthorised(code, code="AUT-004", stage="service")
        return self._open(asked, caller)

    def _copy(self, message_id: str, mailbox: Agency) -> Delivery:
        delivery = self._parts.store.delivery(message_id, mailbox.code)
        visible = {DeliveryState.AVAILABLE, DeliveryState.DONE, DeliveryState.DEAD}
        if delivery is None or delivery.state not in visible:
            raise errors.NotFound(message_id)
        return delivery

    def _find(
        self, message_id: str | None, sender: str | None, document_id: str | None
    ) -> tuple[StoredMessage, ...]:
        found: tuple[StoredMessage, ...] = ()
        if message_id:
            one = self._parts.store.message(message_id)
            found = (one,) if one else ()
        elif sender and document_id:
            code = primary(sender, self._parts.directory)
            found = self._parts.store.find_documents(code, document_id)
        else:
            raise errors.ProtocolRejected("messageId | sender + documentId", code="SVC-006")
        if not found:
            raise errors.NotFound(message_id or document_id or "")
        return found


def _probe(sender: str, recipient: str, now: datetime) -> Document:
    return Document(
        sender=Organization(organ_id=sender, name=sender),
        recipients=(Organization(organ_id=recipient, name=recipient),),
        document_id=f"ping,{new_message_id(now)}",
        code=DocumentCode(number="0", notation="PING"),
        promulgation=Promulgation(place="—", issued_on=policy.local_day(now)),
        document_type=DocumentType(category=2, name="Công văn"),
        subject="Kiểm tra kết nối",
        content="Kiểm tra kết nối",
    )
