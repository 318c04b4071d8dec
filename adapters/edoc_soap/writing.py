"""Canonical message → eDoc 1.0 in packed form: every tag of the hub's list, empty where nothing is said.

The skeleton is a tree; files are spliced into its serialisation as base64, so that a body of tens
of megabytes never stands in a tree.
"""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Callable

from lxml import etree

from adapters.edoc_soap.mapping import HOMELESS, MESSAGE_HEADER, STATUS, TRACE, UNWRITTEN
from bus.edxml import attachments, code_lists
from bus.edxml.codec.mapping import Field, Group, Leaf, Wrapper
from bus.edxml.codec.values import without_forbidden, write_value
from bus.envelope import edoc
from bus.model import Attachment, Document, FieldFate, Loss, Message, StatusMessage
from bus.ports import Written

CONTENT_TYPE = "text/xml; charset=utf-8"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_SPLICE = re.compile(rb"<\?splice (\d+)\?>")
_XLINK = f"{{{edoc.XLINK}}}"
_LEGAL = frozenset(term.vi.casefold() for term in code_lists.LEGAL_TYPES)
#: Values that clients of the field parse as numbers without looking: empty would stop them.
_NUMBERS = frozenset({"PromulgationAmount", "PageAmount"})
_Values = Callable[[str], object]


def write(message: Message) -> Written:
    """Write a message as UTF-8 with an XML declaration, not indented.

    Losses name what has no home in eDoc 1.0, and numbers that were put in because its clients
    cannot read an empty tag there.
    """
    writer = _Writer()
    if isinstance(message, Document):
        writer.document(message)
    else:
        writer.status(message)
    return Written(content=writer.content(), content_type=CONTENT_TYPE, losses=tuple(writer.losses))


