"""Where a rendering comes from: an element in the header that the bus signs with the rest."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from bus.edxml import parser

NAMESPACE = "urn:lienthong:rendering:1"
_QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The message a rendering was made from; `sha256` is the digest of the sender's own bytes."""

    message_id: str
    sender: str
    dialect: str
    sha256: str


def mark(xml: bytes, origin: Origin) -> bytes:
    """The edXML document with an `Original` element at the end of its header; UTF-8.

    Whatever else it holds in the namespace of `Original` is taken out. Documents that are not
    edXML come back unchanged.
    """
    root = parser.parse(xml)
    header = root.find(f"{{{_QCVN}}}edXMLEnvelope/{{{_QCVN}}}edXMLHeader")
    if header is None:
        return xml
    # What a sender wrote in our namespace would be signed by us as the origin.
    for forged in list(root.iter(f"{{{NAMESPACE}}}*")):
        above = forged.getparent()
        if above is not None:
            above.remove(forged)
    mark_ = etree.SubElement(header, f"{{{NAMESPACE}}}Original", nsmap={"lt": NAMESPACE})
    for name in ("message_id", "sender", "dialect", "sha256"):
        mark_.set(_attribute(name), getattr(origin, name))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def read(xml: bytes) -> Origin | None:
    """The origin a rendering names; None for a document that names none."""
    found = next(parser.parse(xml).iter(f"{{{NAMESPACE}}}Original"), None)
    if found is None:
        return None
    values = {name: found.get(_attribute(name), "") for name in Origin.__slots__}
    return Origin(**values)


def _attribute(name: str) -> str:
    return {"message_id": "messageId"}.get(name, name)
