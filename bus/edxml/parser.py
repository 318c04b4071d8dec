"""The hardened parser: the only place that turns bytes of strangers into an XML tree."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

from lxml import etree

from bus.config import LimitSettings
from bus.edxml.encodings import coding
from bus.edxml.rules import problem
from bus.errors import NotWellFormed
from bus.model import Problem, Severity

_UTF8_MARK = b"\xef\xbb\xbf"
_UNMARKED_UTF16 = (b"<\x00", b"\x00<")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_POSITION = re.compile(r"\s*,? line \d+, column \d+.*$", re.DOTALL)
_ENCODING_ERRORS = frozenset(
    {
        etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
        etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
        etree.ErrorTypes.ERR_INVALID_ENCODING,
        etree.ErrorTypes.I18N_CONV_FAILED,
        etree.ErrorTypes.IO_ENCODER,
    }
)
_ENTITY_ERRORS = frozenset({etree.ErrorTypes.ERR_ENTITY_LOOP, etree.ErrorTypes.ERR_RESOURCE_LIMIT})
_own = threading.local()


def trim(body: bytes, limits: LimitSettings) -> tuple[bytes, tuple[Problem, ...]]:
    """Take a UTF-8 byte order mark and short junk before the first `<` off, warning of each (E01).

    Lines keep the sender's numbers: line feeds of the junk are put back where XML allows them.
    White space before a root element and UTF-16 byte order marks are XML and stay. Nothing
    else is ever repaired. Raises NotWellFormed RCV-005 for no bytes at all, XML-001 for
    junk longer than `limits.junk_bytes` or a body without markup.
    """
    if not body:
        raise NotWellFormed(code="RCV-005")
    if body.startswith(_UTF16_MARKS + _UNMARKED_UTF16):
        return body, ()
    marked = body.startswith(_UTF8_MARK)
    start = len(_UTF8_MARK) if marked else 0
    warnings = (_warning("byte order mark"),) if marked else ()
    first = _first_markup(body, start, limits.junk_bytes)
    junk = body[start:first]
    if not junk or (not junk.strip() and not body.startswith(b"<?xml", first)):
        return (body[start:] if marked else body), warnings
    shown = junk.decode("utf-8", errors="replace")
    return _without(body, first, junk.count(b"\n")), (*warnings, _warning(shown))


def parse(body: bytes) -> etree._Element:
    """Parse a whole document without DTD, entities and network; comments and PIs leave no trace.

    Text around a comment is joined, as exclusive C14N without comments reads it. The byte
    scanner must have passed the body before: text of any length is taken. Raises
    NotWellFormed XML-001, XML-002 or XML-003 with line and column.
    """
    coding(body)
    try:
        root = etree.fromstring(body, _parser())
    except etree.XMLSyntaxError as error:
        raise _refusal(error) from error
    tree = root.getroottree()
    if tree.docinfo.doctype:  # type: ignore[union-attr]  # the stubs miss it
        raise NotWellFormed(code="XML-002", line=1, column=1)
    return root


def _parser() -> etree.XMLParser:
    """Give each thread its own parser: one shared by threads makes two slower than one."""
    parser: etree.XMLParser | None = getattr(_own, "parser", None)
    if parser is None:
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=True,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )
        _own.parser = parser
    return parser


def _first_markup(body: bytes, start: int, junk_bytes: int) -> int:
    space = _SPACE.match(body, start)
    at = space.end() if space else start
    if body.startswith(b"<", at) and not body.startswith(b"<?xml", at):
        return at
    first = body.find(b"<", start, start + junk_bytes + 1)
    if first < 0:
        detail = f"No markup within the first {junk_bytes} bytes."
        raise NotWellFormed(detail, line=1, column=1)
    return first


def _without(body: bytes, first: int, lines: int) -> bytes:
    if not lines:
        return body[first:]
    # Line feeds may not stand before an XML declaration, only behind it.
    end = body.find(b"?>", first) + 2 if body.startswith(b"<?xml", first) else first
    return b"".join((body[first:end], b"\n" * lines, body[end:]))


def _warning(junk: str) -> Problem:
    found = problem("E01", line=1, column=1, value=junk, severity=Severity.WARN)
    return replace(
        found,
        message="What stands before the first '<' was left out.",
        message_vi="Đã bỏ qua phần thừa đứng trước dấu '<' đầu tiên.",
    )


def _refusal(error: etree.XMLSyntaxError) -> NotWellFormed:
    line, column = error.position
    kind: int = getattr(error, "code", 0)
    code = "XML-003" if kind in _ENCODING_ERRORS else "XML-001"
    detail = _POSITION.sub("", error.msg or "").strip(" .\n")
    if kind in _ENTITY_ERRORS and "entity" in detail:
        code = "XML-002"
    return NotWellFormed(f"{detail}." if detail else "", code=code, line=line, column=column)
