"""The words of eDoc 1.0 that its service and its dialect share, and where a message's parts stand.

eDoc 1.0 (CV 2803/BTTTT-THH) is no file format: its message is a SOAP 1.1 request with blocks in the
header, a manifest in the body and files beside it. On the bus such a message is *one* XML document,
the packed form: the same envelope with the files inline, as the draft of 2013 had them.
"""

from __future__ import annotations

from lxml import etree

NAMESPACE = "http://www.e-doc.vn/Schema/"
#: Namespace of the header block in which some clients repeat their token.
TOKEN_NAMESPACE = "http://e-doc.vn/xsd"  # noqa: S105 - a namespace, not a secret
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XLINK = "http://www.w3.org/1999/xlink"
#: Prefixes as every known producer writes them.
PREFIXES = {"soap": SOAP, "edXML": NAMESPACE, "xlink": XLINK}

#: Wrappers around what a packed form holds in its body.
DOCUMENT_WRAPPER = "SendDocument"
STATUS_WRAPPER = "UpdateTraces"
#: Blocks of a document that travel in the SOAP header, in the order they are written.
BLOCKS = ("MessageHeader", "TraceHeaderList", "ErrorList")


def tag(name: str) -> str:
    """A name in the namespace of eDoc, in Clark notation."""
    return f"{{{NAMESPACE}}}{name}"


def soap_tag(name: str) -> str:
    """A name in the namespace of SOAP 1.1 envelopes, in Clark notation."""
    return f"{{{SOAP}}}{name}"


def is_ours(element: etree._Element, name: str) -> bool:
    """Whether an element is called `name` in eDoc's namespace or, as many clients write it, in none."""
    return element.tag in {tag(name), name}


def child(parent: etree._Element | None, name: str) -> etree._Element | None:
    """The first child called `name` in eDoc's namespace or in none; None without a parent."""
    if parent is None:
        return None
    return next((one for one in parent.iterchildren(tag(name), name)), None)


def empty_envelope() -> tuple[etree._Element, etree._Element, etree._Element]:
    """A fresh envelope with its header and its body."""
    root = etree.Element(soap_tag("Envelope"), nsmap=PREFIXES)
    return (
        root,
        etree.SubElement(root, soap_tag("Header")),
        etree.SubElement(root, soap_tag("Body")),
    )
