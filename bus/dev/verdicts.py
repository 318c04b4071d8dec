"""Reads an answer of the bus as a client gets it, and makes it a flat event for people and machines."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from lxml import etree

from bus import errors
from bus.edxml import parser
from bus.envelope.vocabulary import TNS

Event: TypeAlias = dict[str, Any]

_FAULT = f"{{{TNS}}}ExchangeFault"
#: The verdict of services that answer with a report instead of a fault (CV 2803/BTTTT-THH).
_REPORT = "{*}Report"
_BODY = "{*}Body"
_NUMBERS = frozenset({"line", "column", "retryAfterSeconds"})
_TRUTHS = frozenset({"retryable", "already"})
_FIRST_ERROR = 400


def read_verdict(status: int, body: bytes) -> Event:
    """The event of one answer: `accepted`, `refused`, `checked` or, for all else, `asked`.

    A refusal has the members of the typed fault (code, stage, message, messageVi, path, line, hint,
    hintVi, …) and its problems; what cannot be read is told by its HTTP status alone.
    """
    root = _xml(body)
    if root is None:
        return _plain(status, body)
    fault = next(root.iter(_FAULT), None)
    if fault is not None:
        return {"event": "refused", **_members(fault), "problems": _problems(fault)}
    report = next((each for each in root.iter(_REPORT) if _failed(each)), None)
    if report is not None:
        return {"event": "refused", **_reported(report)}
    payload = root.find(f"{_BODY}/*")
    if status >= _FIRST_ERROR:
        return {"event": "refused", "message": root.findtext(".//faultstring") or ""}
    if payload is None:
        return {"event": "asked"}
    return _answered(payload)


def _failed(report: etree._Element) -> bool:
    return report.findtext("{*}IsSuccess") == "false"


def _reported(report: etree._Element) -> Event:
    """What a report of eDoc 1.0 lists; its words are in both languages already."""
    return {
        "correlationId": report.findtext("{*}CorrelationId") or "",
        "problems": [
            {
                "severity": "reject",
                "rule": each.findtext("{*}Code") or "",
                "message": each.findtext("{*}Description") or "",
            }
            for each in report.iterfind("{*}ErrorList/{*}Error")
        ],
    }


def _xml(body: bytes) -> etree._Element | None:
    if body.lstrip()[:1] != b"<":
        return None
    try:
        return parser.parse(body)
    except errors.BusError:
        return None


def _plain(status: int, body: bytes) -> Event:
    """An answer outside SOAP: the edge refuses in JSON with the same members."""
    if status < _FIRST_ERROR:
        return {"event": "asked"}
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    return {"event": "refused", **(said if isinstance(said, dict) else {})}


def _answered(payload: etree._Element) -> Event:
    name = etree.QName(payload).localname.removesuffix("Response")
    receipt = payload.find("{*}Receipt")
    if receipt is not None:
        return {"event": "accepted", "operation": name, **_receipt(payload, receipt)}
    problems = _problems(payload)
    if name == "CheckDocument":
        acceptable = payload.findtext("{*}acceptable") == "true"
        return {
            "event": "checked",
            "operation": name,
            "acceptable": acceptable,
            "problems": problems,
        }
    if payload.find(_REPORT) is not None:
        return {"event": "asked", "operation": name, "success": True}
    waiting = len(payload.findall("{*}Pending")) if name == "ListPending" else None
    return {"event": "asked", "operation": name} | ({} if waiting is None else {"count": waiting})


def _receipt(payload: etree._Element, receipt: etree._Element) -> Event:
    said = _members(receipt)
    return {
        "messageId": said.get("messageId", ""),
        "topic": said.get("topic", ""),
        "duplicate": payload.findtext("{*}duplicate") == "true",
        "recipients": [_members(each) for each in receipt.findall("{*}Recipient")],
        "warnings": [each.text or "" for each in receipt.findall("{*}warning")],
    }


def _problems(parent: etree._Element) -> list[Event]:
    return [_members(each) for each in parent.findall(f"{{{TNS}}}Problem")]


def _members(element: etree._Element) -> Event:
    """Children that hold text, by name; numbers and truth values as such."""
    return {
        etree.QName(each).localname: _value(etree.QName(each).localname, each.text or "")
        for each in element
        if isinstance(each.tag, str) and not len(each)
    }


def _value(name: str, text: str) -> str | int | bool:
    if name in _NUMBERS and text.lstrip("-").isdigit():
        return int(text)
    return text == "true" if name in _TRUTHS else text
