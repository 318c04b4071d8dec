"""The WSDL of eDoc 1.0: one SOAP 1.1 port, blocks of documents as header parts.

It is written from the list of operations: the generator behind the exchange service cannot say
header parts of single operations. Files are left to the messages themselves; generators that know
the MIME binding differ too much in what they make of it.
"""

from __future__ import annotations

import functools
from xml.sax.saxutils import escape

from lxml import etree

from bus import errors
from bus.endpoints.edoc.requests import OPERATIONS
from bus.endpoints.request_schema import XSD, schema_text
from bus.envelope import edoc

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
_TRANSPORT = "http://schemas.xmlsoap.org/soap/http"
_SERVICE_SCHEMA = "edoc/1.0/service.xsd"
_BLOCK_SCHEMA = "edoc/1.0/outbound.xsd"
_ADDRESS = "@ADDRESS@"
_PREFIXES = {"wsdl": _WSDL[1:-1], "xs": XSD[1:-1], "soap": _SOAP[1:-1], "edoc": edoc.NAMESPACE}
#: Header blocks by message: who sends them, and which.
_HEADERS = {
    "SendDocument": (*edoc.BLOCKS, "Signature"),
    "UpdateTraces": ("Signature",),
    "GetDocumentResponse": edoc.BLOCKS,
}
_FAULT = "EdocFault"


def wsdl(address: str) -> bytes:
    """The WSDL 1.1 of the service at `address`, UTF-8."""
    return _template().replace(_ADDRESS.encode(), escape(address, {'"': "&quot;"}).encode())


def service_schema(name: str) -> bytes:
    """The types of the service in one schema; Raises NotFound SVC-011 for any other name."""
    if name:
        raise errors.NotFound(f"?xsd={name[:60]}", code="SVC-011")
    return _written(_schema())


@functools.cache
def _template() -> bytes:
    root = etree.Element(f"{_WSDL}definitions", nsmap=_PREFIXES)
    root.set("name", "eDoc")
    root.set("targetNamespace", edoc.NAMESPACE)
    etree.SubElement(root, f"{_WSDL}types").append(_schema())
    for operation in OPERATIONS:
        _message(root, operation, operation)
        _message(root, f"{operation}Response", f"{operation}Response")
    for name, blocks in _HEADERS.items():
        _header_message(root, name, blocks)
    _message(root, _FAULT, "Report", part="fault")
    _port_type(root)
    _binding(root)
    service = etree.SubElement(root, f"{_WSDL}service", name="eDocService")
    port = etree.SubElement(service, f"{_WSDL}port", name="eDocSoap11", binding="edoc:eDocSoap11")
    etree.SubElement(port, f"{_SOAP}address", location=_ADDRESS)
    return _written(root)


def _schema() -> etree._Element:
    """Both schemas as one: stacks disagree about two of one namespace in one WSDL."""
    parser = etree.XMLParser(remove_comments=True, remove_blank_text=True)
    blocks = etree.fromstring(schema_text(_BLOCK_SCHEMA), parser)
    service = etree.fromstring(schema_text(_SERVICE_SCHEMA), parser)
    for child in service:
        if child.tag not in {f"{XSD}include", f"{XSD}annotation"}:
            blocks.append(child)
    return blocks


def _message(root: etree._Element, name: str, element: str, *, part: str = "parameters") -> None:
    message = etree.SubElement(root, f"{_WSDL}message", name=name)
    etree.SubElement(message, f"{_WSDL}part", name=part, element=f"edoc:{element}")


def _header_message(root: etree._Element, name: str, blocks: tuple[str, ...]) -> None:
    message = etree.SubElement(root, f"{_WSDL}message", name=f"{name}Headers")
    for block in blocks:
        etree.SubElement(message, f"{_WSDL}part", name=block, element=f"edoc:{block}")


def _port_type(root: etree._Element) -> None:
    port_type = etree.SubElement(root, f"{_WSDL}portType", name="eDoc")
    for name in OPERATIONS:
        operation = etree.SubElement(port_type, f"{_WSDL}operation", name=name)
        etree.SubElement(operation, f"{_WSDL}input", message=f"edoc:{name}")
        etree.SubElement(operation, f"{_WSDL}output", message=f"edoc:{name}Response")
        etree.SubElement(operation, f"{_WSDL}fault", name="fault", message=f"edoc:{_FAULT}")


def _binding(root: etree._Element) -> None:
    binding = etree.SubElement(root, f"{_WSDL}binding", name="eDocSoap11", type="edoc:eDoc")
    etree.SubElement(binding, f"{_SOAP}binding", style="document", transport=_TRANSPORT)
    for name in OPERATIONS:
        operation = etree.SubElement(binding, f"{_WSDL}operation", name=name)
        etree.SubElement(operation, f"{_SOAP}operation", soapAction=name, style="document")
        _carry(etree.SubElement(operation, f"{_WSDL}input"), name)
        _carry(etree.SubElement(operation, f"{_WSDL}output"), f"{name}Response")
        fault = etree.SubElement(operation, f"{_WSDL}fault", name="fault")
        etree.SubElement(fault, f"{_SOAP}fault", name="fault", use="literal")


def _carry(direction: etree._Element, message: str) -> None:
    for block in _HEADERS.get(message, ()):
        etree.SubElement(
            direction, f"{_SOAP}header", message=f"edoc:{message}Headers", part=block, use="literal"
        )
    etree.SubElement(direction, f"{_SOAP}body", use="literal")


def _written(root: etree._Element) -> bytes:
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8") + b"\n"
