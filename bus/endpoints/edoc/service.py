"""The eDoc service on WSGI: whatever the sender can mend is answered with a report."""

from __future__ import annotations

from typing import Any

from lxml import etree

from bus import errors, logs
from bus.config import LimitSettings
from bus.edoc import EdocHub
from bus.endpoints.documents import Documents
from bus.endpoints.edge import Authenticate, Edge, Reply, Turn, text_headers
from bus.endpoints.edoc import packing, reports, requests
from bus.endpoints.edoc.evidence import masked
from bus.endpoints.edoc.operations import RUN, Answer, Invocation, new
from bus.endpoints.edoc.requests import BY_KEY_INFO, UNDERSTOOD, Asked
from bus.endpoints.edoc.wsdl import service_schema, wsdl
from bus.endpoints.faults import http_headers, treatment_of
from bus.endpoints.request import Request
from bus.envelope import edoc, soap, xop
from bus.envelope.soap import SoapVersion
from bus.exchange import Exchange
from bus.ports import Clock

_V11 = SoapVersion.V11
_log = logs.get("endpoints.edoc")


class EdocApplication(Edge):
    """The WSGI callable of eDoc 1.0; SOAP 1.1 only, replies are not signed."""

    def __init__(
        self,
        hub: EdocHub,
        exchange: Exchange,
        *,
        authenticate: Authenticate,
        limits: LimitSettings,
        clock: Clock,
        public_url: str | None,
    ) -> None:
        documents = Documents(public_url, forms={"": wsdl, "1.1": wsdl}, schema=service_schema)
        super().__init__(exchange, limits=limits, clock=clock, documents=documents)
        self._hub = hub
        self._authenticate = authenticate

    def _turn(self, environ: dict[str, Any]) -> Turn:
        action = str(environ.get("HTTP_SOAPACTION") or "")
        return Turn(_V11, operation=requests.operation_named(action))

    def _operation(self, request: Request, turn: Turn) -> Reply:
        turn.raw = request.raw
        turn.multipart = request.attachments is not None
        xml = request.take_xml()
        asked = requests.read(self._read(xml, request, turn), request.action)
        turn.operation, turn.old = asked.operation, asked.old
        # A signature over the Body covers no header block, and there the document stands: only a
        # token or the connection itself can be proof here.
        turn.caller = self._authenticate(
            None,
            token=asked.token or request.token,
            client_certificate_der=request.client_certificate_der,
            remote=request.remote,
        )
        if turn.caller.agency is None:
            raise errors.NotAuthorised("OrganId, Token?", code="AUT-001", stage="service")
        return self._answer(turn, RUN[asked.operation](self._invocation(xml, request, turn, asked)))

    def _invocation(self, xml: bytes, request: Request, turn: Turn, asked: Asked) -> Invocation:
        if asked.operation not in BY_KEY_INFO:
            _demand_no_parts(request)
            call = self._call(turn, b"", request.content_type)
            return Invocation(hub=self._hub, call=call, asked=asked)
        # Before the token leaves the tree.
        evidence = masked(request.raw, xml, asked.envelope)
        # What was optimised (MTOM) stands inline again.
        if request.optimised:
            _demand_no_parts(request)
        packed = packing.pack(asked.envelope, None if request.optimised else request.attachments)
        kept = (packed, "text/xml") if evidence is None else (evidence, request.content_type)
        call = self._call(turn, *kept)
        return Invocation(hub=self._hub, call=call, asked=asked, packed=packed)

    def _read(self, xml: bytes, request: Request, turn: Turn) -> soap.Envelope:
        root = self._parsed(xml)
        if soap.version_of(root) is SoapVersion.V12 or request.version is SoapVersion.V12:
            raise errors.ProtocolRejected("SOAP 1.1 ≠ 1.2.", code="SVC-002")
        if request.optimised and request.attachments is not None:
            xop.inline(root, request.attachments)
        requests.gather(root, turn.operation)
        envelope = soap.read(root)
        turn.not_understood = soap.not_understood(envelope, UNDERSTOOD)
        if turn.not_understood:
            raise errors.ProtocolRejected(", ".join(turn.not_understood), code="SVC-003")
        return envelope

    def _answer(self, turn: Turn, answer: Answer) -> Reply:
        beside = answer.is_message and (turn.multipart or turn.old)
        if answer.files and not beside:
            answer.payload.append(packing.inline(answer.files))
        envelope = _envelope(answer)
        headers = text_headers(turn)
        if beside:
            media, body = packing.multipart(envelope, answer.files)
            headers = (("Content-Type", media), ("MIME-Version", "1.0"), *headers[1:])
        else:
            body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return Reply(status="200 OK", headers=headers, body=body)

    def _fault(self, turn: Turn, error: errors.BusError) -> Reply:
        id_ = error.correlation_id or turn.correlation_id
        _log.info("refused", code=error.code, detail=error.detail, correlation_id=id_)
        found = reports.entries(error, turn.operation)
        if turn.operation and isinstance(error, errors.Rejected) and not _is_protocol(error):
            root = new(f"{turn.operation}Response")
            told = reports.report(found, id_, parent=root)
            is_bare = turn.old and turn.operation == "GetDocument"
            return self._answer(turn, Answer(payload=told if is_bare else root))
        return _fault(turn, error, reports.report(found, id_))


def _fault(turn: Turn, error: errors.BusError, report: etree._Element) -> Reply:
    """What the sender cannot mend, or what names no operation: a fault that carries the report."""
    treatment = treatment_of(error)
    about = soap.Fault(
        code=treatment.code,
        subcode=error.code,
        reason=error.entry.message,
        detail=report,
        not_understood=turn.not_understood,
    )
    body = etree.tostring(soap.fault(_V11, about), xml_declaration=True, encoding="utf-8")
    status = treatment.status if treatment.always else "500 Internal Server Error"
    return Reply(status=status, headers=text_headers(turn) + http_headers(error), body=body)


def _is_protocol(error: errors.BusError) -> bool:
    """Misuse of SOAP or HTTP that SOAP has words of its own for; wrong arguments are none."""
    known = isinstance(error, errors.ProtocolRejected)
    return known and error.code.startswith("SVC") and error.code != "SVC-006"


def _demand_no_parts(request: Request) -> None:
    if request.attachments is not None:
        request.attachments.demand_all_used()


def _envelope(answer: Answer) -> etree._Element:
    envelope, header, body = edoc.empty_envelope()
    header.extend(answer.blocks)
    body.append(answer.payload)
    for block in answer.blocks:
        # It comes as it was sent, but nobody has to understand a block to read a reply.
        block.attrib.pop(edoc.soap_tag("mustUnderstand"), "")
    return envelope
