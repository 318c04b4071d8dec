"""A parsed message with the attachments' base64 taken out, so that schemas see only the skeleton."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from bus.edxml import attachments
from bus.edxml.codec.mapping import DOCUMENT, NAMESPACE, STATUS, Wrapper
from bus.edxml.paths import element_path, line_of, local_name
from bus.edxml.rules import problem
from bus.errors import SchemaRejected

_PREFIX = f"{{{NAMESPACE}}}"
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Payload:
    """One decoded attachment; `content` is None when the text, beginning `start`, is no base64."""

    content: bytes | None = field(repr=False)
    start: str = ""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The tree without attachment text, the table that reads it, and the attachments' bytes."""

    root: etree._Element
    shape: Wrapper
    payloads: dict[etree._Element, Payload] = field(repr=False)


def take_apart(root: etree._Element) -> Skeleton:
    """Tell document from status and take the base64 out of a parsed tree, which is changed.

    Raises SchemaRejected with rule E02 when the root is not the QCVN 102 edXML element holding
    one envelope with one header with one MessageHeader: then nothing in it can be read.
    """
    if root.tag != f"{_PREFIX}edXML":
        raise _unreadable(root, str(root.tag), f"{_PREFIX}edXML")
    envelope = _only(root, "edXMLEnvelope")
    header = _only(_only(envelope, "edXMLHeader"), "MessageHeader")
    if _is_status(header):
        return Skeleton(root, STATUS, {})
    encoded = root.iterfind(
        f"{_PREFIX}AttachmentEncoded/{_PREFIX}Attachment/{_PREFIX}ContentTransferEncoded"
    )
    return Skeleton(root, DOCUMENT, {element: _payload(element) for element in encoded})


def _payload(element: etree._Element) -> Payload:
    text = element.text or ""
    # The tree's copy goes before the decoded one is made: bodies have tens of megabytes.
    element.text = None
    return Payload(attachments.decode(text), text[:_SHOWN])


def _is_status(header: etree._Element) -> bool:
    """A status has StatusCode; one that lacks it still has the Timestamp no document header has."""
    if header.find(f"{_PREFIX}StatusCode") is not None:
        return True
    stamped = header.find(f"{_PREFIX}Timestamp") is not None
    return stamped and header.find(f"{_PREFIX}To") is None


def _only(parent: etree._Element, name: str) -> etree._Element:
    found = parent.findall(f"{_PREFIX}{name}")
    if len(found) != 1:
        raise _unreadable(parent, f"{len(found)} × {name}", f"1 × {name}")
    return found[0]


def _unreadable(element: etree._Element, value: str, expected: str) -> SchemaRejected:
    path, line = element_path(element), line_of(element)
    found = problem("E02", path=path, line=line, value=value, expected=expected)
    return SchemaRejected(
        f"{local_name(element)}: {value}.", path=path, line=line, problems=(found,)
    )
