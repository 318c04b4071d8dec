"""A WSDL 1.1 document as the rules of the Basic Profile look at it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

WSDL = "http://schemas.xmlsoap.org/wsdl/"
XSD = "http://www.w3.org/2001/XMLSchema"
SOAP11_BINDING = "http://schemas.xmlsoap.org/wsdl/soap/"
SOAP12_BINDING = "http://schemas.xmlsoap.org/wsdl/soap12/"
BINDINGS = (SOAP11_BINDING, SOAP12_BINDING)
HTTP = "http://schemas.xmlsoap.org/soap/http"

Load = Callable[[str], "bytes | None"]


def _nothing(_location: str) -> None:
    return None


@dataclass
class Description:
    """One WSDL; `load` gives the bytes behind a location, None when there is nothing."""

    raw: bytes
    load: Load = _nothing
    root: etree._Element = field(init=False)

    def __post_init__(self) -> None:
        self.root = parsed(self.raw)

    @property
    def tns(self) -> str:
        """The target namespace of the definitions."""
        return self.root.get("targetNamespace", "")

    def wsdl(self, name: str) -> list[etree._Element]:
        """Every element of the WSDL namespace with a name, anywhere."""
        return list(self.root.iter(f"{{{WSDL}}}{name}"))

    def top(self, name: str) -> list[etree._Element]:
        """Definitions of one kind: message, portType, binding, service."""
        return self.root.findall(f"{{{WSDL}}}{name}")

    def named(self, kind: str, name: str | None) -> etree._Element | None:
        """A definition of this document by its Clark name."""
        for one in self.top(kind):
            if name == f"{{{self.tns}}}{one.get('name')}":
                return one
        return None

    def schemas(self) -> list[etree._Element]:
        """The schemas inside types."""
        return self.root.findall(f"{{{WSDL}}}types/{{{XSD}}}schema")

    def known_namespaces(self) -> set[str]:
        """Namespaces whose WSDL definitions may be referred to: our own and the imported."""
        return {self.tns} | {one.get("namespace", "") for one in self.top("import")}

    def schema_namespaces(self) -> set[str]:
        """Namespaces whose schema components WSDL elements may refer to: defined or imported."""
        found = {XSD}
        for schema in self.schemas():
            found.add(schema.get("targetNamespace", ""))
            found |= {i.get("namespace", "") for i in schema.findall(f"{{{XSD}}}import")}
        return found

    def global_elements(self) -> set[str]:
        """Clark names of every global element declared in types."""
        return {
            f"{{{schema.get('targetNamespace', '')}}}{one.get('name')}"
            for schema in self.schemas()
            for one in schema.findall(f"{{{XSD}}}element")
        }

    def messages_of(self, operation: etree._Element) -> dict[str, etree._Element | None]:
        """The messages of an operation of a port type by direction; faults are `fault:NAME`."""
        found: dict[str, etree._Element | None] = {}
        for one in operation:
            kind = etree.QName(one).localname
            key = f"fault:{one.get('name')}" if kind == "fault" else kind
            if one.get("message"):
                found[key] = self.named("message", resolve(one, one.get("message", "")))
        return found

    def bound(self) -> Iterator[Bound]:
        """Every operation of every binding beside its operation of the port type."""
        for binding in self.top("binding"):
            port_type = self.named("portType", resolve(binding, binding.get("type", "")))
            for operation in binding.findall(f"{{{WSDL}}}operation"):
                name = operation.get("name")
                abstract = None
                if port_type is not None:
                    abstract = port_type.find(f"{{{WSDL}}}operation[@name='{name}']")
                yield Bound(self, binding, operation, abstract)


@dataclass
class Bound:
    """An operation of a binding."""

    description: Description
    binding: etree._Element
    operation: etree._Element
    abstract: etree._Element | None

    @property
    def where(self) -> str:
        """For a complaint."""
        return f"{self.binding.get('name')}/{self.operation.get('name')}"

    @property
    def style(self) -> str:
        """Document or rpc: of the operation, else of the binding, else document."""
        own = soap_child(self.operation, "operation")
        whole = soap_child(self.binding, "binding")
        for one in (own, whole):
            if one is not None and one.get("style"):
                return str(one.get("style"))
        return "document"

    def bodies(self) -> Iterator[tuple[etree._Element, etree._Element | None]]:
        """Each soap:body, wherever MIME wraps it, with the message that it carries."""
        messages = {} if self.abstract is None else self.description.messages_of(self.abstract)
        for direction in ("input", "output"):
            for side in self.operation.findall(f"{{{WSDL}}}{direction}"):
                for body in soap_all(side, "body"):
                    yield body, messages.get(direction)

    def parts_of(
        self, body: etree._Element, message: etree._Element | None
    ) -> list[etree._Element]:
        """The parts that a body carries: those it names, else all of its message."""
        parts = [] if message is None else message.findall(f"{{{WSDL}}}part")
        if body.get("parts") is None:
            return parts
        return [part for part in parts if part.get("name") in body.get("parts", "").split()]


def parsed(raw: bytes) -> etree._Element:
    """The tree of a document, nothing fetched."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    return etree.fromstring(raw, parser)


def resolve(element: etree._Element, name: str) -> str | None:
    """A QName in the scope of an element as a Clark name; None when its prefix is not bound."""
    prefix, colon, local = name.strip().rpartition(":")
    namespace = element.nsmap.get(prefix if colon else None, None if colon else "")
    return None if namespace is None else f"{{{namespace}}}{local}"


def soap_all(element: etree._Element, *names: str) -> list[etree._Element]:
    """Elements of either SOAP binding below an element, in its order."""
    wanted = {f"{{{space}}}{name}" for space in BINDINGS for name in names}
    return [one for one in element.iter(etree.Element) if one.tag in wanted and one is not element]


def soap_child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child of either SOAP binding with a name."""
    return next((one for one in soap_all(element, name) if one.getparent() is element), None)


def is_ncname(text: str | None) -> bool:
    """Whether a text is a name without a colon, as XML has them."""
    return bool(text) and re.fullmatch(r"[^\W\d][\w.\-]*", text or "") is not None


def compiled_types(root: etree._Element) -> etree.XMLSchema:
    """The schemas of a WSDL as one validator; imports among them need no location.

    Raises etree.XMLSchemaParseError when they are no XML Schema 1.0.
    """
    schemas = root.findall(f"{{{WSDL}}}types/{{{XSD}}}schema")
    with tempfile.TemporaryDirectory() as folder:
        files = {s.get("targetNamespace", ""): f"{number}.xsd" for number, s in enumerate(schemas)}
        for schema in schemas:
            copied = parsed(etree.tostring(schema))
            for imported in copied.findall(f"{{{XSD}}}import"):
                if imported.get("namespace", "") in files:
                    imported.set("schemaLocation", files[imported.get("namespace", "")])
            name = files[schema.get("targetNamespace", "")]
            (Path(folder) / name).write_bytes(etree.tostring(copied))
        everything = etree.Element(f"{{{XSD}}}schema")
        for namespace, name in files.items():
            etree.SubElement(
                everything, f"{{{XSD}}}import", {"namespace": namespace, "schemaLocation": name}
            )
        start = Path(folder) / "all.xsd"
        start.write_bytes(etree.tostring(everything))
        return etree.XMLSchema(etree.parse(start))
