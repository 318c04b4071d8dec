"""The byte scanner: size, depth and counts are refused before libxml2 allocates anything.

libxml2 alone takes 203 MB for a message of a million attributes, so counting has to come
first. One compiled pattern walks the markup without copying. It tokenises exactly as XML
does up to the first fatal error of the parser, and stops where a token never ends, as the
parser does; so it never counts less than the parser would build. It counts more in one
way: comments, processing instructions and CDATA sections count as elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bus.config import LimitSettings
from bus.edxml.encodings import Coding, coding, wide_codec
from bus.errors import LimitExceeded, NotWellFormed

# Possessive quantifiers keep the matcher from storing a way back for each attribute.
_TOKEN = re.compile(
    rb"<(?:"
    rb"([^/!?<>\"'][^>\"'/]*+)>[^<]{0,256}+</[^>]*+>"
    rb"|(/)[^>]*+>"
    rb"|([^/!?<>\"'][^>\"'/]*+)"
    rb"((?:[\"'](?:(?<=\")[^\"]*+\"|(?<=')[^']*+')[^>\"'/]*+|/(?!>)[^>\"'/]*+)*+)(/)?+>"
    rb"|(!--[^-]*+(?:-(?!->)[^-]*+)*+-->)"
    rb"|(!\[CDATA\[[^\]]*+(?:\](?!\]>)[^\]]*+)*+\]\]>)"
    rb"|(\?[^?]*+(?:\?(?!>)[^?]*+)*+\?>)"
    rb"|(!)"
    rb"|()"
    rb")"
)
_QUOTED = re.compile(rb"\"[^\"]*+\"|'[^']*+'")
# Groups of the pattern. A leaf is a whole short element without attributes: most of a header.
_LEAF, _END, _VALUES, _CLOSED, _DECLARATION, _BROKEN = 1, 2, 4, 5, 9, 10
#: Text from this length on is jumped over, bytes.
_LONG = 4096
_STARTS = (_VALUES, _CLOSED)
_STOPS = (_DECLARATION, _BROKEN)


def check(body: bytes, settings: LimitSettings) -> None:
    """Refuse a body that is larger, deeper or fuller than a limit, or that declares entities.

    Memory does not grow with the body, but for UTF-16, which is scanned as a UTF-8 copy.
    Raises LimitExceeded RCV-001 (size), RCV-002 (depth), RCV-003 (elements, attributes) naming
    the limit, NotWellFormed XML-002 for a DOCTYPE, XML-003 for an encoding that is not taken.
    """
    if len(body) > settings.body_bytes:
        detail = f"{len(body)} bytes; limits.body_bytes = {settings.body_bytes}."
        raise LimitExceeded(detail, code="RCV-001")
    if coding(body) is Coding.UTF_16:
        body = body.decode(wide_codec(body), errors="replace").encode("utf-8", errors="replace")
    _scan(body, settings)


def _scan(body: bytes, settings: LimitSettings) -> None:
    tally = _Tally(body, settings)
    for token in _tokens(body):
        kind = token.lastindex
        if kind == _LEAF:
            tally.element(token)
        elif kind == _END:
            tally.depth -= 1
        elif kind in _STARTS:
            tally.start(token)
        elif kind in _STOPS:
            _refuse_declaration(body, token.start())
            return
        else:
            tally.markup(token)


def _tokens(body: bytes) -> Iterator[re.Match[bytes]]:
    """Find the markup; long text is jumped over with memchr, which the matcher does not use."""
    at = 0
    while at >= 0:
        for token in _TOKEN.finditer(body, at):
            yield token
            if token.lastindex == _VALUES:
                at = body.find(b"<", token.end())
                if at < 0 or at - token.end() > _LONG:
                    break
        else:
            return


class _Tally:
    """What was met so far."""

    def __init__(self, body: bytes, settings: LimitSettings) -> None:
        self.body = body
        self.settings = settings
        self.depth = self.elements = self.attributes = 0

    def markup(self, token: re.Match[bytes]) -> None:
        self.elements += 1
        if self.elements > self.settings.elements:
            raise self._refusal(token, "RCV-003", "elements")

    def element(self, token: re.Match[bytes]) -> None:
        self.markup(token)
        if self.depth >= self.settings.depth:
            raise self._refusal(token, "RCV-002", "depth")

    def start(self, token: re.Match[bytes]) -> None:
        self.element(token)
        if token.end(_VALUES) > token.start(_VALUES):
            self.attributes += _count(self.body, token, self.settings.attributes - self.attributes)
            if self.attributes > self.settings.attributes:
                raise self._refusal(token, "RCV-003", "attributes")
        if token.lastindex == _VALUES:
            self.depth += 1

    def _refusal(self, token: re.Match[bytes], code: str, name: str) -> LimitExceeded:
        line, column = _position(self.body, token.start())
        limit = getattr(self.settings, name)
        return LimitExceeded(f"limits.{name} = {limit}.", code=code, line=line, column=column)


def _count(body: bytes, token: re.Match[bytes], room: int) -> int:
    """Count the attributes of one start tag, no further than one more than `room`."""
    count = 0
    for count, _ in enumerate(_QUOTED.finditer(body, *token.span(_VALUES)), start=1):
        if count > room:
            break
    return count


def _refuse_declaration(body: bytes, at: int) -> None:
    if body.startswith((b"<!DOCTYPE", b"<!ENTITY"), at):
        line, column = _position(body, at)
        raise NotWellFormed(code="XML-002", line=line, column=column)


def _position(body: bytes, at: int) -> tuple[int, int]:
    return body.count(b"\n", 0, at) + 1, at - body.rfind(b"\n", 0, at)
