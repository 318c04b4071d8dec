"""Whether a request fits the WSDL: the exchange schema, told at the place of the mistake.

Two differences from the published schema. An edXML document inside a request is not looked
into, because it is read tolerantly and judged by the journey; and base64 is checked by the
decoder, since libxml2 spends nearly all its time on it.
"""

from __future__ import annotations

import threading
from importlib.resources import files

from lxml import etree

from bus import errors
from bus.edxml import schema_types
from bus.edxml.paths import element_path, local_name, node_paths
from bus.edxml.violations import as_problem, explain
from bus.model import Problem

#: Name under `schemas/` of the types of our own namespace.
EXCHANGE_SCHEMA = "exchange/1/exchange.xsd"
XSD = "{http://www.w3.org/2001/XMLSchema}"
_MOST_PROBLEMS = 50


class _Compiled(threading.local):
    """The schema of this thread: lxml writes errors into the schema object."""

    schema: etree.XMLSchema | None = None


_compiled = _Compiled()


def check_payload(payload: etree._Element) -> None:
    """Refuse a payload that breaks the exchange schema; Raises ProtocolRejected SVC-006."""
    schema = _compiled.schema
    if schema is None:
        schema = _compiled.schema = schema_types.compiled(_tolerant())
    if schema.validate(payload):
        return
    problems = _problems(payload, schema)
    first = problems[0]
    raise errors.ProtocolRejected(
        first.message, code="SVC-006", path=first.path, line=first.line, problems=problems
    )


def schema_text(name: str) -> bytes:
    """One schema as shipped, by its path under `schemas/`."""
    return files("bus.resources").joinpath("schemas", *name.split("/")).read_bytes()


def _tolerant() -> etree._Element:
    root = etree.fromstring(schema_text(EXCHANGE_SCHEMA))
    for imported in root.findall(f"{XSD}import"):
        namespace = imported.get("namespace", "")
        root.remove(imported)
        for reference in root.findall(f".//{XSD}element[@ref='edxml:edXML']"):
            _replace_by_wildcard(reference, namespace)
    for wildcard in root.iter(f"{XSD}any"):
        wildcard.set("processContents", "skip")
    for element in root.iter(f"{XSD}element"):
        if element.get("type") == "xs:base64Binary":
            element.set("type", "xs:string")
    return root


def _replace_by_wildcard(reference: etree._Element, namespace: str) -> None:
    parent = reference.getparent()
    if parent is not None:
        parent.replace(reference, etree.Element(f"{XSD}any", {"namespace": namespace}))


def _problems(payload: etree._Element, schema: etree.XMLSchema) -> tuple[Problem, ...]:
    places = node_paths(payload)
    found = []
    for entry in schema.error_log:  # type: ignore[attr-defined]  # the stubs omit __iter__
        element = places.get(entry.path or "", payload)
        name = local_name(element)
        violation = explain(entry.type_name, entry.message, name, element.text or "")
        found.append(as_problem(violation, path=element_path(element), line=entry.line))
    return tuple(found[:_MOST_PROBLEMS])
