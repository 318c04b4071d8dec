"""What a receiver's answer means: taken, come back later, or refused for good.

HTTP status first, then the SOAP fault: receivers answer wrong credentials with plain text, and
gateways answer for dead receivers with HTML.
"""

from __future__ import annotations

import email.utils
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from lxml import etree

from bus import errors

#: Longest part of a receiver's own words that travels on.
REASON_CHARS = 400

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"

_OK = 200
_EMPTY_OK = frozenset({200, 201, 202, 204})
_CREDENTIALS = frozenset({401, 403, 407})
_BUSY = frozenset({429, 503})
_GATEWAY = frozenset({408, 502, 504})
_TOO_LARGE = 413
_REDIRECTS = range(300, 400)
_SENDER_FAULTS = frozenset({"client", "sender"})
_PROTOCOL_FAULTS = frozenset({"mustunderstand", "versionmismatch", "dataencodingunknown"})
# Fault codes of WS-Security 1.1 §12 and the one that time windows use.
_SECURITY_FAULTS = frozenset(
    {
        "failedauthentication",
        "failedcheck",
        "invalidsecurity",
        "invalidsecuritytoken",
        "messageexpired",
        "securitytokenunavailable",
        "unsupportedalgorithm",
        "unsupportedsecuritytoken",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer of a receiver, already bounded in size."""

    status: int
    content_type: str = ""
    retry_after: str | None = None
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultFacts:
    """What a SOAP fault says, in either version."""

    #: Local names of the code and its subcodes, outermost first.
    codes: tuple[str, ...] = ()
    reason: str = ""
    #: What the detail states about trying again; None when it states nothing.
    retryable: bool | None = None
    retry_after_s: float | None = None


def judge(answer: Answer, now: datetime) -> bool:
    """Whether the answer carries a SOAP reply to read; False for an empty acceptance.

    Raises PeerBusy DLV-002, PeerUnavailable DLV-001, DLV-003, DLV-007 or DLV-008 (try again),
    DeliveryRefused DLV-004 (for good).
    """
    _judge_status(answer, now)
    if answer.status == _TOO_LARGE:
        raise errors.DeliveryRefused(f"HTTP {answer.status}")
    if not answer.content.strip() and answer.status in _EMPTY_OK:
        return False
    fault = read_fault(answer)
    if fault is not None:
        raise_fault(fault)
    if answer.status not in _EMPTY_OK:
        raise errors.PeerUnavailable(f"HTTP {answer.status}", code="DLV-003")
    return True


def judge_document(answer: Answer, now: datetime) -> bytes:
    """The content of a document that was asked for; Raises PeerBusy or PeerUnavailable."""
    _judge_status(answer, now)
    if answer.status != _OK:
        raise errors.PeerUnavailable(f"HTTP {answer.status}", code="DLV-003")
    return answer.content


def _judge_status(answer: Answer, now: datetime) -> None:
    status = answer.status
    if status in _CREDENTIALS:
        raise errors.PeerUnavailable(f"HTTP {status}", code="DLV-008")
    if status in _BUSY:
        raise errors.PeerBusy(
            f"HTTP {status}", retry_after_s=retry_after_s(answer.retry_after, now)
        )
    if status in _GATEWAY:
        raise errors.PeerUnavailable(f"HTTP {status}")
    if status in _REDIRECTS:
        # Following one would send a signed document to an address nobody registered.
        raise errors.PeerUnavailable(f"HTTP {status}: redirect", code="DLV-003")


def read_fault(answer: Answer) -> FaultFacts | None:
    """The SOAP fault in an answer, None when it is a SOAP reply without one.

    Raises PeerUnavailable DLV-003 when the answer is no SOAP envelope.
    """
    return fault_of(envelope_of(answer))


def envelope_of(answer: Answer) -> etree._Element:
    """The SOAP envelope of either version in an answer; Raises PeerUnavailable DLV-003."""
    envelope = _parse(answer)
    namespace = etree.QName(envelope).namespace
    if namespace not in {SOAP_11, SOAP_12} or etree.QName(envelope).localname != "Envelope":
        raise _not_understood(answer, f"root element {etree.QName(envelope).localname}")
    if envelope.find(f"{{{namespace}}}Body") is None:
        raise _not_understood(answer, "no Body")
    return envelope


def fault_of(envelope: etree._Element) -> FaultFacts | None:
    """The fault in the Body of a parsed envelope of either version; None when it has none."""
    namespace = etree.QName(envelope).namespace
    fault = envelope.find(f"{{{namespace}}}Body/{{{namespace}}}Fault")
    return None if fault is None else _facts(fault)


def _parse(answer: Answer) -> etree._Element:
    # A new parser each time: answers are small, and a shared one would serialise the threads.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(answer.content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _not_understood(answer, "not XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _not_understood(answer, "DOCTYPE")
    return root


def _not_understood(answer: Answer, what: str) -> errors.PeerUnavailable:
    media = bounded(answer.content_type) or "no media type"
    start = bounded(answer.content[:120].decode("utf-8", "replace"))
    return errors.PeerUnavailable(f"HTTP {answer.status}, {media}, {what}: {start}", code="DLV-003")


def _facts(fault: etree._Element) -> FaultFacts:
    # Only outside the detail: what the receiver's own program puts there is no fault code.
    values = [*fault.iterfind("{*}faultcode"), *fault.iterfind("{*}Code//{*}Value")]
    codes = [_local(node.text) for node in values if node.text]
    reasons = [
        node.text or ""
        for path in ("{*}faultstring", "{*}Reason/{*}Text")
        for node in fault.iterfind(path)
    ]
    return FaultFacts(
        codes=tuple(codes),
        reason=bounded(reasons[0] if reasons else ""),
        retryable=_truth(_detail(fault, "retryable")),
        retry_after_s=_seconds(_detail(fault, "retryAfterSeconds")),
    )


def _local(code: str) -> str:
    # "soap:Client.Validation" (SOAP 1.1 §4.4.1) says Client, more exactly.
    return code.strip().rsplit(":", 1)[-1].split(".", 1)[0]


def _detail(fault: etree._Element, name: str) -> str | None:
    for detail in fault.iter("{*}detail", "{*}Detail"):
        for node in detail.iter(f"{{*}}{name}"):
            return (node.text or "").strip()
    return None


def _truth(text: str | None) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text or "")


def _seconds(text: str | None) -> float | None:
    # Nine digits are thirty years; more are no waiting time.
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return float(text)


def raise_fault(fault: FaultFacts) -> NoReturn:
    """Turn a fault into the error that says what to do; always raises.

    A fault that states whether to try again is believed; else the code decides.
    """
    told = bounded(f"{'/'.join(fault.codes)}: {fault.reason}")
    codes = {code.casefold() for code in fault.codes}
    if fault.retryable:
        raise errors.PeerBusy(told, retry_after_s=fault.retry_after_s)
    if codes & _SECURITY_FAULTS:
        raise errors.PeerUnavailable(told, code="DLV-008")
    if fault.retryable is False or codes & _SENDER_FAULTS:
        raise errors.DeliveryRefused(told)
    if codes & _PROTOCOL_FAULTS:
        raise errors.PeerUnavailable(told, code="DLV-003")
    raise errors.PeerUnavailable(told, code="DLV-007")


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds from `now` that a Retry-After header asks for (RFC 9110 §10.2.3): number or date.

    None when the header is absent or says nothing that can be read.
    """
    if value is None:
        return None
    seconds = _seconds(value.strip())
    if seconds is not None:
        return seconds
    try:
        at = email.utils.parsedate_to_datetime(value.strip())
    except (ValueError, TypeError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def bounded(text: str) -> str:
    """A receiver's words on one line, without control characters, at most 400 characters, NFC."""
    printable = "".join(" " if not mark.isprintable() else mark for mark in text[:4000])
    line = unicodedata.normalize("NFC", " ".join(printable.split()))
    return line if len(line) <= REASON_CHARS else line[: REASON_CHARS - 1] + "…"
