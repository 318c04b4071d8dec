"""eDoc 1.0 → canonical message: tolerant of order and spelling, silent about nothing.

Every element is visited once; its text ends in the message, in an extension, or in a loss.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from lxml import etree

from adapters.edoc_soap import dates
from adapters.edoc_soap.files import Files
from adapters.edoc_soap.mapping import MESSAGE_HEADER, STATUS, STATUSES, TRACE
from adapters.edoc_soap.message import Message
from adapters.edoc_soap.required import is_public
from bus.edxml.codec.mapping import Group, Kind, Leaf, Wrapper
from bus.edxml.codec.reader import STRANGE_ATTRIBUTE, strange_attributes
from bus.edxml.codec.values import WHITE_SPACE, read_value
from bus.edxml.dates import write_date
from bus.edxml.paths import line_of, local_name
from bus.edxml.rules import problem
from bus.envelope import edoc
from bus.errors import NotWellFormed
from bus.model import (
    Document,
    Extension,
    FieldFate,
    Loss,
    Problem,
    Reference,
    Severity,
    StatusMessage,
)
from bus.ports import Reading

_SHOWN = 200
_HEADER = "/Envelope/Header"
#: Where files stand.
_FILES = "AllDocument/Document/Attach"
#: Where an extension of a block belongs in edXML, whose paths the canonical message speaks.
_HOME = "/edXML/edXMLEnvelope/edXMLHeader"


class Spot(NamedTuple):
    """A place in the sender's words; `element` is None where nothing stands."""

    element: etree._Element | None
    path: str
    line: int


def read(message: Message, *, unpacked_bytes: int) -> Reading:
    """Translate a message that was taken apart; Raises LimitExceeded RCV-001 for a ZIP bomb."""
    reader = _Reader(message.paths)
    made = reader.status(message) if message.status is not None else reader.document(message)
    if isinstance(made, Document):
        files = Files(message, reader.places, unpacked_bytes)
        made = dataclasses.replace(made, attachments=files.attachments())
        reader.problems += files.problems
        reader.losses += files.losses
        astray = message.strays
    else:
        # A status has no files.
        astray = (*message.strays, *(file.element for file in message.files))
    for element in astray:
        reader.astray(element)
    for block in message.blocks:
        reader.attributes(block)
    return Reading(
        message=dataclasses.replace(made, extensions=tuple(reader.extensions)),
        problems=tuple(reader.problems),
        losses=tuple(reader.losses),
        places=reader.places,
    )


