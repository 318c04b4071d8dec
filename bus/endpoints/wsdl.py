"""The WSDL: what spyne generates, made into one description that all kinds of stacks read.

Each change cures a client that was seen to fail: parts named `parameters` give .NET tools
wrapped methods; `parameterOrder` makes wsimport warn; a service before its bindings gives
KDSoap no address; spyne knows one binding per application, callers need both.
"""

from __future__ import annotations

import copy
import functools
from xml.sax.saxutils import escape

from lxml import etree

from bus.endpoints.dispatch import dispatcher
from bus.endpoints.request_schema import EXCHANGE_SCHEMA, XSD, schema_text
from bus.endpoints.spyne_shim import Wsdl11
from bus.envelope.soap import SoapVersion
from bus.envelope.vocabulary import TNS

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_BINDING = {
    SoapVersion.V11: "http://schemas.xmlsoap.org/wsdl/soap/",
    SoapVersion.V12: "http://schemas.xmlsoap.org/wsdl/soap12/",
}
#: Name of the port type.
PORT_TYPE = "Exchange"
#: Name of the declared fault of every operation, and of the element in its detail.
FAULT_ELEMENT = "ExchangeFault"
#: Name of the fault's message: generators name the exception class after it.
_FAULT_MESSAGE = "ExchangeException"
_ADDRESS = "@ADDRESS@"
_TOP_LEVEL = ("documentation", "types", "message", "portType", "binding", "service")
_BOTH = (SoapVersion.V11, SoapVersion.V12)


def wsdl(address: str, versions: tuple[SoapVersion, ...] = _BOTH) -> bytes:
    """The WSDL 1.1 of the exchange service, UTF-8, with one port per version at `address`."""
    return _template(versions).replace(_ADDRESS.encode(), escape(address, {'"': "&quot;"}).encode())


def soap_action(operation: str) -> str:
    """The SOAPAction that the WSDL gives an operation."""
    return f"{TNS}/{operation}"


@functools.cache
def _template(versions: tuple[SoapVersion, ...]) -> bytes:
    root = etree.fromstring(_generated(), etree.XMLParser(remove_blank_text=True))
    _use_our_types(root)
    _name_parts(root)
    _name_faults(root)
    _offer_versions(root, versions)
    root[:] = sorted(root, key=lambda child: _TOP_LEVEL.index(etree.QName(child).localname))
    clean = etree.fromstring(
        etree.tostring(_renamed(root)), etree.XMLParser(remove_blank_text=True)
    )
    etree.indent(clean)
    return etree.tostring(clean, xml_declaration=True, encoding="utf-8") + b"\n"


def _generated() -> bytes:
    # A description of its own each time: spyne's writer keeps state from one build to the next.
    writer = Wsdl11(dispatcher().app.interface)
    writer.build_interface_document(_ADDRESS)
    document: bytes = writer.get_interface_document()
    return document


def _use_our_types(root: etree._Element) -> None:
    """Put the schemas under `schemas/` in place of spyne's, which cannot say all of it."""
    types = root.find(f"{_WSDL}types")
    if types is None:
        return
    types[:] = [*_imported(), _own_schema()]


def _own_schema() -> etree._Element:
    schema = _schema(EXCHANGE_SCHEMA)
    for imported in schema.findall(f"{XSD}import"):
        # Imported schemas stand beside it in the same document.
        imported.attrib.pop("schemaLocation", "")
    return schema


def _imported() -> list[etree._Element]:
    return [_schema(name) for name in imported_schemas()]


def imported_schemas() -> tuple[str, ...]:
    """Paths under `schemas/` of what the exchange schema imports."""
    folder = EXCHANGE_SCHEMA.rpartition("/")[0].split("/")
    found = []
    for imported in _schema(EXCHANGE_SCHEMA).findall(f"{XSD}import"):
        steps = imported.get("schemaLocation", "").split("/")
        up = steps.count("..")
        found.append("/".join([*folder[: len(folder) - up], *steps[up:]]))
    return tuple(found)


def _schema(name: str) -> etree._Element:
    parser = etree.XMLParser(remove_comments=True, remove_blank_text=True)
    return etree.fromstring(schema_text(name), parser)


def _name_parts(root: etree._Element) -> None:
    for part in root.iterfind(f"{_WSDL}message/{_WSDL}part"):
        part.set("name", "parameters")
    for operation in root.iterfind(f"{_WSDL}portType/{_WSDL}operation"):
        operation.attrib.pop("parameterOrder", "")


def _name_faults(root: etree._Element) -> None:
    for message in root.findall(f"{_WSDL}message[@name='{FAULT_ELEMENT}']"):
        message.set("name", _FAULT_MESSAGE)
        message[0].set("name", "fault")
    for fault in root.iterfind(f"{_WSDL}portType/{_WSDL}operation/{_WSDL}fault"):
        fault.set("message", f"tns:{_FAULT_MESSAGE}")


def _offer_versions(root: etree._Element, versions: tuple[SoapVersion, ...]) -> None:
    (binding,) = root.findall(f"{_WSDL}binding")
    (service,) = root.findall(f"{_WSDL}service")
    root.remove(binding)
    service[:] = []
    service.set("name", "ExchangeService")
    for version in versions:
        name = f"ExchangeSoap{version.value.replace('.', '')}"
        root.append(_binding(binding, name, version))
        port = etree.SubElement(service, f"{_WSDL}port", name=name, binding=f"tns:{name}")
        etree.SubElement(port, f"{{{_BINDING[version]}}}address", location=_ADDRESS)


def _binding(model: etree._Element, name: str, version: SoapVersion) -> etree._Element:
    binding = copy.deepcopy(model)
    binding.set("name", name)
    binding.set("type", f"tns:{PORT_TYPE}")
    for element in binding.iter(f"{{{_BINDING[SoapVersion.V11]}}}*"):
        element.tag = f"{{{_BINDING[version]}}}{etree.QName(element).localname}"
        if "soapAction" in element.attrib:
            operation = element.getparent()
            action = "" if operation is None else operation.get("name", "")
            element.set("soapAction", soap_action(action))
    return binding


def _renamed(root: etree._Element) -> etree._Element:
    """The same under prefixes of our choice, without the declarations spyne leaves behind."""
    fresh = etree.Element(
        root.tag,
        {str(name): str(value) for name, value in root.attrib.items()},
        nsmap={
            "wsdl": _WSDL[1:-1],
            "xs": XSD[1:-1],
            "tns": TNS,
            "soap": _BINDING[SoapVersion.V11],
            "soap12": _BINDING[SoapVersion.V12],
        },
    )
    fresh.set("name", "ExchangeService")
    # The schemas name types by prefix inside attribute values, where no clean-up sees them.
    kept = {prefix for schema in root.iter(f"{XSD}schema") for prefix in schema.nsmap if prefix}
    fresh.extend(list(root))
    etree.cleanup_namespaces(fresh, keep_ns_prefixes=sorted(kept & _used(fresh)))
    return fresh


def _used(root: etree._Element) -> set[str]:
    values = (value for element in root.iter(etree.Element) for value in element.attrib.values())
    return {str(value).partition(":")[0] for value in values if ":" in value}
