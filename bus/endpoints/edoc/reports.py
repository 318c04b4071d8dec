"""Reports: what each error of the bus is called in eDoc, as tables of data.

A code is a prefix (`N.` missing, `R.` out of range, `M.` invalid, `T.` wrong type) and the place in
dots. Where the hub of the field has a name of its own for a case, that name is kept, so that what
clients do about it still works.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from bus import errors
from bus.edxml.codec.mapping import Kind
from bus.endpoints.edoc.requests import BY_KEY_INFO
from bus.envelope import edoc
from bus.envelope.vocabulary import written
from bus.model import Problem, Severity

#: Most errors that one report tells, and the longest text of one, characters.
MOST_ERRORS = 200
_LONGEST = 1000

#: Blocks and wrappers that do not count as part of the place.
_AROUND = re.compile(r"^/Envelope/(?:Header|Body(?:/(?:SendDocument|UpdateTraces))?)/")
_INDEX = re.compile(r"\[\d+\]")
_TOO_LONG = frozenset({"LEN", "E09", "E12"})
_DISCREET = (errors.Defect, errors.Misconfigured, errors.StoreUnavailable)

#: Places that have another name where a value is wrong; the first that ends a place counts.
_PLACES = (
    ("AttachmentName", "AttachmentName"),
    ("Attachment/name", "AttachmentName"),
    ("@Content-Transfer-Encoding", "Attachment-Encoding"),
    ("Attachment/value", "Attachment-Encoding"),
    ("PromulgationInfo/PromulgationDate", "PromulgationDate"),
)
#: Blocks beside the header that reports name as if they were in it.
_IN_HEADER = frozenset({"TraceHeaderList", "ErrorList"})

#: Errors that have no place in the document, by code or by the part of it before the dash.
_NAMES = {
    "DUP": "M.Exist",
    "RCV-004": "N.Envelope",
    "RCV-005": "N.Envelope",
    "RCV": "R.Envelope",
    "XML": "M.Envelope",
    "DOC": "M.MessageHeader",
    "MIM-001": "M.Envelope",
    "MIM-002": "N.Envelope",
    "MIM-003": "N.Attachment",
    "MIM-005": "N.Manifest.Reference",
    "MIM": "M.Attachment",
    "LIF": "M.UpdateTrace",
    "SVC-004": "M.SOAPAction",
    "SVC-012": "M.SOAPAction",
    "SVC": "M.Envelope",
}
#: What is no fault of the sender.
_OURS = "M.System"
_NOT_FOUND = {"GetDocument": "M.DOCUMENT", "ConfirmReceived": "M.DOCUMENT"}
#: Arguments that the hub calls invalid rather than missing.
_ARGUMENTS = frozenset({"OrganId", "DocumentId", "TraceId"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One error of a report."""

    code: str
    text: str


def entries(error: errors.BusError, operation: str) -> tuple[Entry, ...]:
    """What a report says of an error; never nothing."""
    fatal = [p for p in error.problems if p.severity is Severity.REJECT]
    if fatal and error.code == "DOC-001":
        told: dict[str, Entry] = {}
        for problem in fatal:
            name = _name(problem)
            if not _within_missing(name, told):
                told.setdefault(name, Entry(code=name, text=_told(problem)))
        return tuple(itertools.islice(told.values(), MOST_ERRORS))
    return (Entry(code=_code(error, operation), text=_words(error)),)


def report(
    found: tuple[Entry, ...], correlation_id: str, *, parent: etree._Element | None = None
) -> etree._Element:
    """The Report element: a success when nothing was found."""
    tag = edoc.tag("Report")
    root = (
        etree.Element(tag, nsmap={"edXML": edoc.NAMESPACE})
        if parent is None
        else etree.SubElement(parent, tag)
    )
    add(root, "IsSuccess", not found)
    listed = etree.SubElement(root, edoc.tag("ErrorList"))
    for one in found:
        element = etree.SubElement(listed, edoc.tag("Error"))
        add(element, "Code", one.code)
        add(element, "Description", one.text)
    add(root, "CorrelationId", correlation_id)
    return root


def add(parent: etree._Element, name: str, value: str | int | bool) -> None:  # noqa: FBT001 - a value of the wire
    """Append a leaf of eDoc's namespace."""
    etree.SubElement(parent, edoc.tag(name)).text = written(value)


def _name(problem: Problem) -> str:
    prefix = _prefix(problem)
    place = _bare_place(problem.path) if prefix == "N" else _place(problem.path)
    return f"{prefix}.{place}"


def _within_missing(name: str, told: Collection[str]) -> bool:
    """Whether a report says already that something around is missing: what is in it must be, too."""
    steps = name.split(".")
    inner = name.startswith("N.")
    return inner and any(".".join(steps[:end]) in told for end in range(2, len(steps)))


def _prefix(problem: Problem) -> str:
    if problem.rule == "E04" and problem.value:
        return "N"  # the hub's name for a recipient given twice
    if problem.rule in _TOO_LONG and problem.value and problem.expected != Kind.INTEGER.value:
        return "R"
    if problem.expected == Kind.INTEGER.value:
        return "T"
    return "M" if problem.value or problem.expected == "1" else "N"


def _place(path: str) -> str:
    bare = _INDEX.sub("", path)
    for ending, name in _PLACES:
        if bare.endswith("/" + ending):
            return name
    return _bare_place(path)


def _bare_place(path: str) -> str:
    bare = _INDEX.sub("", path)
    place = _AROUND.sub("", bare, count=1).strip("/").replace("/", ".") or "Envelope"
    return f"MessageHeader.{place}" if place in _IN_HEADER else place


def _code(error: errors.BusError, operation: str) -> str:
    if not isinstance(error, errors.Rejected):
        return _OURS
    if isinstance(error, errors.NotFound):
        return _NOT_FOUND.get(operation, "M.DocumentId")
    if isinstance(error, errors.SignatureRejected | errors.NotAuthorised):
        if error.path:
            return f"M.{_place(error.path)}"
        return "M.CheckSignature" if operation in BY_KEY_INFO else "M.CheckPermission"
    last = error.path.rpartition("/")[2]
    if error.code == "SVC-006" and last in _ARGUMENTS:
        return f"M.{last}"
    if error.code.startswith("MIM") and error.path:
        return f"M.{_place(error.path)}"
    known = _NAMES.get(error.code) or _NAMES.get(error.code.partition("-")[0])
    return known or f"M.{_place(error.path)}"


def _told(problem: Problem) -> str:
    where = f"{problem.path}, {problem.line}" if problem.line else problem.path
    value = f" {problem.value[:100]!r} ≠ {problem.expected}." if problem.value else ""
    wanted = "" if value or not problem.expected else f" ({problem.expected})"
    text = f"{problem.message_vi}{wanted}{value} {problem.hint_vi} / {problem.message} [{where}]"
    return text[:_LONGEST]


def _words(error: errors.BusError) -> str:
    discreet = isinstance(error, _DISCREET)
    vi, en = (
        (error.entry.message_vi, error.entry.message)
        if discreet
        else (error.message_vi, error.message)
    )
    where = f" [{error.path}, {error.line}]" if error.path and error.line else ""
    return f"{vi} {error.entry.hint_vi} / {en}{where}"[:_LONGEST]
