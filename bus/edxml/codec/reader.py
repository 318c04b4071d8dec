"""edXML → canonical message: tolerant of order, prefixes and empty tags, silent about nothing.

Every element is visited once, and the text of every leaf ends in exactly one of four places:
in the message, in an extension kept raw, in a loss, or in a signature, which is no content.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple, cast

from lxml import etree

from bus.edxml.codec.mapping import (
    DOCUMENT,
    NAMESPACE,
    SIGNATURES,
    XLINK,
    EncodedFile,
    Field,
    Group,
    Kind,
    Leaf,
    Wrapper,
)
from bus.edxml.codec.pairing import Pairing
from bus.edxml.codec.skeleton import Payload, Skeleton
from bus.edxml.codec.values import WHITE_SPACE, read_value
from bus.edxml.paths import line_of, local_name
from bus.edxml.rules import problem
from bus.errors import NotWellFormed
from bus.model import (
    Document,
    Extension,
    FieldFate,
    Loss,
    ManifestEntry,
    Problem,
    Severity,
    StatusMessage,
)
from bus.ports import Reading

_PREFIX = f"{{{NAMESPACE}}}"
#: Where a signature may stand that speaks of the whole message.
_SIGNED = frozenset({"edXML", "edXMLEnvelope", "edXMLHeader"})
_SIGNATURES = frozenset(
    {f"{_PREFIX}Signature", f"{_PREFIX}DigitalSignature", f"{{{SIGNATURES}}}Signature"}
)
#: Attributes that belong to the wire, not to the document (SOAP inheritance, xlink labels).
_WIRE_ATTRIBUTES = frozenset({"id", "version", "mustUnderstand", "actor"})
_WIRE_NAMESPACES = (
    f"{{{XLINK}}}",
    "{http://www.w3.org/2001/XMLSchema-instance}",
    "{http://www.w3.org/XML/1998/namespace}",
)
_SHOWN = 200
_BUSINESS = "Bussiness"
_MOVE_IT = "Put Bussiness into edXMLHeader/TraceHeaderList, in the namespace of the document."
_MOVE_IT_VI = (
    "Hãy đặt Bussiness trong edXMLHeader/TraceHeaderList, cùng không gian tên với văn bản."
)


class Spot(NamedTuple):
    """An element with its path in the sender's words."""

    element: etree._Element
    path: str

    @property
    def line(self) -> int:
        """Line in the sender's file, from 1; 0 when the parser does not know it."""
        return line_of(self.element)


def read(skeleton: Skeleton, *, unpacked_bytes: int) -> Reading:
    """Translate a message, keeping count of everything that did not land in it.

    `unpacked_bytes` bounds what all zipped attachments together may unpack to. Neither the
    tree nor the payloads are changed. Raises LimitExceeded RCV-001 for a ZIP bomb.
    """
    reader = _Reader(skeleton.payloads)
    values = reader.fields(Spot(skeleton.root, "/edXML"), skeleton.shape, "")
    message: Document | StatusMessage
    if skeleton.shape is DOCUMENT:
        pairing = Pairing(reader.places, unpacked_bytes)
        entries = cast("tuple[ManifestEntry, ...]", values.pop("manifest"))
        files = cast("tuple[EncodedFile, ...]", values["attachments"])
        values["attachments"] = pairing.pair(entries, files)
        reader.problems.extend(pairing.problems)
        reader.losses.extend(pairing.losses)
        message = Document(**values, extensions=tuple(reader.extensions))  # type: ignore[arg-type]  # typed by the tables
    else:
        message = StatusMessage(**values, extensions=tuple(reader.extensions))  # type: ignore[arg-type]  # typed by the tables
    return Reading(
        message=message,
        problems=tuple(reader.problems),
        losses=tuple(reader.losses),
        places=reader.places,
    )


