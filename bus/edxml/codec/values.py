"""The text of a leaf ↔ its value in the model; text itself is never touched."""

from __future__ import annotations

import re
from datetime import date, datetime

from bus.edxml import dates
from bus.edxml.attachments import strip_cid
from bus.edxml.codec.mapping import Kind
from bus.model import StatusCode

#: White space of XML; a no-break space is text.
WHITE_SPACE = " \t\r\n"
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_value(kind: Kind, text: str) -> object | None:
    """Read the text of a leaf; None when it cannot be read as its kind.

    Text is kept to the last blank. White space around codes, numbers and dates carries no
    meaning and is passed over.
    """
    if kind is Kind.TEXT:
        return text
    bare = text.strip(WHITE_SPACE)
    if kind is Kind.CONTENT_ID:
        return strip_cid(bare) or None
    if kind is Kind.DATE:
        return dates.read_date(bare)
    if kind is Kind.INSTANT:
        return dates.read_instant(bare)
    if kind is Kind.BOOLEAN:
        return _BOOLEANS.get(bare.lower())
    if kind is Kind.STATUS:
        return StatusCode(bare) if bare in StatusCode.__members__.values() else None
    return int(bare) if _INTEGER.fullmatch(bare) else None


def write_value(value: object) -> str:
    """Write a value as the standard writes its kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return dates.write_instant(value)
    if isinstance(value, date):
        return dates.write_date(value)
    return str(value)


def without_forbidden(text: str) -> str:
    """The text without characters that XML 1.0 cannot carry (production 2)."""
    return _NOT_XML.sub("", text)
