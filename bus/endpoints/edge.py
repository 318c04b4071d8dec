"""SOAP services on WSGI: the shell they share, and the exchange service in it.

One request in, one reply or typed fault out, whatever was sent.
"""

from __future__ import annotations

import abc
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from wsgiref.types import StartResponse

from lxml import etree

from bus import errors, logs
from bus.config import LimitSettings
from bus.edxml import limits as scanner
from bus.edxml import parser
from bus.edxml.paths import line_of
from bus.endpoints import actions, swa
from bus.endpoints.answers import Answer, Verbatim
from bus.endpoints.dispatch import dispatcher, operations
from bus.endpoints.documents import Documents, exchange_forms, exchange_schema
from bus.endpoints.faults import fault_reply
from bus.endpoints.operation import REPEATABLE, Invocation
from bus.endpoints.request import Request, read_request, version_asked
from bus.endpoints.request_schema import check_payload
from bus.envelope import addressing, soap, xop
from bus.envelope.addressing import Addressing
from bus.envelope.soap import SoapVersion
from bus.envelope.vocabulary import TNS
from bus.exchange import Call, Exchange
from bus.model import Caller
from bus.ports import Clock

#: Header blocks whose meaning the bus honours.
UNDERSTOOD = frozenset(
    {
        "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}Security",
        *addressing.UNDERSTOOD,
    }
)
_log = logs.get("endpoints")

#: Gives the header block that signs a Body, given with the namespace of its envelope.
Seal = Callable[[etree._Element, str], bytes]  # noqa: SLF001 - lxml's public class


class Authenticate(Protocol):
    """Tells who is calling; raises SignatureRejected or NotAuthorised."""

    def __call__(
        self,
        envelope: etree._Element | None,
        *,
        token: tuple[str, str] | None,
        client_certificate_der: bytes | None,
        remote: str,
    ) -> Caller:
        """Judge whatever proof the request carries."""


@dataclass(slots=True)
class Turn:
    """What is known so far of the request being answered."""

    version: SoapVersion
    correlation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    not_understood: tuple[str, ...] = ()
    #: WS-Addressing headers of the request, which its answer is related by.
    asked: Addressing | None = None
    caller: Caller = field(default_factory=Caller)
    #: The operation, once it is known to be one of ours.
    operation: str = ""
    #: Whether the request came as several parts, and whether it was written for the hub of old.
    multipart: bool = False
    old: bool = False
    #: Whether binary values of the reply go out beside it (MTOM).
    optimised: bool = False
    #: The request as it arrived, as far as it was read.
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, ready for the wire."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)


