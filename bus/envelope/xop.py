"""XML-binary Optimized Packaging (W3C, 2005-01-25): from parts back to the inline form, and away.

The inline form is the message: schema, rules and signatures see nothing else, so that they
say the same of it however it travelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from lxml import etree

from bus.envelope import mime
from bus.envelope.package import Attachments
from bus.envelope.soap import SoapVersion
from bus.errors import ProtocolRejected

#: Media type of a root part whose binary values are elsewhere.
MEDIA_TYPE = "application/xop+xml"
NAMESPACE = "http://www.w3.org/2004/08/xop/include"
INCLUDE = f"{{{NAMESPACE}}}Include"
#: White space of XML 1.0 (production 3); Python strips more.
XML_SPACE = " \t\r\n"
_ROOT_ID = "root@lienthong"


def inline(root: etree._Element, attachments: Attachments) -> None:
    """Put canonical base64 in the place of every xop:Include (§3.2), in the tree itself.

    Raises ProtocolRejected SVC-006 for an Include that is not alone in its element, MIM-003
    for one that names no part, and what Attachments.base64() raises.
    """
    for include in list(root.iter(INCLUDE)):
        parent = include.getparent()
        if parent is None or not _alone(include, parent):
            raise _misplaced(include, "xop:Include is not alone in its element.")
        put(parent, include.get("href", ""), attachments)


def put(element: etree._Element, reference: str, attachments: Attachments) -> None:
    """Make the part that a reference names the text of an element, in place of all it holds.

    White space around what it held stays. Raises ProtocolRejected MIM-003 with the place of
    the element, and what Attachments.base64() raises.
    """
    part = attachments.find(reference)
    if part is None:
        raise _misplaced(element, repr(reference[:100]), code="MIM-003")
    before = element.text or ""
    after = "".join(child.tail or "" for child in element)
    for child in list(element):
        element.remove(child)
    encoded = attachments.base64(part)
    write_base64(element, before.encode() + encoded + after.encode())


def write_base64(element: etree._Element, encoded: bytes) -> None:
    """Make base64 the text of an element; nothing, where it is empty."""
    # lxml takes ASCII bytes as well, which saves two copies of a large value.
    element.text = encoded or None  # type: ignore[assignment]  # unknown to the stubs


def extract(binaries: Sequence[tuple[etree._Element, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """Put an xop:Include in the place of values of a tree: the Content-ID and bytes of each.

    `binaries` pairs elements with the bytes that their base64 text stands for. Whatever is to
    be signed must have been signed before, in the inline form.
    """
    parts = []
    for number, (element, content) in enumerate(binaries, start=1):
        name = f"part-{number}@lienthong"
        element.text = None
        reference = {"href": f"cid:{quote(name, safe='@')}"}
        etree.SubElement(element, INCLUDE, reference, nsmap={"xop": NAMESPACE})
        parts.append((name, content))
    return tuple(parts)


def write(
    envelope: bytes, parts: Sequence[tuple[str, bytes]], version: SoapVersion
) -> tuple[str, bytes]:
    """A serialised envelope, UTF-8, with its extracted parts: the Content-Type, and the body."""
    headers = (
        f'Content-Type: {MEDIA_TYPE}; charset=utf-8; type="{version.media_type}"',
        "Content-Transfer-Encoding: binary",
        f"Content-ID: <{_ROOT_ID}>",
    )
    joined = mime.join(envelope, headers, parts)
    kind = (
        f'multipart/related; type="{MEDIA_TYPE}"; boundary="{joined.boundary}"; '
        f'start="<{_ROOT_ID}>"; start-info="{version.media_type}"'
    )
    return kind, joined.body


def _alone(include: etree._Element, parent: etree._Element) -> bool:
    around = (parent.text or "") + (include.tail or "")
    return len(parent) == 1 and parent.tag != INCLUDE and not around.strip(XML_SPACE)


def _misplaced(element: etree._Element, detail: str, *, code: str = "SVC-006") -> ProtocolRejected:
    names = [etree.QName(one).localname for one in (element, *element.iterancestors())]
    line: int = getattr(element, "sourceline", None) or 0
    return ProtocolRejected(detail, code=code, path="/" + "/".join(reversed(names)), line=line)
