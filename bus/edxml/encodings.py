"""Which character encodings the bus takes, told from the first bytes alone.

The byte scanner of `limits` counts markup in ASCII-compatible bytes; an encoding in which
`<` can be written otherwise (UTF-7, EBCDIC, UTF-32) would hide markup from it, so only UTF-8,
UTF-16 and single-byte supersets of ASCII pass.
"""

from __future__ import annotations

import enum
import re

from bus.errors import NotWellFormed

#: Longest XML declaration that is looked at, bytes.
_HEAD = 1024
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_UTF32_MARKS = (b"\x00\x00\xfe\xff", b"\xff\xfe\x00\x00", b"\x00\x00\x00<", b"<\x00\x00\x00")
_UTF16_NAMES = ("utf-16", "utf-16le", "utf-16be")
_BYTE_NAMES = re.compile(r"utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|windows-125\d", re.IGNORECASE)
#: XMLDecl, production 23 of XML 1.0.
_DECLARATION = re.compile(
    r"<\?xml\s+version\s*=\s*(?:\"1\.\d\"|'1\.\d')"
    r"(?:\s+encoding\s*=\s*(?:\"([\w.\-]+)\"|'([\w.\-]+)'))?"
    r"(?:\s+standalone\s*=\s*(?:\"(?:yes|no)\"|'(?:yes|no)'))?\s*\?>"
)


class Coding(enum.Enum):
    """How markup characters are laid out in the bytes."""

    ASCII_COMPATIBLE = "ascii-compatible"
    UTF_16 = "utf-16"


def coding(body: bytes) -> Coding:
    """Tell how the markup of `body` is coded, by byte order mark and XML declaration (XML 1.0 F.1).

    Raises NotWellFormed XML-003 for an encoding the bus does not take or one that the bytes
    contradict, XML-001 for a broken XML declaration.
    """
    if body.startswith(_UTF32_MARKS):
        raise NotWellFormed("UTF-32 is not taken.", code="XML-003", line=1, column=1)
    wide = body.startswith(_UTF16_MARKS)
    declared = _declared(_head(body, wide=wide))
    if declared is not None:
        _agree(declared, wide=wide)
    return Coding.UTF_16 if wide else Coding.ASCII_COMPATIBLE


def wide_codec(body: bytes) -> str:
    """Name the Python codec of a UTF-16 body, with or without a byte order mark."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-16-le" if body.startswith(b"<\x00") else "utf-16-be"


def _head(body: bytes, *, wide: bool) -> str:
    start = body[: _HEAD * 2 if wide else _HEAD]
    text = start.decode(wide_codec(body) if wide else "latin-1", errors="replace")
    return text.removeprefix("\ufeff").removeprefix("ï»¿")


def _declared(head: str) -> str | None:
    if not re.match(r"<\?xml\s", head):
        return None
    found = _DECLARATION.match(head)
    if found is None:
        raise NotWellFormed("The XML declaration is broken.", line=1, column=1)
    return found[1] or found[2]


def _agree(declared: str, *, wide: bool) -> None:
    lower = declared.lower()
    # With UTF-16 bytes, XML lets the byte order outrank a declaration of UTF-8.
    fits = lower in _UTF16_NAMES or lower == "utf-8" if wide else _BYTE_NAMES.fullmatch(lower)
    if not fits:
        kind = "UTF-16" if wide else "not UTF-16"
        detail = f"The declaration says {declared}; the bytes are {kind}."
        raise NotWellFormed(detail, code="XML-003", line=1, column=1)


def root_at(head: bytes) -> int:
    """Where the root element begins, behind byte order mark, instructions and comments.

    Written out, since the possessive groups of `re` are wrong in Python before 3.11.5.
    """
    at = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    while True:
        at += len(head) - at - len(head[at:].lstrip())
        ends = {b"<?": b"?>", b"<!": b"-->" if head.startswith(b"<!--", at) else b""}
        end = ends.get(head[at : at + 2], b"")
        found = head.find(end, at) if end else -1
        if found < 0:
            return at
        at = found + len(end)
