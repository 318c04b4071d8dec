"""Hardened XML parsing for signatures: no entities, no network, no DTD; one parser per thread."""

from __future__ import annotations

import threading
from typing import Final

from lxml import etree

from bus.errors import NotWellFormed

_local = threading.local()

#: libxml2's numbers for an unknown, an unsupported and a violated character encoding.
_ENCODING_ERRORS: Final = frozenset({31, 32, 81})


def reading_parser() -> etree.XMLParser:
    """This thread's parser for verification: comments are dropped, as canonicalisation does."""
    return _kept("reading", remove_comments=True)


def read(xml: bytes) -> etree._Element:
    """The root of a document without its comments, so that text is whole where one stood.

    Raises NotWellFormed XML-001, XML-002 (document type or entities), XML-003 (encoding).
    """
    return _parse(xml, reading_parser())


def read_whole(xml: bytes) -> etree._Element:
    """The root of a document with comments and CDATA sections in place, to write it again.

    Raises NotWellFormed like `read`.
    """
    return _parse(xml, _kept("whole", remove_comments=False))


def _kept(name: str, *, remove_comments: bool) -> etree.XMLParser:
    parser: etree.XMLParser | None = getattr(_local, name, None)
    if parser is None:
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            # attachments are text nodes of tens of megabytes; size and depth are limited earlier
            huge_tree=True,
            remove_comments=remove_comments,
            strip_cdata=remove_comments,
        )
        setattr(_local, name, parser)
    return parser


def _parse(xml: bytes, parser: etree.XMLParser) -> etree._Element:
    try:
        root: etree._Element = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        code = "XML-003" if getattr(error, "code", 0) in _ENCODING_ERRORS else "XML-001"
        # the parser's own words may quote the document
        raise NotWellFormed(code=code, stage="verify", line=line, column=column) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotWellFormed(code="XML-002", stage="verify")
    return root
