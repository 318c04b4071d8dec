"""The exchange service without SOAP: what each operation does, and who may do it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import datetime

from bus import errors, pipeline
from bus.journey.parts import Parts
from bus.journey.render import render_as
from bus.journey.report import dead_notice
from bus.journey.route import primary
from bus.journey.store import new_message_id
from bus.model import (
    AcceptResult,
    Agency,
    AgencyState,
    Caller,
    CallerMethod,
    Delivery,
    DeliveryState,
    Document,
    DocumentCode,
    DocumentType,
    Kind,
    Organization,
    PolicyMode,
    Problem,
    Promulgation,
    Rendering,
    Severity,
    StoredMessage,
    Submission,
    Trace,
)
from bus.ports import AgencySearch, Meter, RouteDecision, RouteQuery
from bus.trust.policy import local_day

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
        self, parts: Parts, search: AgencySearch, meter: Meter, *, canonical_dialect: str
    ) -> None:
        self._parts = parts
        self._search = search
        self._meter = meter
        self._canonical = canonical_dialect

    def send_document(self, call: Call, xml: bytes) -> AcceptResult:
        """Accept one edXML document; what returns is stored."""
        return self._accept(self._submission(call, xml, "SendDocument"))

    def send_package(self, call: Call, content: bytes, dialect: str | None) -> AcceptResult:
        """Accept the bytes of one message in the sender's dialect; Raises SchemaRejected DOC-002."""
        if dialect is not None:
            self._parts.dialects.get(dialect)
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
        delivery = self._copy(message_id, mailbox)
        dialect = self._canonical if canonical else (mailbox.dialect or self._canonical)
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
        why = "" if done else f"DLV-004 {reason}".strip()
        notice = None
        if not done:
            notice = dead_notice(
                delivery,
                why,
                new_message_id(now),
                directory=self._parts.directory,
                signer=self._parts.signer,
                now=now,
            )
        return self._parts.store.acknowledge(
            message_id, mailbox.code, done=done, reason=why, now=now, notice=notice
        )

    def get_trace(
        self, call: Call, message_id: str | None, sender: str | None, document_id: str | None
    ) -> Trace:
        """The timeline of a message: all of it for its sender, their own copy for recipients."""
        caller = self._proven(call.caller)
        message = self._find(message_id, sender, document_id)
        trace = self._parts.store.trace(message.message_id)
        if message.sender == caller.code or message.sender in caller.speaks_for:
            return trace
        own = tuple(
            d
            for d in trace.deliveries
            if d.recipient == caller.code or d.recipient in caller.speaks_for
        )
        if not own:
            raise errors.NotAuthorised(code="AUT-004", stage="service")
        codes = {d.recipient for d in own}
        return Trace(
            message=message,
            deliveries=own,
            statuses=tuple(s for s in trace.statuses if s.reporter in codes),
            events=(),
        )

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
            decision = routes.decide(
                RouteQuery(
                    topic="edoc.new.cong-van",
                    priority=0,
                    sender=agency.code,
                    recipient=primary(recipient, self._parts.directory),
                )
            )
        return Pong(
            caller=call.caller,
            recipient=recipient,
            decision=decision,
            routes_version=routes.version,
            at=self._parts.clock.now(),
        )

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
            raise errors.NotAuthorised(code="AUT-001", stage="service")
        agency = self._parts.directory.find(caller.agency)
        if agency is None:
            raise errors.NotAuthorised(caller.agency, code="AUT-005", stage="service")
        if agency.state is AgencyState.LOCKED:
            raise errors.NotAuthorised(agency.code, code="AUT-003", stage="service")
        if not _strong_enough(caller.method, agency.policy.mode):
            raise errors.NotAuthorised(
                f"{caller.method} < {agency.policy.mode}.", code="SIG-001", stage="service"
            )
        return agency

    def _acting_for(self, caller: Caller, code: str | None) -> Agency:
        own = self._proven(caller)
        if code is None:
            return own
        asked = self._parts.directory.find(code)
        if asked is None or (asked.code != own.code and asked.code not in own.speaks_for):
            raise errors.NotAuthorised(code, code="AUT-004", stage="service")
        return asked

    def _copy(self, message_id: str, mailbox: Agency) -> Delivery:
        delivery = self._parts.store.delivery(message_id, mailbox.code)
        visible = {DeliveryState.AVAILABLE, DeliveryState.DONE, DeliveryState.DEAD}
        if delivery is None or delivery.state not in visible:
            raise errors.NotFound(message_id)
        return delivery

    def _find(
        self, message_id: str | None, sender: str | None, document_id: str | None
    ) -> StoredMessage:
        if message_id:
            found = self._parts.store.message(message_id)
        elif sender and document_id:
            code = primary(sender, self._parts.directory)
            found = self._parts.store.find_document(code, document_id)
        else:
            raise errors.ProtocolRejected("messageId | sender + documentId", code="SVC-006")
        if found is None:
            raise errors.NotFound(message_id or document_id or "")
        return found


def _strong_enough(method: CallerMethod, mode: PolicyMode) -> bool:
    if method in {CallerMethod.SIGNATURE, CallerMethod.LOCAL}:
        return True
    return method.value == mode.value


def _probe(sender: str, recipient: str, now: datetime) -> Document:
    return Document(
        sender=Organization(organ_id=sender, name=sender),
        recipients=(Organization(organ_id=recipient, name=recipient),),
        document_id=f"ping,{new_message_id(now)}",
        code=DocumentCode(number="0", notation="PING"),
        promulgation=Promulgation(place="—", issued_on=local_day(now)),
        document_type=DocumentType(category=2, name="Công văn"),
        subject="Kiểm tra kết nối",
        content="Kiểm tra kết nối",
    )
