"""The byte scanner: size, depth and counts are refused before libxml2 allocates anything.

libxml2 alone takes 203 MB for a message of a million attributes, so counting has to come
first. One compiled pattern walks the markup without copying. It tokenises exactly as XML
does up to the first fatal error of the parser, and stops where a token never ends, as the
parser does; so it never counts less than the parser would build. It counts more in one
way: comments, processing instructions and CDATA sections count as elements.

Most bodies are small and hold nothing but tags: upper bounds taken from their `<`, `</` and
`=` prove the limits ten times faster. Where the bounds prove nothing, the pattern decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bus.config import LimitSettings
from bus.edxml.encodings import Coding, coding, wide_codec
from bus.edxml.possessive import possessive
from bus.errors import LimitExceeded, NotWellFormed

# Possessive quantifiers keep the matcher from storing a way back for each attribute.
_TOKEN = re.compile(
    possessive(
        rb"<(?:"
        rb"([^/!?<>\"'][^>\"'/]*+)>[^<]{0,256}+</[^>]*+>"
        rb"|(/)[^>]*+>"
        rb"|([^/!?<>\"'][^>\"'/]*+)"
        rb"((?>(?:[\"'](?:(?<=\")[^\"]*+\"|(?<=')[^']*+')[^>\"'/]*+|/(?!>)[^>\"'/]*+)*))(/)?+>"
        rb"|(!--[^-]*+(?>(?:-(?!->)[^-]*+)*)-->)"
        rb"|(!\[CDATA\[[^\]]*+(?>(?:\](?!\]>)[^\]]*+)*)\]\]>)"
        rb"|(\?[^?]*+(?>(?:\?(?!>)[^?]*+)*)\?>)"
        rb"|(!)"
        rb"|()"
        rb")"
    )
)
_QUOTED = re.compile(rb"\"[^\"]*+\"|'[^']*+'")
# Groups of the pattern. A leaf is a whole short element without attributes: most of a header.
_LEAF, _END, _NAME, _VALUES, _CLOSED, _DECLARATION, _BROKEN = 1, 2, 3, 4, 5, 9, 10
#: Longest name of an element or attribute, bytes, white space beside it included: problems are
#: told with paths, which repeat the names around an element.
_LONGEST_NAME = 1000
#: Longest name of a namespace, bytes: exclusive canonical form writes it again for each element
#: that uses it, so that a small message with a long one would grow to gigabytes.
_LONGEST_NAMESPACE = 500
#: Text from this length on is jumped over, bytes.
_LONG = 4096
#: Bodies up to this size are proved by bounds, which costs a copy of them, bytes.
_SMALL = 256 * 1024
#: An attribute takes at least this many bytes: ` a=""`.
_LEAST_ATTRIBUTE = 5
#: What follows the `<` of a comment, a declaration or an instruction, or of no tag at all.
_NO_TAG = (b"!", b"?", b"")
_STARTS = (_VALUES, _CLOSED)
_STOPS = (_DECLARATION, _BROKEN)


def check(body: bytes, settings: LimitSettings) -> None:
    """Refuse a body that is larger, deeper or fuller than a limit, or that declares entities.

    Memory does not grow with a body above 256 KiB, but for UTF-16, which is scanned as a
    UTF-8 copy.
    Raises LimitExceeded RCV-001 (size), RCV-002 (depth), RCV-003 (elements, attributes of one
    element and of all, a name of more than 1,000 bytes, a namespace of more than 500) naming the limit, NotWellFormed XML-002 for a DOCTYPE, XML-003 for an encoding that is not taken.
    """
    if len(body) > settings.body_bytes:
        detail = f"{len(body)} bytes; limits.body_bytes = {settings.body_bytes}."
        raise LimitExceeded(detail, code="RCV-001")
    if coding(body) is Coding.UTF_16:
        body = body.decode(wide_codec(body), errors="replace").encode("utf-8", errors="replace")
    if not _plainly_within(body, settings):
        _scan(body, settings)


def _plainly_within(body: bytes, settings: LimitSettings) -> bool:
    """Tell by upper bounds that no limit is broken; False says nothing about the body.

    Without comments, CDATA and processing instructions every `<` begins a tag, since one in
    an attribute's value is fatal to the parser, which builds nothing after it.
    """
    size = len(body)
    if size > _SMALL or (size > settings.elements and body.count(b"<") > settings.elements):
        return False
    most = settings.attributes
    if size > most * _LEAST_ATTRIBUTE and body.count(b"=") > most:
        return False
    tags = body.split(b"<")[1:]
    if tags and body.startswith(b"<?xml "):
        del tags[0]
    return _shallow(tags, settings.depth) and _slim(tags, settings.element_attributes)


def _shallow(tags: list[bytes], limit: int) -> bool:
    """Whether tags stay within a depth, taking empty elements for ones that never end."""
    depth = 0
    for tag in tags:
        first = tag[:1]
        if first == b"/":
            depth -= 1
        elif depth >= limit or first in _NO_TAG:
            return False
        else:
            depth += 1
    return True


def _slim(tags: list[bytes], attributes: int) -> bool:
    """Whether every tag ends, with few attributes and short names; long text may follow it."""
    short = min(_LONGEST_NAMESPACE, _LEAST_ATTRIBUTE * attributes)
    if -1 in [tag.find(b">") for tag in tags]:
        return False
    return all(_modest(tag, attributes) for tag in tags if len(tag) > short)


def _modest(tag: bytes, attributes: int) -> bool:
    end = tag.find(b">")
    # with quotes in pairs, and of one kind, the `>` is not within a value
    head = tag[:end]
    if end > _LONGEST_NAMESPACE and b"xmlns" in head:
        return False
    return end <= _LONGEST_NAME and head.count(b"=") <= attributes and _paired(head)


def _paired(head: bytes) -> bool:
    return b"'" not in head and head.count(b'"') % 2 == 0


def _scan(body: bytes, settings: LimitSettings) -> None:
    tally = _Tally(body, settings)
    for token in _tokens(body):
        kind = token.lastindex
        if kind == _LEAF:
            tally.element(token, _LEAF)
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

    def element(self, token: re.Match[bytes], name: int) -> None:
        self.markup(token)
        if token.end(name) - token.start(name) > _LONGEST_NAME:
            raise self._long(token, "name", _LONGEST_NAME)
        if self.depth >= self.settings.depth:
            raise self._refusal(token, "RCV-002", "depth")

    def start(self, token: re.Match[bytes]) -> None:
        self.element(token, _NAME)
        if token.end(_VALUES) > token.start(_VALUES):
            count = self._count(token)
            self.attributes += count
            if self.attributes > self.settings.attributes:
                raise self._refusal(token, "RCV-003", "attributes")
            if count > self.settings.element_attributes:
                raise self._refusal(token, "RCV-003", "element_attributes")
        if token.lastindex == _VALUES:
            self.depth += 1

    def _count(self, token: re.Match[bytes]) -> int:
        """Count the attributes of one start tag, no further than one more than may be."""
        room = min(self.settings.attributes - self.attributes, self.settings.element_attributes)
        # the name of the first attribute stands behind that of the element
        count, at = 0, token.start(_NAME)
        for count, value in enumerate(_QUOTED.finditer(self.body, *token.span(_VALUES)), start=1):
            if value.start() - at > _LONGEST_NAME:
                raise self._long(token, "name", _LONGEST_NAME)
            long = value.end() - value.start() - len('""') > _LONGEST_NAMESPACE
            if long and b"xmlns" in self.body[at : value.start()]:
                raise self._long(token, "namespace", _LONGEST_NAMESPACE)
            if count > room:
                break
            at = value.end()
        return count

    def _long(self, token: re.Match[bytes], what: str, limit: int) -> LimitExceeded:
        line, column = _position(self.body, token.start())
        detail = f"A {what} is longer than {limit} bytes."
        return LimitExceeded(detail, code="RCV-003", line=line, column=column)

    def _refusal(self, token: re.Match[bytes], code: str, name: str) -> LimitExceeded:
        line, column = _position(self.body, token.start())
        limit = getattr(self.settings, name)
        return LimitExceeded(f"limits.{name} = {limit}.", code=code, line=line, column=column)


def _refuse_declaration(body: bytes, at: int) -> None:
    if body.startswith((b"<!DOCTYPE", b"<!ENTITY"), at):
        line, column = _position(body, at)
        raise NotWellFormed(code="XML-002", line=line, column=column)


def _position(body: bytes, at: int) -> tuple[int, int]:
    return body.count(b"\n", 0, at) + 1, at - body.rfind(b"\n", 0, at)
