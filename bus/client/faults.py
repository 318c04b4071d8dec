"""From a fault of the exchange service back into the error tree."""

from __future__ import annotations

from typing import NoReturn

from lxml import etree

from bus import errors
from bus.channels import outcomes
from bus.client import reading
from bus.envelope.vocabulary import tag
from bus.error_catalogue import CATALOGUE
from bus.model import Problem

#: The class that says what the caller must do, by the code or its prefix.
_CLASSES: dict[str, type[errors.BusError]] = {
    "RCV": errors.LimitExceeded,
    "XML": errors.NotWellFormed,
    "SIG": errors.SignatureRejected,
    "AUT": errors.NotAuthorised,
    "DOC": errors.SchemaRejected,
    "DUP": errors.Conflict,
    "STO-001": errors.StoreUnavailable,
    "STO-003": errors.NotFound,
    "SVC": errors.ProtocolRejected,
    "SVC-007": errors.ServiceBusy,
    "BUG": errors.Defect,
    "CFG": errors.Defect,
}


def raise_fault(fault: outcomes.FaultFacts, detail: etree._Element | None, note: str) -> NoReturn:
    """Raise the error that the service reported, with its code, problems and correlation id.

    Without a typed detail the SOAP fault code decides: Postponed unless it blames the caller.
    `note` is added to the words.
    """
    if detail is None:
        _raise_untyped(fault, note)
    code = _text(detail, "code")
    known = CATALOGUE.get(code)
    words = _text(detail, "message").removeprefix(known.message if known else "").strip()
    kind = _kind(code, is_retryable=_text(detail, "retryable") in {"true", "1"})
    raise kind(
        " ".join(filter(None, (words if known else f"{code}: {words}", note))),
        code=code if known else None,
        stage=_text(detail, "stage") or None,
        path=_text(detail, "path"),
        line=_number(detail, "line"),
        column=_number(detail, "column"),
        problems=_problems(detail),
        retry_after_s=float(_number(detail, "retryAfterSeconds")) or None,
        correlation_id=_text(detail, "correlationId"),
    )


def detail_of(envelope: etree._Element) -> etree._Element | None:
    """The typed detail of a fault in either version of SOAP."""
    return next(envelope.iter(tag("ExchangeFault")), None)


def _raise_untyped(fault: outcomes.FaultFacts, note: str) -> NoReturn:
    told = " ".join(filter(None, ("/".join(fault.codes), fault.reason, note)))
    if {code.casefold() for code in fault.codes} & {"client", "sender"}:
        raise errors.ProtocolRejected(told)
    raise errors.PeerUnavailable(told, code="DLV-007")


def _kind(code: str, *, is_retryable: bool) -> type[errors.BusError]:
    kind = _CLASSES.get(code) or _CLASSES.get(code.partition("-")[0])
    fallback = errors.Postponed if is_retryable else errors.Rejected
    # What the service says of trying again outranks what this release knows of the code.
    if kind is None or issubclass(kind, errors.Postponed) is not is_retryable:
        return fallback
    return kind


def _problems(detail: etree._Element) -> tuple[Problem, ...]:
    try:
        return reading.problems(detail)
    except errors.ProtocolRejected:
        # A newer service may say what this release cannot read; its code still tells what to do.
        return ()


def _text(detail: etree._Element, name: str) -> str:
    return (detail.findtext(tag(name)) or "").strip()


def _number(detail: etree._Element, name: str) -> int:
    text = _text(detail, name)
    return int(text) if text.isascii() and text.isdigit() else 0
