"""SOAP with Attachments (W3C Note, 2000-12-11): parts put where the inline form has base64.

What the root refers to by `cid:` becomes part of the message before anything judges it, so
that schema, rules and signatures say the same of a document however it travelled.
"""

from __future__ import annotations

from lxml import etree

from bus.edxml.attachments import strip_cid
from bus.edxml.codec.mapping import NAMESPACE, XLINK
from bus.edxml.paths import element_path, line_of
from bus.envelope import xop
from bus.envelope.mime import Part
from bus.envelope.package import Attachments
from bus.envelope.vocabulary import tag
from bus.errors import ProtocolRejected

_HREF = "href"
_LINK = f"{{{XLINK}}}href"
_PAYLOAD = f"{{{NAMESPACE}}}ContentTransferEncoded"
#: Every place of the service that holds base64.
_BINARY = (tag("content"), _PAYLOAD)
#: What a manifest entry tells of a file, in the order of the strict schema.
_TOLD = ("AttachmentName", "Description", "ContentType")


def inline(root: etree._Element, attachments: Attachments) -> None:
    """Put base64 where a reference to a part stands, in the tree itself.

    A place for base64 refers by `href="cid:…"` or by the text `cid:…`. An edXML document refers
    by the ContentId of an Attachment without content, or of a manifest Reference without an
    Attachment, for which one is written. Raises ProtocolRejected MIM-003 (no such part),
    SVC-006 (both a reference and content), and what Attachments.base64() raises.
    """
    for element in list(root.iter(*_BINARY)):
        _fill(element, attachments)
    for document in root.findall(f"{{*}}Body/*/{_name('edXML')}"):
        _fill_attachments(document, attachments)
        _add_attachments(document, attachments)


def _fill(element: etree._Element, attachments: Attachments) -> None:
    text = (element.text or "").strip(xop.XML_SPACE) if not len(element) else ""
    reference = element.attrib.pop(_HREF, "")
    if reference and (len(element) or text):
        raise _refusal(element, "SVC-006", f"href={str(reference)[:100]!r}")
    named = str(reference) or (text if text[:4].lower() == "cid:" else "")
    if named:
        element.text = None
        xop.put(element, named, attachments)


def _fill_attachments(document: etree._Element, attachments: Attachments) -> None:
    path = f"{_name('AttachmentEncoded')}/{_name('Attachment')}"
    for attachment in document.iterfind(path):
        part = _part_of(attachment, attachments)
        place = attachment.find(_PAYLOAD)
        if part is not None and (place is None or not _holds_something(place)):
            if place is None:
                place = _add_payload(attachment)
            xop.write_base64(place, attachments.base64(part))


def _add_attachments(document: etree._Element, attachments: Attachments) -> None:
    known = {
        strip_cid(attachment.findtext(_name("ContentId")) or "")
        for attachment in document.iterfind(f"{_name('AttachmentEncoded')}/{_name('Attachment')}")
    }
    for entry in document.iter(_name("Reference")):
        content_id = _reference(entry)
        if not content_id or strip_cid(content_id) in known:
            continue
        part = attachments.find(f"cid:{strip_cid(content_id)}")
        if part is not None:
            known.add(strip_cid(content_id))
            _add_attachment(document, entry, content_id, part, attachments)
        elif _link(entry):
            raise _refusal(entry, "MIM-003", repr(content_id[:100]))


def _add_attachment(
    document: etree._Element,
    entry: etree._Element,
    content_id: str,
    part: Part,
    attachments: Attachments,
) -> None:
    """Write the Attachment as the Java SDK does: a signature over the inline form may cover it."""
    home = document.find(_name("AttachmentEncoded"))
    if home is None:
        home = etree.SubElement(document, _name("AttachmentEncoded"))
    attachment = etree.SubElement(home, _name("Attachment"))
    etree.SubElement(attachment, _name("ContentId")).text = content_id
    for name in _TOLD:
        told = entry.find(_name(name))
        if told is not None:
            etree.SubElement(attachment, _name(name)).text = told.text
        elif name == "ContentType" and part.media.name:
            etree.SubElement(attachment, _name(name)).text = part.media.name
    xop.write_base64(_add_payload(attachment), attachments.base64(part))


def _add_payload(attachment: etree._Element) -> etree._Element:
    return etree.SubElement(attachment, _PAYLOAD, nsmap={"edXML": NAMESPACE})


def _part_of(attachment: etree._Element, attachments: Attachments) -> Part | None:
    content_id = strip_cid(attachment.findtext(_name("ContentId")) or "")
    return attachments.find(f"cid:{content_id}") if content_id else None


def _reference(entry: etree._Element) -> str:
    return (entry.findtext(_name("ContentId")) or _link(entry)).strip()


def _link(entry: etree._Element) -> str:
    return str(entry.get(_LINK) or entry.get(_HREF) or "")


def _holds_something(element: etree._Element) -> bool:
    return len(element) > 0 or bool((element.text or "").strip(xop.XML_SPACE))


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"


def _refusal(element: etree._Element, code: str, detail: str) -> ProtocolRejected:
    path = element_path(element)
    return ProtocolRejected(detail, code=code, path=path, line=line_of(element))