class _Writer:
    """One message being written."""

    def __init__(self) -> None:
        self.root, self.header, self.body = edoc.empty_envelope()
        self.losses: list[Loss] = []
        self.files: list[bytes] = []

    def document(self, document: Document) -> None:
        values = _getter(document)
        self._element(self.header, MESSAGE_HEADER, values)
        self._element(self.header, TRACE, values)
        etree.SubElement(self.header, edoc.tag("ErrorList"))
        self._number_the_type(document)
        wrapper = etree.SubElement(self.body, edoc.tag(edoc.DOCUMENT_WRAPPER))
        manifest = etree.SubElement(wrapper, edoc.tag("Manifest"), {"version": "1.0"})
        for item in document.attachments:
            _refer(manifest, item)
        if document.attachments:
            home = wrapper
            for name in ("AllDocument", "Document", "Attach"):
                home = etree.SubElement(home, edoc.tag(name))
            for item in document.attachments:
                self._file(home, item)
        for name in HOMELESS:
            self._homeless(name, operator.attrgetter(name)(document))
        self._extensions(document)

    def status(self, status: StatusMessage) -> None:
        wrapper = etree.SubElement(self.body, edoc.tag(edoc.STATUS_WRAPPER))
        self._element(wrapper, STATUS, _getter(status))
        self._extensions(status)

    def content(self) -> bytes:
        skeleton = etree.tostring(self.root, encoding="UTF-8", xml_declaration=False)
        parts: list[bytes] = [_DECLARATION]
        for index, part in enumerate(_SPLICE.split(skeleton)):
            parts.append(self.files[int(part)] if index % 2 else part)
        return b"".join(parts)

    def _element(self, parent: etree._Element, table: Group | Wrapper, values: _Values) -> None:
        element = etree.SubElement(parent, edoc.tag(table.element))
        for field in table.fields:
            self._field(element, field, values)

    def _field(self, parent: etree._Element, field: Field, values: _Values) -> None:
        if isinstance(field, Wrapper):
            self._element(parent, field, values)
            return
        value = values(field.attribute)
        items = value if isinstance(value, tuple) else (value,)
        for item in items:
            if isinstance(field, Leaf):
                self._leaf(parent, field, item)
            elif item is not None:
                self._element(parent, field, _getter(item))
            elif field.element == "StaffInfo":
                # Clients ask it for its children without asking whether it is there.
                self._element(parent, field, lambda _: None)

    def _leaf(self, parent: etree._Element, field: Leaf, value: object) -> None:
        around = etree.QName(parent).localname
        text = "" if value is None else write_value(value)
        clean = without_forbidden(text)
        path = f"{_path(parent)}/{field.element}"
        if (around, field.element) in UNWRITTEN:
            if clean:
                self._lose(path, clean, "has no element in eDoc 1.0")
            return
        if not clean and (field.many or _is_optional(around, field.element)):
            return
        if not clean and field.element in _NUMBERS:
            clean = self._default(path, "0")
        etree.SubElement(parent, edoc.tag(field.element)).text = clean
        if text and len(clean) < len(text):
            note = "characters that XML cannot carry were taken out"
            self.losses.append(Loss(path=path, fate=FieldFate.ALTERED, value=text, note=note))

    def _number_the_type(self, document: Document) -> None:
        """Fill Type, which clients parse as a number, from the name of the type: 1 legal, 2 other."""
        kind = self.header.find(f"{edoc.tag('MessageHeader')}/{edoc.tag('DocumentType')}")
        number = None if kind is None else kind.find(edoc.tag("Type"))
        if number is not None and not number.text:
            name = (document.document_type.name or "").strip().casefold()
            number.text = self._default(_path(number), "1" if name in _LEGAL else "2")

    def _file(self, home: etree._Element, item: Attachment) -> None:
        element = etree.SubElement(home, edoc.tag("Attachment"))
        kind = _honest_type(item)
        element.set("Content-Type", kind or "application/octet-stream")
        element.set("Content-Transfer-Encoding", "base64")
        element.set("Content-ID", item.content_id)
        etree.SubElement(element, edoc.tag("name")).text = without_forbidden(item.name or "")
        value = etree.SubElement(element, edoc.tag("value"))
        value.append(etree.ProcessingInstruction("splice", str(len(self.files))))
        self.files.append(attachments.encode(item.content))
        if not kind:
            self._default(f"{_path(element)}/@Content-Type", "application/octet-stream")
        elif kind != item.content_type:
            note = f"{item.content_id} left its ZIP"
            lost = Loss(
                path=_path(element),
                fate=FieldFate.ALTERED,
                value=item.content_type or "",
                note=note,
            )
            self.losses.append(lost)

    def _homeless(self, name: str, value: object) -> None:
        for item in value if isinstance(value, tuple) else (value,):
            if item is not None:
                self._lose(name, write_value(item), "has no element in eDoc 1.0")

    def _extensions(self, message: Message) -> None:
        for extension in message.extensions:
            value = extension.xml.decode("utf-8", "replace")
            self._lose(extension.parent, value, "is no element of eDoc 1.0")

    def _default(self, path: str, value: str) -> str:
        note = "eDoc clients cannot read an empty tag here"
        self.losses.append(Loss(path=path, fate=FieldFate.DEFAULTED, value=value, note=note))
        return value

    def _lose(self, path: str, value: str, note: str) -> None:
        self.losses.append(Loss(path=path, fate=FieldFate.LOST, value=value, note=note))


def _refer(manifest: etree._Element, item: Attachment) -> None:
    reference = etree.SubElement(manifest, edoc.tag("Reference"))
    target = "cid:" + item.content_id
    for name, value in (("href", target), ("role", "XLinkRole"), ("type", "simple")):
        reference.set(_XLINK + name, value)
    name = without_forbidden(item.name or "")
    etree.SubElement(reference, edoc.tag("AttachmentName")).text = name
    if item.description:
        text = without_forbidden(item.description)
        etree.SubElement(reference, edoc.tag("Description")).text = text


def _honest_type(item: Attachment) -> str | None:
    """A file that left its transport ZIP must not be called a ZIP any longer."""
    kind = item.content_type
    if not item.zipped or "zip" not in (kind or "") or attachments.is_archive_name(item.name):
        return kind
    return "application/octet-stream"


def _is_optional(around: str, name: str) -> bool:
    """Tags the list of CV 2803 does not demand are left out when they say nothing."""
    optional = {("MessageHeader", "DocumentId"), ("MessageHeader", "SteeringType")}
    return (around, name) in optional or around in {
        "ResponseFor", "Bussiness", "BussinessDocumentInfo", "Receiver", "ReplacementInfo",
    }  # fmt: skip


def _path(element: etree._Element) -> str:
    steps = [etree.QName(one).localname for one in (element, *element.iterancestors())]
    return "/" + "/".join(reversed(steps))


def _getter(record: object) -> _Values:
    if not dataclasses.is_dataclass(record):
        return lambda _: None
    return lambda name: getattr(record, name)
