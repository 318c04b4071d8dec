"""edXML → canonical message: tolerant of order, prefixes and empty tags, silent about nothing.

Every element is visited once, and the text of every leaf ends in exactly one of four places:
in the message, in an extension kept raw, in a loss, or in a signature, which is no content.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
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
from bus.edxml.codec.places import Places
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
    "{http://schemas.xmlsoap.org/soap/envelope/}",
)
#: What the loss of an attribute is called.
STRANGE_ATTRIBUTE = "is no known attribute"
_SHOWN = 200
_BUSINESS = "Bussiness"
_MOVE_IT = "Put Bussiness into edXMLHeader/TraceHeaderList, in the namespace of the document."
_MOVE_IT_VI = (
    "Hãy đặt Bussiness trong edXMLHeader/TraceHeaderList, cùng không gian tên với văn bản."
)


def read(skeleton: Skeleton, *, unpacked_bytes: int) -> Reading:
    """Translate a message, keeping count of everything that did not land in it.

    `unpacked_bytes` bounds what all zipped attachments together may unpack to. Neither the
    tree nor the payloads are changed. Raises LimitExceeded RCV-001 for a ZIP bomb.
    """
    reader = _Reader(skeleton)
    values = reader.fields(skeleton.root, skeleton.shape, "")
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

    def __init__(self, skeleton: Skeleton) -> None:
        self.payloads: Mapping[etree._Element, Payload] = skeleton.payloads
        self.places = Places(skeleton.root)
        self.problems: list[Problem] = []
        self.losses: list[Loss] = []
        self.extensions: list[Extension] = []

    def fields(
        self, element: etree._Element, table: Group | Wrapper, prefix: str
    ) -> dict[str, object]:
        """The attributes of the record that `element` is, `prefix` being its canonical path."""
        known = _tags(table)
        found: dict[str, list[etree._Element]] = {}
        strangers: list[etree._Element] = []
        # the parser left no comments and instructions, so that every tag is a name
        for child in element:
            tag = child.tag
            if tag in found:
                found[tag].append(child)
            elif tag in known:
                found[tag] = [child]
            else:
                strangers.append(child)
        values: dict[str, object] = {}
        for tag, field in known.items():
            elements = found.get(tag)
            if elements is None:
                self._absent(field, element, prefix, values)
            elif isinstance(field, Leaf):
                values[field.attribute] = self._leaf(field, elements, prefix)
            else:
                self._nested(field, elements, prefix, values)
        self._attributes(element)
        for stranger in strangers:
            self._stranger(stranger, element)
        return values

    def _nested(
        self,
        field: Group | Wrapper,
        elements: list[etree._Element],
        prefix: str,
        values: dict[str, object],
    ) -> None:
        if isinstance(field, Wrapper):
            values |= self._wrapper(field, elements, prefix)
        else:
            records = self._records(field, elements, prefix)
            nothing = field.record() if field.always else None
            single = records[0] if records else nothing
            values[field.attribute] = records if field.many else single

    def _absent(
        self, field: Field, above: etree._Element, prefix: str, values: dict[str, object]
    ) -> None:
        """The values of an absent element, placed where it would stand."""
        absence = _absence(field)
        values |= absence.values
        for at, path in absence.places:
            self.places.note_absent(prefix + at, above, path)

    def _wrapper(
        self, field: Wrapper, elements: list[etree._Element], prefix: str
    ) -> dict[str, object]:
        element = self._single(field.rule, elements)
        values = self.fields(element, field, prefix)
        leaf = field.fields[0]
        if field.inline and isinstance(leaf, Leaf) and not _blank(element):
            items = values[leaf.attribute]
            values[leaf.attribute] = (
                _text(element),
                *(items if isinstance(items, tuple) else ()),
            )
        else:
            self._stray_text(element)
        return values

    def _records(
        self, field: Group, elements: list[etree._Element], prefix: str
    ) -> tuple[object, ...]:
        records: list[object] = []
        for element in elements if field.many else [self._single(field.rule, elements)]:
            index = f"[{len(records)}]" if field.many else ""
            at = f"{prefix}{field.attribute}{index}"
            self.places.note(at, element)
            values = self.fields(element, field, f"{at}.")
            self._stray_text(element)
            if any(value is not None and value != () for value in values.values()):
                records.append(field.record(**values))
        return tuple(records)

    def _leaf(self, field: Leaf, elements: list[etree._Element], prefix: str) -> object:
        for element in elements:
            if len(element) or element.keys():
                self._inside_leaf(element)
        if field.kind is Kind.PAYLOAD:
            return self._payload(field, self._single(field.rule, elements))
        at = prefix + field.attribute
        if field.many:
            return self._items(elements, at)
        element = elements[0]
        if len(elements) > 1:
            filled = [each for each in elements if not _blank(each)]
            element = self._single(field.rule, filled) if filled else element
        self.places.note(at, element)
        return self._value(field, element)

    def _items(self, elements: list[etree._Element], at: str) -> tuple[str, ...]:
        """The texts of a leaf that may be repeated, empty ones left out."""
        filled = [element for element in elements if not _blank(element)]
        for index, element in enumerate(filled):
            self.places.note(f"{at}[{index}]", element)
        return tuple(_text(element) for element in filled)

    def _value(self, field: Leaf, element: etree._Element) -> object | None:
        text = _text(element)
        if not text.strip(WHITE_SPACE):
            return None
        value = read_value(field.kind, text)
        if value is None:
            severity = Severity.WARN if field.lenient else None
            self._flag(field.rule, element, text, field.kind.value, severity=severity)
            self._lose(element, text, "cannot be read")
        return value

    def _payload(self, field: Leaf, element: etree._Element) -> bytes | None:
        payload = self.payloads[element]
        if payload.content is None:
            self._flag(field.rule, element, payload.start, field.kind.value)
            self._lose(element, payload.start, "is no base64")
        elif not payload.content:
            self._flag(field.rule, element, "", field.kind.value, severity=Severity.WARN)
        return payload.content

    def _single(self, rule: str, elements: list[etree._Element]) -> etree._Element:
        """The first of what may stand once; every further one is refused and lost."""
        for extra in elements[1:]:
            self._flag(rule, extra, "", "1", severity=Severity.REJECT)
            for inner in extra.iter(etree.Element):
                self._lose_text(extra, _text(inner), "stands in a repeated element")
            if extra in self.payloads:
                self._lose(extra, "", "stands in a repeated element")
        return elements[0]

    def _inside_leaf(self, element: etree._Element) -> None:
        self._attributes(element)
        for child in element:
            self._stranger(child, element)

    def _stranger(self, element: etree._Element, parent: etree._Element) -> None:
        """Keep an element the message has no home for, but for the signatures of the whole."""
        if local_name(parent) in _SIGNED and element.tag in _SIGNATURES:
            if element.tag == f"{_PREFIX}Signature":
                self._flag("E19", element, NAMESPACE, SIGNATURES, severity=Severity.WARN)
            return
        try:
            xml = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
        except etree.C14NError as error:
            detail = "A namespace is no absolute URI."
            path = self.places.path_of(element)
            raise NotWellFormed(detail, path=path, line=line_of(element)) from error
        steps = self.places.path_of(parent)[1:].split("/")
        home = "/" + "/".join(part.partition("[")[0] for part in steps)
        self.extensions.append(Extension(parent=home, xml=xml))
        self._flag("E20", element, local_name(element), None)
        if any(local_name(each) == _BUSINESS for each in element.iter(etree.Element)):
            self._misplaced(element)

    def _misplaced(self, element: etree._Element) -> None:
        """Refuse a business block that nobody would read: its recall would travel as a letter."""
        self._flag("E13", element, local_name(element), f"TraceHeaderList/{_BUSINESS}")
        told = self.problems.pop()
        self.problems.append(replace(told, hint=_MOVE_IT, hint_vi=_MOVE_IT_VI))

    def _attributes(self, element: etree._Element) -> None:
        for name, value in strange_attributes(element):
            path = f"{self.places.path_of(element)}/@{name}"
            self._lose_at(path, value, STRANGE_ATTRIBUTE)

    def _stray_text(self, element: etree._Element) -> None:
        text = element.text
        if (text and text.strip(WHITE_SPACE)) or any(map(_followed, element)):
            self._lose(element, _text(element), "stands between elements")

    def _flag(
        self,
        rule: str,
        element: etree._Element,
        value: str,
        expected: str | None,
        *,
        severity: Severity | None = None,
    ) -> None:
        self.problems.append(
            problem(
                rule,
                path=self.places.path_of(element),
                line=line_of(element),
                value=value[:_SHOWN],
                expected=expected,
                severity=severity,
            )
        )

    def _lose_text(self, element: etree._Element, text: str, note: str) -> None:
        if text.strip(WHITE_SPACE):
            self._lose(element, text, note)

    def _lose(self, element: etree._Element, value: str, note: str) -> None:
        self._lose_at(self.places.path_of(element), value, note)

    def _lose_at(self, path: str, value: str, note: str) -> None:
        self.losses.append(Loss(path=path, fate=FieldFate.LOST, value=value, note=note))


def strange_attributes(element: etree._Element) -> Iterator[tuple[str, str]]:
    """Local name and value of each attribute that belongs to the document and has no home in it."""
    for name in element.keys():  # noqa: SIM118 - lxml elements iterate over children
        text = str(name)
        if text not in _WIRE_ATTRIBUTES and not text.startswith(_WIRE_NAMESPACES):
            yield text.rpartition("}")[2], str(element.get(text))


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


def _text(element: etree._Element) -> str:
    """The text standing directly in an element, around any children."""
    if not len(element):
        return element.text or ""
    return "".join((element.text or "", *(child.tail or "" for child in element)))


def _followed(element: etree._Element) -> bool:
    """Whether text stands right behind an element."""
    tail = element.tail
    return bool(tail and tail.strip(WHITE_SPACE))


def _blank(element: etree._Element) -> bool:
    return not _text(element).strip(WHITE_SPACE)
