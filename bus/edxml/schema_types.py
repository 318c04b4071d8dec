"""The built-in types of XML Schema, set up before any thread needs them.

libxml2 makes them when the first schema of the process is compiled, and not safely when several
threads come first: then schemas of all of them are refused as broken. Whoever compiles schemas
takes `compiled` from here; importing this module compiles the first one.
"""

from __future__ import annotations

from lxml import etree

_FIRST = b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>'


def compiled(schema: etree._Element) -> etree.XMLSchema:
    """A schema ready to validate, for one thread alone: lxml writes its errors into the object."""
    return etree.XMLSchema(schema)


compiled(etree.fromstring(_FIRST))
