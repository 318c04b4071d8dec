"""The only place that makes SOAP faults: what each error of the bus becomes on the wire."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lxml import etree

from bus import errors
from bus.endpoints.answers import add_problems
from bus.envelope import addressing, soap
from bus.envelope.addressing import Addressing
from bus.envelope.soap import FaultCode, SoapVersion
from bus.envelope.vocabulary import add, new

#: Seconds that a retryable fault names when the error names none.
_DEFAULT_RETRY_S = 30


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a fault travels; `status` is of SOAP 1.2, where SOAP 1.1 says 500 unless `always`."""

    code: FaultCode
    status: str
    always: bool = False


_SENDER = Treatment(FaultCode.SENDER, "400 Bad Request")
_RECEIVER = Treatment(FaultCode.RECEIVER, "500 Internal Server Error")

#: Every error class of the bus. SOAP 1.2 part 2, table 20: Sender is 400, all others 500.
BY_CLASS: dict[type[errors.BusError], Treatment] = {
    errors.BusError: _RECEIVER,
    errors.Rejected: _SENDER,
    errors.NotWellFormed: _SENDER,
    errors.LimitExceeded: _SENDER,
    errors.SignatureRejected: _SENDER,
    errors.NotAuthorised: _SENDER,
    errors.SchemaRejected: _SENDER,
    errors.Conflict: _SENDER,
    errors.RoutesRefused: _SENDER,
    errors.ProtocolRejected: _SENDER,
    errors.NotFound: _SENDER,
    errors.DeliveryRefused: _SENDER,
    errors.Postponed: _RECEIVER,
    errors.PeerUnavailable: _RECEIVER,
    errors.PeerBusy: _RECEIVER,
    errors.StoreUnavailable: _RECEIVER,
    errors.ServiceBusy: _RECEIVER,
    errors.Misconfigured: _RECEIVER,
    errors.Defect: _RECEIVER,
}

#: Codes that SOAP or HTTP have words of their own for.
BY_CODE: dict[str, Treatment] = {
    "SVC-002": Treatment(FaultCode.VERSION_MISMATCH, "500 Internal Server Error"),
    "SVC-003": Treatment(FaultCode.MUST_UNDERSTAND, "500 Internal Server Error"),
    "SVC-008": Treatment(FaultCode.SENDER, "415 Unsupported Media Type", always=True),
    "SVC-009": Treatment(FaultCode.SENDER, "405 Method Not Allowed", always=True),
    "SVC-010": Treatment(FaultCode.SENDER, "415 Unsupported Media Type", always=True),
    "SVC-011": Treatment(FaultCode.SENDER, "404 Not Found", always=True),
}

#: Errors about our own inside: outsiders get the catalogue's words, never the detail.
_DISCREET = (errors.Defect, errors.Misconfigured, errors.StoreUnavailable)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReply:
    """A fault ready to be signed and sent."""

    status: str
    headers: tuple[tuple[str, str], ...]
    envelope: etree._Element


def treatment_of(error: errors.BusError) -> Treatment:
    """How this error travels."""
    found = BY_CODE.get(error.code)
    return found or next(BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS)


def fault_reply(
    version: SoapVersion,
    error: errors.BusError,
    *,
    correlation_id: str,
    not_understood: tuple[str, ...] = (),
    asked: Addressing | None = None,
) -> FaultReply:
    """The typed ExchangeFault of an error, in the caller's version of SOAP.

    `asked` are the WS-Addressing headers of the request: a refusal of them is called by the
    names that specification gives it.

    SOAP 1.1 (4.4) keeps `detail` for errors of the Body; it is sent for header errors too,
    because generated clients get their typed exception from nowhere else.
    """
    treatment = treatment_of(error)
    theirs = asked if error.code in addressing.FAULTS else None
    about = soap.Fault(
        code=treatment.code,
        subcode=error.code,
        reason=_words(error)[0],
        detail=_detail(error, correlation_id),
        not_understood=not_understood,
        names=addressing.subcodes(theirs, error.code) if theirs else (),
    )
    envelope = soap.fault(version, about)
    if theirs:
        addressing.explain(envelope, theirs, error.code, error.path)
    classic = version is SoapVersion.V11 and not treatment.always
    return FaultReply(
        status=_RECEIVER.status if classic else treatment.status,
        headers=http_headers(error),
        envelope=envelope,
    )


def http_headers(error: errors.BusError) -> tuple[tuple[str, str], ...]:
    """What HTTP adds to a fault: when to come again, which methods there are."""
    found: list[tuple[str, str]] = []
    if error.retryable:
        found.append(("Retry-After", str(_retry_after_s(error))))
    if error.code == "SVC-009":
        found.append(("Allow", "GET, HEAD, POST"))
    if error.code == "SVC-010":
        # RFC 9110 §15.5.16 has a client told what it may use instead.
        found.append(("Accept-Encoding", "identity"))
    return tuple(found)


def _retry_after_s(error: errors.BusError) -> int:
    wanted = _DEFAULT_RETRY_S if error.retry_after_s is None else error.retry_after_s
    return max(1, math.ceil(wanted))


def _detail(error: errors.BusError, correlation_id: str) -> etree._Element:
    message, message_vi = _words(error)
    root = new("ExchangeFault")
    add(root, "code", error.code)
    add(root, "stage", error.stage)
    add(root, "message", message)
    add(root, "messageVi", message_vi)
    add(root, "path", error.path)
    add(root, "line", error.line)
    add(root, "hint", error.entry.hint)
    add(root, "retryable", error.retryable)
    add(root, "correlationId", error.correlation_id or correlation_id)
    add(root, "column", error.column or None)
    add(root, "hintVi", error.entry.hint_vi)
    if error.retryable:
        add(root, "retryAfterSeconds", _retry_after_s(error))
    add_problems(root, error.problems)
    return root


def _words(error: errors.BusError) -> tuple[str, str]:
    if isinstance(error, _DISCREET):
        return error.entry.message, error.entry.message_vi
    return error.message, error.message_vi