class _Reader:
    """One walk over one message."""

    def __init__(self, paths: Mapping[etree._Element, str]) -> None:
        self.paths = paths
        self.problems: list[Problem] = []
        self.losses: list[Loss] = []
        self.places: dict[str, tuple[str, int]] = {}
        self.extensions: list[Extension] = []

    def document(self, message: Message) -> Document:
        values = self.block(message.header, f"{_HEADER}/MessageHeader", MESSAGE_HEADER)
        values |= self.block(message.trace, f"{_HEADER}/TraceHeaderList", TRACE)
        if message.errors is not None:
            for element in message.errors.iter(etree.Element):
                self._lose_text(self.paths[element], element, "is a report of another hub")
        document = Document(**values)  # type: ignore[arg-type]  # typed by the tables
        if document.document_id is None:
            return dataclasses.replace(document, document_id=self._identity(document))
        return document

    def status(self, message: Message) -> StatusMessage:
        path = "/Envelope/Body/UpdateTraces/Status"
        values = self.block(message.status, path, STATUS)
        status = StatusMessage(**values)  # type: ignore[arg-type]  # typed by the tables
        about = status.response_for
        if about.document_id is None:
            known = dataclasses.replace(about, document_id=self._identity(about))
            return dataclasses.replace(status, response_for=known)
        return status

    def _identity(self, named: Document | Reference) -> str | None:
        """The identity in the standard's own form, where a client leaves it to the reader."""
        if isinstance(named, Document):
            place, organ, issued = (
                "document_id",
                named.sender.organ_id,
                named.promulgation.issued_on,
            )
            code = "/".join(part for part in (named.code.number, named.code.notation) if part)
        else:
            place, organ, issued = "response_for.document_id", named.organ_id, named.issued_on
            code = named.code or ""
        if not (organ and issued and code):
            return None
        identity = f"{organ.strip()},{write_date(issued)},{code.strip()}"
        note = "from agency, date and code of the document"
        self.losses.append(
            Loss(path=self.places[place][0], fate=FieldFate.SUPPLIED, value=identity, note=note)
        )
        return identity

    def block(self, element: etree._Element | None, path: str, table: Wrapper) -> dict[str, object]:
        at = path if element is None else self.paths[element]
        return self._fields(
            Spot(element, at, 0 if element is None else line_of(element)), table, ""
        )

    def astray(self, element: etree._Element) -> None:
        """Tell what has no place where it stands; a file there is refused, for nobody would get it."""
        spot = Spot(element, self.paths[element], line_of(element))
        inner = tuple(element.iter(etree.Element))
        if any(local_name(one).lower() == "attachment" for one in inner):
            self._flag("E14", spot, local_name(element), _FILES, Severity.REJECT)
            return
        before = len(self.losses)
        for one in inner:
            # A token is the call's and not the message's: it is repeated nowhere.
            if local_name(one) != "Token":
                self._lose_text(self.paths[one], one, "has no place here")
        if len(self.losses) > before:
            self._flag("E20", spot, local_name(element), None, None)

    def attributes(self, block: etree._Element) -> None:
        """Tell every attribute of a block that belongs to the document and has no home in it."""
        for element in block.iter(etree.Element):
            for name, value in strange_attributes(element):
                # of a Reference, in whatever namespace
                if name != "href":
                    self._lose(f"{self.paths[element]}/@{name}", value, STRANGE_ATTRIBUTE)

    def _fields(self, spot: Spot, table: Group | Wrapper, prefix: str) -> dict[str, object]:
        found: dict[str, list[Spot]] = defaultdict(list)
        for child in spot.element if spot.element is not None else ():
            found[child.tag].append(Spot(child, self.paths[child], line_of(child)))
        values: dict[str, object] = {}
        for field in table.fields:
            spots = found.pop(edoc.tag(field.element), [])
            absent = Spot(None, f"{spot.path}/{field.element}", spot.line)
            if isinstance(field, Leaf):
                values[field.attribute] = self._leaf(field, spots, absent, prefix)
            elif isinstance(field, Wrapper):
                values |= self._fields(self._single(field.rule, spots, absent), field, prefix)
            else:
                values[field.attribute] = self._records(field, spots, absent, prefix)
        for strangers in found.values():
            for stranger in strangers:
                self._stranger(stranger, spot)
        if spot.element is not None:
            self._lose_text(spot.path, spot.element, "stands between elements")
        return values

    def _records(self, field: Group, spots: list[Spot], absent: Spot, prefix: str) -> object:
        if not field.many:
            spot = self._single(field.rule, spots, absent)
            if spot.element is None and not field.always:
                self.places[prefix + field.attribute] = (spot.path, spot.line)
                return None
            made = self._record(field, spot, prefix + field.attribute)
            return field.record() if made is None and field.always else made
        if not spots:
            self.places[prefix + field.attribute] = (absent.path, absent.line)
        records: list[object] = []
        for spot in spots:
            made = self._record(field, spot, f"{prefix}{field.attribute}[{len(records)}]")
            if made is not None:
                records.append(made)
        return tuple(records)

    def _record(self, field: Group, spot: Spot, at: str) -> object | None:
        """The record an element is; None when it says nothing, which counts as absent."""
        self.places[at] = (spot.path, spot.line)
        values = self._fields(spot, field, f"{at}.")
        says = any(value is not None and value != () for value in values.values())
        return field.record(**values) if says else None

    def _leaf(self, field: Leaf, spots: list[Spot], absent: Spot, prefix: str) -> object:
        at = prefix + field.attribute
        for spot in spots:
            for child in spot.element if spot.element is not None else ():
                self._stranger(Spot(child, self.paths[child], line_of(child)), spot)
        filled = [spot for spot in spots if _text(spot).strip(WHITE_SPACE)]
        if field.many:
            self.places |= {f"{at}[{n}]": (s.path, s.line) for n, s in enumerate(filled)}
            return tuple(map(_text, filled))
        spot = self._single(field.rule, filled or spots[:1], absent)
        self.places[at] = (spot.path, spot.line)
        return self._value(field, spot)

    def _value(self, field: Leaf, spot: Spot) -> object | None:
        text = _text(spot)
        if not text.strip(WHITE_SPACE):
            return None
        value = _read(field.kind, text)
        if value is None:
            severity = Severity.WARN if field.lenient else None
            self._flag(field.rule, spot, text, field.kind.value, severity)
            self._lose(spot.path, text, "cannot be read")
        return value

    def _single(self, rule: str, spots: list[Spot], absent: Spot) -> Spot:
        for spot in spots[1:]:
            self._flag(rule, spot, "", "1", Severity.REJECT)
            for element in spot.element.iter(etree.Element) if spot.element is not None else ():
                self._lose_text(self.paths[element], element, "stands in a repeated element")
        return spots[0] if spots else absent

    def _stranger(self, spot: Spot, parent: Spot) -> None:
        """Keep an element that has no home here, with its place in the words of edXML."""
        if spot.element is None:
            return
        if is_public(spot.element):
            self._lose(spot.path, _text(spot), "says only that the document is public")
            return
        try:
            xml = etree.tostring(spot.element, method="c14n", exclusive=True, with_comments=False)
        except etree.C14NError as error:
            detail = "A namespace is no absolute URI."
            raise NotWellFormed(detail, path=spot.path, line=spot.line) from error
        home = "/".join(step.partition("[")[0] for step in parent.path.split("/"))
        self.extensions.append(Extension(parent=home.replace(_HEADER, _HOME), xml=xml))
        self._flag("E20", spot, local_name(spot.element), None, None)

    def _flag(
        self, rule: str, spot: Spot, value: str, expected: str | None, severity: Severity | None
    ) -> None:
        self.problems.append(
            problem(
                rule,
                path=spot.path,
                line=spot.line,
                value=value[:_SHOWN],
                expected=expected,
                severity=severity,
            )
        )

    def _lose_text(self, path: str, element: etree._Element, note: str) -> None:
        text = "".join((element.text or "", *(child.tail or "" for child in element)))
        if text.strip(WHITE_SPACE):
            self._lose(path, text, note)

    def _lose(self, path: str, value: str, note: str) -> None:
        self.losses.append(Loss(path=path, fate=FieldFate.LOST, value=value, note=note))


def _read(kind: Kind, text: str) -> object | None:
    bare = text.strip(WHITE_SPACE)
    if kind is Kind.DATE:
        return dates.read_date(bare)
    if kind is Kind.INSTANT:
        return dates.read_instant(bare)
    if kind is Kind.STATUS:
        return STATUSES.get(bare.lower())
    return read_value(kind, text)


def _text(spot: Spot) -> str:
    if spot.element is None:
        return ""
    tails = (child.tail or "" for child in spot.element)
    return "".join((spot.element.text or "", *tails))
