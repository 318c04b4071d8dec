"""Validation by the XSD 1.1 schemas: any order, counts and values at once.

Slower than libxml2 by far and loaded only on demand; for conformance reports and tests,
never for the journey of a message.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from lxml import etree
from xmlschema import XMLSchema11
from xmlschema.validators import XMLSchemaValidationError

from bus.edxml.paths import local_name
from bus.edxml.violations import Violation

_local = threading.local()


def violations(
    tree: etree._Element, name: str, schema: bytes
) -> Iterator[tuple[etree._Element, Violation]]:
    """Every violation with the element it stands at; `name` keys the compiled schema."""
    for error in _compiled(name, schema).iter_errors(tree):
        element: etree._Element = (
            tree if error.elem is None else error.elem  # type: ignore[assignment]  # lxml in, lxml out
        )
        yield element, _explain(error, element)


def _compiled(name: str, schema: bytes) -> XMLSchema11:
    """One engine per thread: its XPath contexts are not made for sharing."""
    engines: dict[str, XMLSchema11] = _local.__dict__.setdefault("engines", {})
    if name not in engines:
        engines[name] = XMLSchema11(schema.decode("utf-8"), allow="none")
    return engines[name]


def _explain(error: XMLSchemaValidationError, element: etree._Element) -> Violation:
    name = local_name(element)
    reason = (error.reason or "the schema is not met").rstrip(".")
    if "assertion" in reason:
        reason = "its parts are neither those of a document nor those of a status message"
    return Violation(
        message=f"{name} breaks the specification: {_plain(reason)}.",
        message_vi=f"{name} không đúng đặc tả: {_plain(reason)}.",
        value=error.obj if isinstance(error.obj, str) else "",
    )


def _plain(reason: str) -> str:
    while "{" in reason and "}" in reason and "'{" in reason:
        start = reason.index("'{") + 1
        reason = reason[:start] + reason[reason.index("}", start) + 1 :]
    return reason
