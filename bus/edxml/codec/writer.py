"""Canonical message → edXML: what is absent stays absent, nothing is invented.

The skeleton is a tree; base64 and extensions are spliced into its serialisation, so that a body
of tens of megabytes exists once as base64 and once in the result, and never in a tree.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable

from lxml import etree

from bus.edxml import attachments, parser
from bus.edxml.codec.flavour import Flavour
from bus.edxml.codec.mapping import (
    NAMESPACE,
    XLINK,
    EncodedFile,
    Field,
    Kind,
    Leaf,
    Wrapper,
)
from bus.edxml.codec.values import without_forbidden, write_value
from bus.edxml.paths import element_path
from bus.errors import NotWellFormed
from bus.model import Attachment, Document, Extension, FieldFate, Loss, ManifestEntry, Message
from bus.ports import Written

CONTENT_TYPE = "application/xml"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_PREFIX = f"{{{NAMESPACE}}}"
_EDXML = {"edXML": NAMESPACE}
#: A processing instruction holds the place of spliced bytes: no text of a message can look like one.
_SPLICE = re.compile(rb"<\?splice (\d+)\?>")
_ZIP_TYPES = frozenset({"application/zip", "application/x-zip-compressed"})
_TYPES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "txt": "text/plain",
    "xml": "text/xml",
}
_Values = Callable[[str], object]


def write(message: Message, *, flavour: Flavour) -> Written:
    """Write a message the way `flavour` does, as UTF-8 with an XML declaration, not indented.

    Losses name characters XML cannot carry, labels that no longer fit, and extensions
    whose place does not exist. Empty text counts as absent.
    """
    writer = _Writer(flavour)
    return Written(
        content=writer.content(message), content_type=CONTENT_TYPE, losses=tuple(writer.losses)
    )


class _Writer:
    """One message being written."""

    def __init__(self, flavour: Flavour) -> None:
        self.flavour = flavour
        self.splices: list[bytes] = []
        self.losses: list[Loss] = []

    def content(self, message: Message) -> bytes:
        namespaces: dict[str | None, str] = {None: NAMESPACE}
        namespaces.update(self.flavour.root_namespaces)
        root = etree.Element(f"{_PREFIX}edXML", nsmap=namespaces)  # type: ignore[arg-type]  # the stubs know no default prefix
        if isinstance(message, Document):
            values: dict[str, object] = {
                item.name: getattr(message, item.name) for item in dataclasses.fields(message)
            }
            values["manifest"] = tuple(self._reference(item) for item in message.attachments)
            values["attachments"] = tuple(self._file(item) for item in message.attachments)
            self._fields(root, self.flavour.document.fields, values.get)
            self._label(root, message)
        else:
            self._fields(root, self.flavour.status.fields, lambda name: getattr(message, name))
        for extension in message.extensions:
            self._extension(root, extension)
        return self._spliced(etree.tostring(root, encoding="UTF-8", xml_declaration=False))

    def _spliced(self, skeleton: bytes) -> bytes:
        parts: list[bytes] = [_DECLARATION]
        for index, part in enumerate(_SPLICE.split(skeleton)):
            parts.append(self.splices[int(part)] if index % 2 else part)
        return b"".join(parts)

    def _fields(self, parent: etree._Element, fields: tuple[Field, ...], values: _Values) -> None:
        for field in fields:
            if isinstance(field, Wrapper):
                self._wrapper(parent, field, values)
                continue
            value = values(field.attribute)
            items = value if isinstance(value, tuple) else (value,)
            for item in items:
                if isinstance(field, Leaf):
                    self._leaf(parent, field, item)
                elif item is not None:
                    self._element(parent, field.element, field.fields, _getter(item))

    def _wrapper(self, parent: etree._Element, field: Wrapper, values: _Values) -> None:
        self._element(parent, field.element, field.fields, values)

    def _element(
        self, parent: etree._Element, name: str, fields: tuple[Field, ...], values: _Values
    ) -> None:
        element = self._child(parent, name)
        self._fields(element, fields, values)
        # A document always has its manifest, so that readers which expect one find it.
        if not len(element) and name != "edXMLManifest":
            parent.remove(element)

    def _child(self, parent: etree._Element, name: str) -> etree._Element:
        namespaces = None
        if name == "edXMLEnvelope":
            # What stands beside the envelope uses the default namespace.
            namespaces = _EDXML
        elif name == "Reference" and self.flavour.links:
            namespaces = {"xlink": XLINK}
        return etree.SubElement(parent, _PREFIX + name, nsmap=namespaces)

    def _leaf(self, parent: etree._Element, field: Leaf, value: object) -> None:
        if isinstance(value, bytes):
            self._payload(parent, field, value)
            return
        text = "" if value is None else write_value(value)
        clean = without_forbidden(text)
        if not clean:
            return
        if field.kind is Kind.CONTENT_ID:
            is_file = parent.tag == f"{_PREFIX}Attachment"
            clean = (self.flavour.attachment_cid if is_file else "cid:") + clean
            if self.flavour.links and not is_file:
                _link(parent, clean)
        element = self._child(parent, field.element)
        element.text = clean
        if len(clean) < len(text):
            self._alter(element, text, "characters that XML cannot carry were taken out")

    def _payload(self, parent: etree._Element, field: Leaf, value: bytes) -> None:
        namespaces = _EDXML if self.flavour.prefixed_payload else None
        element = etree.SubElement(parent, _PREFIX + field.element, nsmap=namespaces)
        if value:
            self._splice(element, attachments.encode(value))

    def _splice(self, parent: etree._Element, content: bytes) -> None:
        parent.append(etree.ProcessingInstruction("splice", str(len(self.splices))))
        self.splices.append(content)

    def _file(self, item: Attachment) -> EncodedFile:
        wrapped = item.zipped and self.flavour.keeps_zip
        return EncodedFile(
            content_id=item.content_id,
            name=item.name,
            description=item.description,
            content_type=self._honest(item, item.content_type),
            payload=attachments.pack(item.content, item.name) if wrapped else item.content,
        )

    def _reference(self, item: Attachment) -> ManifestEntry:
        """The Reference of an attachment; one without a manifest entry is described by itself."""
        entry = item.manifest or ManifestEntry(
            content_type=item.content_type, description=item.description, name=item.name
        )
        content_type = self._honest(item, entry.content_type)
        return dataclasses.replace(entry, content_id=item.content_id, content_type=content_type)

    def _honest(self, item: Attachment, content_type: str | None) -> str | None:
        """A file that leaves its transport ZIP must not be called a ZIP any longer."""
        leaves = item.zipped and not self.flavour.keeps_zip
        called_zip = (content_type or "").strip().lower() in _ZIP_TYPES
        if not (leaves and called_zip) or attachments.is_archive_name(item.name):
            return content_type
        path = "/edXML/AttachmentEncoded/Attachment/ContentType"
        note = f"{item.content_id} left its ZIP; the type follows the file name"
        altered = Loss(path=path, fate=FieldFate.ALTERED, value=content_type or "", note=note)
        if altered not in self.losses:
            self.losses.append(altered)
        return _TYPES.get((item.name or "").rpartition(".")[2].lower(), "application/octet-stream")

    def _label(self, root: etree._Element, document: Document) -> None:
        """Put the flavour's attributes on: facts of the wire that no reader keeps."""
        for manifest in root.iter(f"{_PREFIX}edXMLManifest"):
            manifest.set("version", "1.0")
        if self.flavour.trace_attributes:
            digest = hashlib.sha256((document.document_id or "").encode("utf-8", "replace"))
            for trace in root.iter(f"{_PREFIX}TraceHeaderList"):
                trace.set("id", digest.hexdigest()[:8])
                for name, value in self.flavour.trace_attributes.items():
                    trace.set(name, value)

    def _extension(self, root: etree._Element, extension: Extension) -> None:
        steps = extension.parent.strip("/").split("/")[1:]
        home: etree._Element | None = root
        for step in steps:
            home = None if home is None else home.find(_PREFIX + step)
        try:
            content = _canonical(extension.xml)
        except NotWellFormed:
            content = b""
        if home is None or not content:
            value = extension.xml.decode("utf-8", "replace")
            note = "has no place in this message"
            self.losses.append(
                Loss(path=extension.parent, fate=FieldFate.LOST, value=value, note=note)
            )
            return
        self._splice(home, content)

    def _alter(self, element: etree._Element, value: str, note: str) -> None:
        path = element_path(element)
        self.losses.append(Loss(path=path, fate=FieldFate.ALTERED, value=value, note=note))


def _link(reference: etree._Element, target: str) -> None:
    for name, value in (("href", target), ("role", "XLinkRole"), ("type", "simple")):
        reference.set(f"{{{XLINK}}}{name}", value)


def _getter(record: object) -> _Values:
    return lambda name: getattr(record, name)


def _canonical(xml: bytes) -> bytes:
    """An extension as it can stand anywhere: with every namespace it uses, and no other.

    Inside a default namespace, elements of no namespace need `xmlns=""` on the way to them.
    """
    root = parser.parse(xml)
    content = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
    name = re.match(rb"<([^\s/>]+)", content)
    if name is None or (b":" not in name[1] and str(root.tag).startswith("{")):
        return content
    return content[: name.end()] + b' xmlns=""' + content[name.end() :]
