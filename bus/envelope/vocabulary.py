"""The exchange service's own namespace: building and reading its small elements."""

from __future__ import annotations

import re
import threading
from datetime import datetime

from lxml import etree

from bus.envelope.instants import write_instant
from bus.errors import NotWellFormed, ProtocolRejected

#: Namespace of the exchange service, version 1.
TNS = "urn:lienthong:exchange:1"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

#: What XML 1.0 cannot carry, not even escaped (production 2, Char).
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_local = threading.local()

Value = str | int | bool | datetime


def tag(name: str) -> str:
    """The name in the service's namespace, in Clark notation."""
    return f"{{{TNS}}}{name}"


def new(name: str) -> etree._Element:
    """A fresh root element of the service's namespace, which is its default namespace."""
    return etree.Element(tag(name), nsmap={None: TNS})  # type: ignore[dict-item]  # the stubs forget the default namespace


def add(parent: etree._Element, name: str, value: Value | None) -> None:
    """Append a child with a value as XML Schema writes it; None appends nothing."""
    if value is not None:
        etree.SubElement(parent, tag(name)).text = written(value)


def written(value: Value) -> str:
    """A value as XML Schema writes it; characters that XML cannot carry become U+FFFD."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return write_instant(value)
    return _UNWRITABLE.sub("\ufffd", str(value))


def parse_small(xml: bytes) -> etree._Element:
    """Parse a small element of our own making, without comments, DTDs or entities.

    Raises NotWellFormed XML-001, or XML-002 when it carries a DOCTYPE.
    """
    try:
        root = etree.fromstring(xml, _parser())
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise NotWellFormed(str(error.msg), line=line, column=column) from error
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise NotWellFormed(code="XML-002")
    return root


def text_of(parent: etree._Element, name: str) -> str:
    """Text of a child that must be there; Raises ProtocolRejected SVC-006."""
    found = parent.findtext(tag(name))
    if found is None:
        raise ProtocolRejected(f"{name}?", code="SVC-006", path=etree.QName(parent).localname)
    return found


def flag_of(parent: etree._Element, name: str) -> bool:
    """Xs:boolean of a child that must be there; Raises ProtocolRejected SVC-006."""
    return text_of(parent, name).strip() in {"true", "1"}


def number_of(parent: etree._Element, name: str) -> int:
    """Integer of a child that must be there; Raises ProtocolRejected SVC-006."""
    text = text_of(parent, name)
    try:
        return int(text)
    except ValueError as error:
        raise ProtocolRejected(f"{name}: {text[:40]!r}", code="SVC-006") from error


def _parser() -> etree.XMLParser:
    # One per thread: two threads on one parser object wait for each other.
    parser: etree.XMLParser | None = getattr(_local, "parser", None)
    if parser is None:
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        _local.parser = parser
    return parser
