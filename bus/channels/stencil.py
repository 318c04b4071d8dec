"""A request cut once from the receiver's WSDL, filled with each message's values as bytes.

zeep builds one envelope around marks; what stands between the marks is kept. The Body is kept in its
exclusive canonical form (W3C Exclusive XML Canonicalization 1.0), so that its bytes are the very
bytes a signature covers: a large message is neither built as a tree nor canonicalised again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pybase64
from lxml import etree

Make = Callable[[Sequence[object]], Any]

_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
#: The same in every stencil, so that receivers with one contract can share a signed request.
_BODY_ID = "id-" + secrets.token_hex(16)
#: Characters that XML 1.0 §2.2 does not have.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
#: A multiple of three, so that a mark's base64 has no padding.
_MARK_BYTES = 24


class NotPlain(ValueError):
    """A value whose form in the envelope is for zeep to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stencil:
    """One operation's envelope with its values left out; equal contracts give equal stencils."""

    #: The envelope before the security header, from there to the Body, and after it.
    frame: tuple[bytes, bytes, bytes] = field(repr=False)
    #: What stands before, between and behind the values in the Body.
    pieces: tuple[bytes, ...] = field(repr=False)
    #: Which value stands in each gap.
    order: tuple[int, ...]
    #: Namespace of the envelope.
    soap: str
    body_id: str = _BODY_ID

    def body(self, values: Sequence[object]) -> bytes:
        """The Body with these values, in exclusive canonical form; Raises NotPlain."""
        parts = [self.pieces[0]]
        for which, piece in zip(self.order, self.pieces[1:], strict=True):
            parts += (_written(values[which]), piece)
        return b"".join(parts)

    def envelope(self, body: bytes, security: bytes = b"") -> bytes:
        """The whole request around a Body, with a header block; UTF-8."""
        head, middle, tail = self.frame
        return b"".join((head, security, middle, body, tail))


def cut(make: Make, values: Sequence[object]) -> Stencil | None:
    """The stencil of an operation; None when one message cannot be made from another's parts.

    `make` builds an envelope from values of the same types as `values`, which are a real message's:
    the stencil is only given out when it makes the same Body of them as `make` does.
    """
    marks = [_mark(value) for value in values]
    try:
        envelope = make(marks)
        stencil = _cut(envelope, [_written(mark) for mark in marks])
        if stencil is None or stencil.body(values) != _canonical(_named_body(make(values))):
            return None
    except NotPlain:
        return None
    return stencil


def _cut(envelope: Any, marks: Sequence[bytes]) -> Stencil | None:
    soap = str(etree.QName(envelope).namespace)
    body = _named_body(envelope)
    # Exclusive form drops declarations that only a value in xsi:type uses.
    if any(_XSI_TYPE in each.attrib for each in body.iter(etree.Element)):
        return None
    canonical = _canonical(body)
    found = [canonical.find(mark) for mark in marks]
    if -1 in found or any(canonical.count(mark) != 1 for mark in marks):
        return None
    frame = _frame(envelope, body, soap)
    order = tuple(sorted(range(len(marks)), key=found.__getitem__))
    pieces: list[bytes] = []
    for which in order:
        before, canonical = canonical.split(marks[which], 1)
        pieces.append(before)
    pieces.append(canonical)
    return Stencil(frame=frame, pieces=tuple(pieces), order=order, soap=soap)


def _frame(envelope: Any, body: Any, soap: str) -> tuple[bytes, bytes, bytes]:
    header = envelope.find(f"{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        envelope.insert(0, header)
    places = [etree.ProcessingInstruction(_mark("")) for _ in range(2)]
    header.append(places[0])
    envelope.replace(body, places[1])
    text = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
    head, rest = text.split(etree.tostring(places[0]), 1)
    middle, tail = rest.split(etree.tostring(places[1]), 1)
    return head, middle, tail


def _named_body(envelope: Any) -> Any:
    body = envelope.find(f"{{{etree.QName(envelope).namespace}}}Body")
    body.set(f"{{{_WSU}}}Id", _BODY_ID)
    return body


def _canonical(body: Any) -> bytes:
    text: bytes = etree.tostring(body, method="c14n", exclusive=True, with_comments=False)
    return text


def _mark(value: object) -> Any:
    mark = "m" + secrets.token_hex(_MARK_BYTES)[1:]
    return mark.encode() if isinstance(value, bytes) else mark


def _written(value: object) -> bytes:
    """A value as canonical text (W3C Canonical XML 1.0 §2.3); bytes as base64."""
    if isinstance(value, bytes):
        return pybase64.b64encode(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise NotPlain
    text = str(value)
    if _NO_XML.search(text):
        raise NotPlain
    return text.translate(_ESCAPES).encode()