class _Reader:
    """One walk over one message."""

    def __init__(self, payloads: Mapping[etree._Element, Payload]) -> None:
        self.payloads = payloads
        self.problems: list[Problem] = []
        self.losses: list[Loss] = []
        self.places: dict[str, tuple[str, int]] = {}
        self.extensions: list[Extension] = []

    def fields(self, spot: Spot, table: Group | Wrapper, prefix: str) -> dict[str, object]:
        """The attributes of the record that `spot` is, `prefix` being its canonical path."""
        known = _tags(table)
        found: dict[str, list[Spot]] = {}
        strangers: list[Spot] = []
        for child in _children(spot):
            tag = child.element.tag
            if tag in known:
                found.setdefault(tag, []).append(child)
            else:
                strangers.append(child)
        values: dict[str, object] = {}
        for tag, field in known.items():
            spots = found.get(tag)
            if spots is None:
                self._absent(field, spot, prefix, values)
            else:
                self._present(field, spots, prefix, values)
        self._attributes(spot)
        for stranger in strangers:
            self._stranger(stranger, spot)
        return values

    def _present(
        self, field: Field, spots: list[Spot], prefix: str, values: dict[str, object]
    ) -> None:
        if isinstance(field, Leaf):
            values[field.attribute] = self._leaf(field, spots, prefix)
        elif isinstance(field, Wrapper):
            values |= self._wrapper(field, spots, prefix)
        else:
            records = self._records(field, spots, prefix)
            nothing = field.record() if field.always else None
            single = records[0] if records else nothing
            values[field.attribute] = records if field.many else single

    def _absent(self, field: Field, above: Spot, prefix: str, values: dict[str, object]) -> None:
        """The values of an absent element, placed where it would stand."""
        absence = _absence(field)
        values |= absence.values
        line = above.line if absence.places else 0
        for at, path in absence.places:
            self.places[prefix + at] = (above.path + path, line)

    def _wrapper(self, field: Wrapper, spots: list[Spot], prefix: str) -> dict[str, object]:
        spot = self._single(field.rule, spots)
        values = self.fields(spot, field, prefix)
        leaf = field.fields[0]
        if field.inline and isinstance(leaf, Leaf) and not _blank(spot):
            items = values[leaf.attribute]
            values[leaf.attribute] = (
                _text(spot.element),
                *(items if isinstance(items, tuple) else ()),
            )
        else:
            self._stray_text(spot)
        return values

    def _records(self, field: Group, spots: list[Spot], prefix: str) -> tuple[object, ...]:
        records: list[object] = []
        for spot in spots if field.many else [self._single(field.rule, spots)]:
            index = f"[{len(records)}]" if field.many else ""
            at = f"{prefix}{field.attribute}{index}"
            self.places[at] = (spot.path, spot.line)
            values = self.fields(spot, field, f"{at}.")
            self._stray_text(spot)
            if any(value is not None and value != () for value in values.values()):
                records.append(field.record(**values))
        return tuple(records)

    def _leaf(self, field: Leaf, spots: list[Spot], prefix: str) -> object:
        for spot in spots:
            self._inside_leaf(spot)
        if field.kind is Kind.PAYLOAD:
            return self._payload(field, self._single(field.rule, spots))
        at = prefix + field.attribute
        if len(spots) == 1 and not field.many:
            self.places[at] = (spots[0].path, line_of(spots[0].element))
            return self._value(field, spots[0])
        filled = [spot for spot in spots if not _blank(spot)]
        if field.many:
            for index, spot in enumerate(filled):
                self.places[f"{at}[{index}]"] = (spot.path, spot.line)
            return tuple(_text(spot.element) for spot in filled)
        spot = self._single(field.rule, filled) if filled else spots[0]
        self.places[at] = (spot.path, spot.line)
        return self._value(field, spot)

    def _value(self, field: Leaf, spot: Spot) -> object | None:
        text = _text(spot.element)
        if not text.strip(WHITE_SPACE):
            return None
        value = read_value(field.kind, text)
        if value is None:
            severity = Severity.WARN if field.lenient else None
            self._flag(field.rule, spot, text, field.kind.value, severity=severity)
            self._lose(spot.path, text, "cannot be read")
        return value

    def _payload(self, field: Leaf, spot: Spot) -> bytes | None:
        payload = self.payloads[spot.element]
        if payload.content is None:
            self._flag(field.rule, spot, payload.start, field.kind.value)
            self._lose(spot.path, payload.start, "is no base64")
        elif not payload.content:
            self._flag(field.rule, spot, "", field.kind.value, severity=Severity.WARN)
        return payload.content

    def _single(self, rule: str, spots: list[Spot]) -> Spot:
        """The first of what may stand once; every further one is refused and lost."""
        for spot in spots[1:]:
            self._flag(rule, spot, "", "1", severity=Severity.REJECT)
            for element in spot.element.iter(etree.Element):
                self._lose_text(spot.path, _text(element), "stands in a repeated element")
            if spot.element in self.payloads:
                self._lose(spot.path, "", "stands in a repeated element")
        return spots[0]

    def _inside_leaf(self, spot: Spot) -> None:
        self._attributes(spot)
        if len(spot.element):
            for child in _children(spot):
                self._stranger(child, spot)

    def _stranger(self, spot: Spot, parent: Spot) -> None:
        """Keep an element the message has no home for, but for the signatures of the whole."""
        if local_name(parent.element) in _SIGNED and spot.element.tag in _SIGNATURES:
            if spot.element.tag == f"{_PREFIX}Signature":
                self._flag("E19", spot, NAMESPACE, SIGNATURES, severity=Severity.WARN)
            return
        try:
            xml = etree.tostring(spot.element, method="c14n", exclusive=True, with_comments=False)
        except etree.C14NError as error:
            detail = "A namespace is no absolute URI."
            raise NotWellFormed(detail, path=spot.path, line=spot.line) from error
        home = "/" + "/".join(part.partition("[")[0] for part in parent.path[1:].split("/"))
        self.extensions.append(Extension(parent=home, xml=xml))
        self._flag("E20", spot, local_name(spot.element), None)
        if any(local_name(each) == _BUSINESS for each in spot.element.iter(etree.Element)):
            self._misplaced(spot)

    def _misplaced(self, spot: Spot) -> None:
        """Refuse a business block that nobody would read: its recall would travel as a letter."""
        self._flag("E13", spot, local_name(spot.element), f"TraceHeaderList/{_BUSINESS}")
        told = self.problems.pop()
        self.problems.append(replace(told, hint=_MOVE_IT, hint_vi=_MOVE_IT_VI))

    def _attributes(self, spot: Spot) -> None:
        for name in spot.element.keys():  # noqa: SIM118 - lxml elements iterate over children
            text = str(name)
            if text not in _WIRE_ATTRIBUTES and not text.startswith(_WIRE_NAMESPACES):
                value = str(spot.element.get(text))
                self._lose(
                    f"{spot.path}/@{text.rpartition('}')[2]}", value, "is no known attribute"
                )

    def _stray_text(self, spot: Spot) -> None:
        self._lose_text(spot.path, _text(spot.element), "stands between elements")

    def _flag(
        self,
        rule: str,
        spot: Spot,
        value: str,
        expected: str | None,
        *,
        severity: Severity | None = None,
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

    def _lose_text(self, path: str, text: str, note: str) -> None:
        if text.strip(WHITE_SPACE):
            self._lose(path, text, note)

    def _lose(self, path: str, value: str, note: str) -> None:
        self.losses.append(Loss(path=path, fate=FieldFate.LOST, value=value, note=note))


class _Absence(NamedTuple):
    """What stands for an element that is not there."""

    #: Attributes of the record around it.
    values: dict[str, object]
    #: Canonical path below that record, path below the element around.
    places: tuple[tuple[str, str], ...]


@functools.cache
def _absence(field: Field) -> _Absence:
    values: dict[str, object] = {}
    places: list[tuple[str, str]] = []
    step = f"/{field.element}"
    if isinstance(field, Wrapper):
        for inner in map(_absence, field.fields):
            values |= inner.values
            places += [(at, step + path) for at, path in inner.places]
    elif field.many:
        values[field.attribute] = ()
    else:
        always = isinstance(field, Group) and field.always
        # records are frozen, so that one empty record stands for all
        values[field.attribute] = field.record() if isinstance(field, Group) and always else None
        places.append((field.attribute, step))
        for inner in map(_absence, field.fields if isinstance(field, Group) and always else ()):
            places += [(f"{field.attribute}.{at}", step + path) for at, path in inner.places]
    return _Absence(values, tuple(places))


@functools.cache
def _tags(table: Group | Wrapper) -> dict[str, Field]:
    """The fields of a table by the tag lxml gives their elements."""
    return {_PREFIX + field.element: field for field in table.fields}


def _children(spot: Spot) -> list[Spot]:
    elements = list(spot.element)
    # the parser left no comments and instructions, so that every tag is a name
    names = [child.tag.rpartition("}")[2] for child in elements]
    if len(set(names)) == len(names):
        above = spot.path + "/"
        return [Spot(child, above + name) for child, name in zip(elements, names, strict=True)]
    totals, seen = Counter(names), Counter[str]()
    spots: list[Spot] = []
    for child, name in zip(elements, names, strict=True):
        seen[name] += 1
        index = f"[{seen[name]}]" if totals[name] > 1 else ""
        spots.append(Spot(child, f"{spot.path}/{name}{index}"))
    return spots


def _text(element: etree._Element) -> str:
    """The text standing directly in an element, around any children."""
    if not len(element):
        return element.text or ""
    return "".join((element.text or "", *(child.tail or "" for child in element)))


def _blank(spot: Spot) -> bool:
    return not _text(spot.element).strip(WHITE_SPACE)
