"""Whose QCVN 102 this is, told from the first kilobytes without parsing."""

from __future__ import annotations

import re

from bus.edxml.codec.mapping import NAMESPACE
from bus.edxml.encodings import Coding, coding, root_at, wide_codec
from bus.errors import NotWellFormed

_HEAD = 16 * 1024
_ROOT = re.compile(rb"<(?:([\w.\-]+):)?edXML(\s(?:[^>\"']|\"[^\"]*\"|'[^']*')*)>")
_BINDING = re.compile(rb"xmlns(?::([\w.\-]+))?\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_XML_SERIALIZER = {
    b"http://www.w3.org/2001/XMLSchema-instance",
    b"http://www.w3.org/2001/XMLSchema",
}
#: Marks of the .NET SDK behind the root: xlink on Reference, SOAP attributes, its own element.
_XLINK = b"http://www.w3.org/1999/xlink"
_DOTNET = re.compile(
    rb"<(?:[\w.\-]+:)?(?:DigitalSignature[\s/>]"
    rb"|TraceHeaderList\s+(?:id|version|mustUnderstand|actor)\s*=)"
)


_ATTRIBUTED = re.compile(rb"TraceHeaderList\s")


def is_edxml(body: bytes) -> bool:
    """Whether the root element is QCVN 102's edXML, by namespace and local name, any prefix."""
    return _bindings(_head(body)) is not None


def is_serialised_by_dotnet(body: bytes) -> bool:
    """Whether an edXML message carries the marks that only .NET producers leave."""
    head = _head(body)
    bindings = _bindings(head)
    if bindings is None:
        return False
    return set(bindings.values()) >= _XML_SERIALIZER or _is_marked(head)


def _is_marked(head: bytes) -> bool:
    if _XLINK in head:
        return True
    # literals are found many times sooner than the exact mark, which most messages lack
    hinted = b"DigitalSignature" in head or _ATTRIBUTED.search(head) is not None
    return hinted and _DOTNET.search(head) is not None


def _head(body: bytes) -> bytes:
    """The beginning as ASCII-compatible bytes; nothing for an encoding that is not taken."""
    try:
        wide = coding(body) is Coding.UTF_16
    except NotWellFormed:
        return b""
    if not wide:
        return body[:_HEAD]
    text = body[: 2 * _HEAD].decode(wide_codec(body), errors="replace")
    return text.removeprefix("\ufeff").encode("utf-8", errors="replace")


def _bindings(head: bytes) -> dict[bytes, bytes] | None:
    """Namespaces declared on the root by prefix; None when the root is not edXML of QCVN 102."""
    root = _ROOT.match(head, root_at(head))
    if root is None:
        return None
    bindings = {prefix: double or single for prefix, double, single in _BINDING.findall(root[2])}
    return bindings if bindings.get(root[1] or b"") == NAMESPACE.encode("ascii") else None