class Edge(abc.ABC):
    """The WSGI callable of one service; every request gets an answer of its kind."""

    def __init__(
        self, exchange: Exchange, *, limits: LimitSettings, clock: Clock, documents: Documents
    ) -> None:
        self._exchange = exchange
        self._limits = limits
        self._clock = clock
        self._documents = documents

    @abc.abstractmethod
    def _operation(self, request: Request, turn: Turn) -> Reply:
        """Run the operation that a request names; Raises BusError."""

    @abc.abstractmethod
    def _fault(self, turn: Turn, error: errors.BusError) -> Reply:
        """Tell what went wrong in the words of the service."""

    def _turn(self, environ: dict[str, Any]) -> Turn:
        """What is known of a request before its body is read."""
        return Turn(version_asked(environ))

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        reply = self._reply(environ, self._turn(environ))
        start_response(reply.status, [*reply.headers, ("Content-Length", str(len(reply.body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    def refuse(
        self, environ: dict[str, Any], error: errors.BusError
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status line, headers and body for a request that the HTTP edge refuses by itself."""
        turn = self._turn(environ)
        self._record(environ, turn, error)
        reply = self._fault(turn, error)
        return reply.status, list(reply.headers), reply.body

    def _reply(self, environ: dict[str, Any], turn: Turn) -> Reply:
        try:
            return self._answered(environ, turn)
        except Exception:  # noqa: BLE001 - the WSGI edge: nothing may reach the client as a traceback
            _log.exception("defect", correlation_id=turn.correlation_id)
            return self._fault(turn, errors.Defect())

    def _record(self, environ: dict[str, Any], turn: Turn, error: errors.BusError) -> None:
        """Leave an audit row for a refused call; a mistyped address of a browser is none."""
        if environ.get("REQUEST_METHOD") != "POST":
            return
        caller = replace(turn.caller, remote=str(environ.get("REMOTE_ADDR") or ""))
        self._exchange.refused(error, turn.raw, caller=caller, correlation_id=turn.correlation_id)

    def _answered(self, environ: dict[str, Any], turn: Turn) -> Reply:
        try:
            return self._serve(environ, turn)
        except errors.BusError as error:
            self._record(environ, turn, error)
            return self._fault(turn, error)

    def _serve(self, environ: dict[str, Any], turn: Turn) -> Reply:
        method = environ["REQUEST_METHOD"]
        if method in {"GET", "HEAD"}:
            document = self._documents.get(environ)
            if document is not None:
                return _document(document, turn)
        if method != "POST":
            raise errors.ProtocolRejected(f"{method}.", code="SVC-009")
        return self._operation(read_request(environ, self._limits), turn)

    def _parsed(self, xml: bytes) -> etree._Element:
        scanner.check(xml, self._limits)
        return parser.parse(xml)

    def _call(self, turn: Turn, evidence: bytes, evidence_type: str) -> Call:
        return Call(
            caller=turn.caller,
            correlation_id=turn.correlation_id,
            received_at=self._clock.now(),
            evidence=evidence,
            evidence_type=evidence_type,
        )


class ExchangeApplication(Edge):
    """The exchange service: replies and faults are signed."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        authenticate: Authenticate,
        seal: Seal | None,
        limits: LimitSettings,
        clock: Clock,
        public_url: str | None,
    ) -> None:
        documents = Documents(public_url, forms=exchange_forms(), schema=exchange_schema)
        super().__init__(exchange, limits=limits, clock=clock, documents=documents)
        self._authenticate = authenticate
        self._seal = seal
        self._dispatcher = dispatcher()

    def _operation(self, request: Request, turn: Turn) -> Reply:
        turn.raw = request.raw
        turn.version = request.version
        turn.optimised = request.wants_optimised
        envelope = self._read(request, turn)
        turn.operation = _operation_in(envelope.payload)
        actions.check(request.action, turn.operation, turn.asked, path=request.path)
        if request.attachments is not None:
            request.attachments.demand_all_used()
        turn.caller = self._authenticate(
            envelope.root,
            token=request.token,
            client_certificate_der=request.client_certificate_der,
            remote=request.remote,
        )
        check_payload(envelope.payload)
        call = self._call(turn, request.raw, request.content_type)
        asked = Invocation(exchange=self._exchange, call=call, payload=envelope.payload)
        return self._answer(turn, self._answered_once(asked))

    def _answered_once(self, asked: Invocation) -> Answer:
        repeatable = etree.QName(asked.payload).localname in REPEATABLE
        with self._exchange.once(asked.call, repeatable=repeatable):
            return self._dispatcher.answer(asked)

    def _read(self, request: Request, turn: Turn) -> soap.Envelope:
        root = self._parsed(request.take_xml())
        version = soap.version_of(root)
        if request.optimised and version is not None:
            # Some stacks label every optimised envelope text/xml: it speaks for itself.
            turn.version = version
        if version is not None and version is not turn.version:
            detail = f"SOAP {version.value} ≠ {request.content_type}."
            raise errors.ProtocolRejected(detail, code="SVC-002")
        turn.asked = addressing.read(root, turn.version)
        _put_inline(root, request)
        envelope = soap.read(root)
        turn.not_understood = soap.not_understood(envelope, UNDERSTOOD)
        if turn.not_understood:
            raise errors.ProtocolRejected(", ".join(turn.not_understood), code="SVC-003")
        return envelope

    def _answer(self, turn: Turn, answer: Answer) -> Reply:
        if turn.asked and turn.asked.discards(fault=False):
            return _silence(turn, "202 Accepted")
        envelope = soap.reply(turn.version, answer.payload)
        if turn.asked:
            addressing.relate(envelope, turn.asked, actions.of_reply(turn.operation), fault=False)
        security = self._security(envelope, turn.version)
        # The proof is over the inline form, so that only now values may leave the envelope.
        parts = xop.extract(answer.binary) if turn.optimised else ()
        body = _spliced(envelope, (*security, *answer.verbatim))
        if parts:
            media, body = xop.write(body, parts, turn.version)
            headers = (("Content-Type", media), ("MIME-Version", "1.0"), *text_headers(turn)[1:])
            return Reply(status="200 OK", headers=headers, body=body)
        return Reply(status="200 OK", headers=text_headers(turn), body=body)

    def _fault(self, turn: Turn, error: errors.BusError) -> Reply:
        code, id_ = error.code, error.correlation_id or turn.correlation_id
        _log.info("refused", code=code, detail=error.detail, correlation_id=id_)
        fault = fault_reply(
            turn.version,
            error,
            correlation_id=turn.correlation_id,
            not_understood=turn.not_understood,
            asked=turn.asked,
        )
        if turn.asked and turn.asked.discards(fault=True):
            return _silence(turn, fault.status, fault.headers)
        if turn.asked:
            action = actions.of_refusal(error, turn.operation, turn.asked.edition)
            addressing.relate(fault.envelope, turn.asked, action, fault=True)
        sealed = not isinstance(error, errors.Defect)
        security = self._security(fault.envelope, turn.version) if sealed else ()
        body = _spliced(fault.envelope, security)
        return Reply(status=fault.status, headers=text_headers(turn) + fault.headers, body=body)

    def _security(self, envelope: etree._Element, version: SoapVersion) -> Verbatim:
        """The security header of a reply and the place kept for it; nothing when none is made."""
        if self._seal is None:
            return ()
        block = self._seal(soap.body_of(envelope), version.namespace)
        return ((soap.add_block(envelope), block),)


def _operation_in(payload: etree._Element) -> str:
    """The operation that the Body names; Raises ProtocolRejected SVC-004 when it is unknown."""
    name = etree.QName(payload)
    if name.namespace != TNS or name.localname not in operations():
        raise errors.ProtocolRejected(
            f"{{{name.namespace or ''}}}{name.localname}",
            code="SVC-004",
            path=f"/Envelope/Body/{name.localname}",
            line=line_of(payload),
        )
    return name.localname


def _silence(turn: Turn, status: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """The answer to who asked for none: HTTP cannot do without a status."""
    told = tuple(one for one in text_headers(turn) if one[0] != "Content-Type")
    return Reply(status=status, headers=told + headers, body=b"")


def _put_inline(root: etree._Element, request: Request) -> None:
    """Make the message what it would be without parts: all that follows judges that form."""
    if request.attachments is None:
        return
    if request.optimised:
        xop.inline(root, request.attachments)
    else:
        swa.inline(root, request.attachments)


def text_headers(turn: Turn) -> tuple[tuple[str, str], ...]:
    """The HTTP headers of an answer in one part, Content-Type first."""
    return (
        ("Content-Type", f"{turn.version.media_type}; charset=utf-8"),
        ("X-Correlation-Id", turn.correlation_id),
        ("Cache-Control", "no-store"),
    )


def _document(document: bytes, turn: Turn) -> Reply:
    headers = (
        ("Content-Type", "text/xml; charset=utf-8"),
        ("X-Correlation-Id", turn.correlation_id),
    )
    return Reply(status="200 OK", headers=headers, body=document)


def _spliced(envelope: etree._Element, verbatim: Verbatim) -> bytes:
    """The reply with bytes put in as they are: a receipt never changes, nor what was signed."""
    marks = []
    for number, (element, stored) in enumerate(verbatim):
        # Nothing a caller can send turns into a processing instruction of ours.
        mark = etree.ProcessingInstruction("stored", str(number))
        parent = element.getparent()
        if parent is not None:
            mark.tail, element.tail = element.tail, None
            parent.replace(element, mark)
            marks.append((f"<?stored {number}?>".encode(), stored))
    body: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    for placeholder, stored in marks:
        body = body.replace(placeholder, stored, 1)
    return body
