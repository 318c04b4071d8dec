"""The rules of the WS-I Basic Profile about descriptions, as a table: number, demand, check.

The numbers are those of Basic Profile 1.1 (2006-04-10); 1.2 and 2.0 are built on it, and 2.0
demands of the binding for SOAP 1.2 what 1.1 demands of the other. Rules that only permit, or that bind consumers or messages,
are not here; those on messages are in `wsi_messages`. The rules C1 to C5 are no WS-I rules:
each stands for generators that were seen to break without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml import etree

from tests.support.wsi_description import (
    BINDINGS,
    HTTP,
    WSDL,
    XSD,
    Bound,
    Description,
    compiled_types,
    is_ncname,
    parsed,
    resolve,
    soap_all,
    soap_child,
)

Complaints = Iterator[str]
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"


@dataclass(frozen=True)
class Rule:
    """One rule; `check` yields what breaks it."""

    number: str
    demands: str
    check: Callable[[Description], Complaints]


def violations(description: Description) -> list[str]:
    """Everything that breaks a rule, as `number: what`."""
    return [f"{rule.number}: {found}" for rule in RULES for found in rule.check(description)]


# The document


def _xml_version(of: Description) -> Complaints:
    if of.root.getroottree().docinfo.xml_version != "1.0":
        yield "XML 1.1"


def _encoding(of: Description) -> Complaints:
    yield from _bad_encoding(of.root, "the WSDL")


def _bad_encoding(root: etree._Element, what: str) -> Complaints:
    encoding = (root.getroottree().docinfo.encoding or "UTF-8").upper()
    if encoding not in {"UTF-8", "UTF-16", "UTF-16LE", "UTF-16BE"}:
        yield f"{what} is in {encoding}"


def _xml_prefix(of: Description) -> Complaints:
    if re.search(rb"xmlns:xml\s*=", of.raw):
        yield "declares the prefix xml"


#: What the WSDL schema lets stand where, and which attributes of no namespace it knows.
_CHILDREN: dict[str, set[str]] = {
    "definitions": {"import", "types", "message", "portType", "binding", "service"},
    "message": {"part"},
    "portType": {"operation"},
    "operation": {"input", "output", "fault"},
    "binding": {"operation"},
    "service": {"port"},
}
_ATTRIBUTES: dict[str, tuple[set[str], set[str]]] = {
    "definitions": ({"targetNamespace"}, {"name"}),
    "import": ({"namespace", "location"}, set()),
    "types": (set(), set()),
    "message": ({"name"}, set()),
    "part": ({"name"}, {"element", "type"}),
    "portType": ({"name"}, set()),
    "operation": ({"name"}, {"parameterOrder"}),
    "input": (set(), {"name", "message"}),
    "output": (set(), {"name", "message"}),
    "fault": ({"name"}, {"message"}),
    "binding": ({"name", "type"}, set()),
    "service": ({"name"}, set()),
    "port": ({"name", "binding"}, set()),
    "documentation": (set(), set()),
}


def _wsdl_structure(of: Description) -> Complaints:
    if of.root.tag != f"{{{WSDL}}}definitions":
        yield f"the root is {of.root.tag}"
    for element in of.root.iter(f"{{{WSDL}}}*"):
        yield from _misplaced(element)
        yield from _wrong_attributes(element)
    for kind in ("message", "portType", "binding", "service"):
        for name, times in Counter(one.get("name") for one in of.top(kind)).items():
            if times > 1:
                yield f"{kind} {name} is defined {times} times"


def _misplaced(element: etree._Element) -> Complaints:
    parent, local = element.getparent(), etree.QName(element).localname
    if parent is None:
        return
    above = etree.QName(parent)
    if above.namespace != WSDL or local == "documentation":
        if local == "documentation" and parent.index(element) != 0:
            yield f"documentation is not the first child of {above.localname}"
        return
    if local not in _CHILDREN.get(above.localname, set()):
        yield f"{local} inside {above.localname}"


def _wrong_attributes(element: etree._Element) -> Complaints:
    local = etree.QName(element).localname
    if local not in _ATTRIBUTES:
        yield f"unknown element {local}"
        return
    needed, possible = _ATTRIBUTES[local]
    plain = {str(name) for name in element.attrib if not str(name).startswith("{")}
    for name in sorted(needed - plain):
        yield f"{local} without {name}"
    for name in sorted(plain - needed - possible):
        yield f"{local} with {name}"
    if element.get("name") is not None and not is_ncname(element.get("name")):
        yield f"{local} named {element.get('name')!r}"


_SOAP_ATTRIBUTES: dict[str, tuple[set[str], set[str]]] = {
    "binding": (set(), {"transport", "style"}),
    "operation": (set(), {"soapAction", "style", "soapActionRequired"}),
    "body": (set(), {"parts", "use", "namespace", "encodingStyle"}),
    "header": ({"message", "part", "use"}, {"namespace", "encodingStyle", "parts"}),
    "headerfault": ({"message", "part", "use"}, {"namespace", "encodingStyle", "parts"}),
    "fault": (set(), {"name", "use", "namespace", "encodingStyle"}),
    "address": ({"location"}, set()),
}
_SOAP_PLACES = {
    "binding": "binding", "operation": "operation", "fault": "fault", "address": "port",
    "headerfault": "header",
}  # fmt: skip


def _soap_structure(of: Description) -> Complaints:
    for space in BINDINGS:
        for element in of.root.iter(f"{{{space}}}*"):
            local = etree.QName(element).localname
            if local not in _SOAP_ATTRIBUTES:
                yield f"unknown element soap:{local}"
                continue
            needed, possible = _SOAP_ATTRIBUTES[local]
            plain = {str(name) for name in element.attrib if not str(name).startswith("{")}
            for name in sorted(needed - plain) + sorted(plain - needed - possible):
                yield f"soap:{local} and {name}"
            if element.get("style", "document") not in {"document", "rpc"}:
                yield f"style {element.get('style')}"
            parent = element.getparent()
            place = _SOAP_PLACES.get(local)
            if place and (parent is None or etree.QName(parent).localname != place):
                yield f"soap:{local} is not in {place}"


# Imports


def _imported(of: Description, name: str, attribute: str) -> Iterator[tuple[str, etree._Element]]:
    space = WSDL if name == "wsdl" else XSD
    for one in of.root.iter(f"{{{space}}}import"):
        content = of.load(one.get(attribute, "")) if one.get(attribute) else None
        if content is not None:
            yield one.get(attribute, ""), parsed(content)


def _wsdl_imports_wsdl(of: Description) -> Complaints:
    for location, root in _imported(of, "wsdl", "location"):
        if root.tag != f"{{{WSDL}}}definitions":
            yield f"{location} is {root.tag}"


def _schemas_by_schema_import(of: Description) -> Complaints:
    for location, root in _imported(of, "wsdl", "location"):
        if root.tag == f"{{{XSD}}}schema":
            yield f"{location} is a schema, fetched by wsdl:import"


def _absolute_import(of: Description) -> Complaints:
    for one in of.wsdl("import"):
        if not urlsplit(one.get("namespace", "")).scheme:
            yield f"namespace {one.get('namespace')!r}"


def _schema_import_place(of: Description) -> Complaints:
    for one in of.root.iter(f"{{{XSD}}}import"):
        schema = one.getparent()
        types = None if schema is None else schema.getparent()
        if types is None or schema.tag != f"{{{XSD}}}schema" or types.tag != f"{{{WSDL}}}types":
            yield f"xs:import of {one.get('namespace')} outside a schema of types"


def _schema_location(of: Description) -> Complaints:
    for location, root in _imported(of, "xsd", "schemaLocation"):
        if root.tag != f"{{{XSD}}}schema":
            yield f"{location} is {root.tag}"


def _imported_encoding(of: Description) -> Complaints:
    for location, root in _imported(of, "xsd", "schemaLocation"):
        yield from _bad_encoding(root, location)


def _imported_version(of: Description) -> Complaints:
    for location, root in _imported(of, "xsd", "schemaLocation"):
        if root.getroottree().docinfo.xml_version != "1.0":
            yield f"{location} is XML 1.1"


def _no_coercion(of: Description) -> Complaints:
    imports = {one.get("location"): one.get("namespace") for one in of.wsdl("import")}
    for location, root in _imported(of, "wsdl", "location"):
        if root.get("targetNamespace") != imports[location]:
            yield f"{location} defines {root.get('targetNamespace')}"


def _import_location(of: Description) -> Complaints:
    for one in of.wsdl("import"):
        if not (one.get("location") or "").strip():
            yield f"import of {one.get('namespace')} without location"


def _in_front(of: Description, name: str, allowed: set[str]) -> Complaints:
    others = False
    for one in of.root.iterchildren(f"{{{WSDL}}}*"):
        local = etree.QName(one).localname
        if local == name and others:
            yield f"{name} after other elements"
        others = others or local not in allowed


def _imports_first(of: Description) -> Complaints:
    yield from _in_front(of, "import", {"documentation", "import"})


def _types_next(of: Description) -> Complaints:
    yield from _in_front(of, "types", {"documentation", "import", "types"})


def _no_required_extension(of: Description) -> Complaints:
    for one in of.root.iter(etree.Element):
        ours = etree.QName(one).namespace in {WSDL, *BINDINGS}
        if one.get(f"{{{WSDL}}}required") in {"true", "1"} and not ours:
            yield f"{one.tag} must be understood"


# Types


def _wsdl_references(of: Description) -> Complaints:
    places = [
        *((one, "message", "message") for k in ("input", "output", "fault") for one in of.wsdl(k)),
        *((one, "type", "portType") for one in of.wsdl("binding")),
        *((one, "binding", "binding") for one in of.wsdl("port")),
        *((one, "message", "message") for one in soap_all(of.root, "header", "headerfault")),
    ]
    for element, attribute, kind in places:
        if element.get(attribute) is None:
            continue
        name = resolve(element, element.get(attribute, ""))
        namespace = None if name is None else etree.QName(name).namespace or ""
        if namespace not in of.known_namespaces():
            yield f"{attribute}={element.get(attribute)}: namespace {namespace}"
        elif namespace == of.tns and of.named(kind, name) is None:
            yield f"{attribute}={element.get(attribute)}: no such {kind}"


def _schema_references(of: Description) -> Complaints:
    for part in of.wsdl("part"):
        for attribute in {"element", "type"} & set(part.attrib):
            name = resolve(part, part.get(attribute, ""))
            if name is None or (etree.QName(name).namespace or "") not in of.schema_namespaces():
                yield f"part {attribute}={part.get(attribute)}"
    for schema in of.schemas():
        known = {XSD, schema.get("targetNamespace", "")}
        known |= {one.get("namespace", "") for one in schema.findall(f"{{{XSD}}}import")}
        known.add("http://www.w3.org/XML/1998/namespace")
        for element in schema.iter(f"{{{XSD}}}*"):
            for attribute in {"type", "ref", "base", "itemType"} & set(map(str, element.attrib)):
                name = resolve(element, element.get(attribute, ""))
                if name is None or (etree.QName(name).namespace or "") not in known:
                    yield f"{attribute}={element.get(attribute)}"


def _schema_namespace(of: Description) -> Complaints:
    for schema in of.schemas():
        names = {etree.QName(one).localname for one in schema.iterchildren(etree.Element)}
        if not schema.get("targetNamespace") and names - {"import", "annotation"}:
            yield "a schema without targetNamespace"


def _no_encoded_array(of: Description) -> Complaints:
    for element in of.root.iter(f"{{{XSD}}}extension", f"{{{XSD}}}restriction"):
        if resolve(element, element.get("base", "")) == f"{{{ENCODING}}}Array":
            yield f"a type from {element.get('base')}"


def _no_array_type(of: Description) -> Complaints:
    for element in of.root.iter(etree.Element):
        if element.get(f"{{{WSDL}}}arrayType") is not None:
            yield f"arrayType {element.get(f'{{{WSDL}}}arrayType')}"


def _no_array_names(of: Description) -> Complaints:
    for element in of.root.iter(f"{{{XSD}}}element"):
        if element.get("name", "").startswith("ArrayOf"):
            yield str(element.get("name"))


def _valid_schemas(of: Description) -> Complaints:
    for types in of.top("types"):
        for child in types.iterchildren(etree.Element):
            if child.tag not in {f"{{{XSD}}}schema", f"{{{WSDL}}}documentation"}:
                yield f"{child.tag} in types"
    try:
        compiled_types(of.root)
    except etree.XMLSchemaParseError as error:
        yield str(error)


# Messages


def _literal_bodies(of: Description, style: str) -> Iterator[tuple[Bound, list[etree._Element]]]:
    for one in of.bound():
        if one.style == style:
            for body, message in one.bodies():
                yield one, one.parts_of(body, message)


def _one_part_listed(of: Description) -> Complaints:
    for one in of.bound():
        for body, _ in one.bodies():
            if one.style == "document" and len(body.get("parts", "").split()) > 1:
                yield f"{one.where}: parts {body.get('parts')}"


def _rpc_parts_have_types(of: Description) -> Complaints:
    for one, parts in _literal_bodies(of, "rpc"):
        if any(part.get("type") is None for part in parts):
            yield one.where


def _document_parts_have_elements(of: Description) -> Complaints:
    for one, parts in _literal_bodies(of, "document"):
        if any(part.get("element") is None for part in parts):
            yield one.where


def _fault_parts_have_elements(of: Description) -> Complaints:
    for one in of.bound():
        messages = {} if one.abstract is None else of.messages_of(one.abstract)
        for name, message in messages.items():
            parts = [] if message is None else message.findall(f"{{{WSDL}}}part")
            if name.startswith("fault:") and any(p.get("element") is None for p in parts):
                yield f"{one.where} {name}"
    for header in soap_all(of.root, "header", "headerfault"):
        message = of.named("message", resolve(header, header.get("message", "")))
        for part in [] if message is None else message:
            if part.get("name") == header.get("part") and part.get("element") is None:
                yield f"header {header.get('part')}"


def _elements_exist(of: Description) -> Complaints:
    own = {schema.get("targetNamespace", "") for schema in of.schemas()}
    for part in of.wsdl("part"):
        name = resolve(part, part.get("element", "")) if part.get("element") else None
        if name is None:
            continue
        namespace = etree.QName(name).namespace
        if namespace == XSD or (namespace in own and name not in of.global_elements()):
            yield f"part element={part.get('element')}"


def _every_part_is_bound(of: Description) -> Complaints:
    for one in of.bound():
        headers = {h.get("part") for h in soap_all(one.operation, "header")}
        for body, message in one.bodies():
            carried = {part.get("name") for part in one.parts_of(body, message)} | headers
            carried |= {c.get("part") for c in one.operation.iter("{*}content")}
            for part in [] if message is None else message.findall(f"{{{WSDL}}}part"):
                if part.get("name") not in carried:
                    yield f"{one.where}: part {part.get('name')}"


def _at_most_one_part(of: Description) -> Complaints:
    for one in of.bound():
        for body, message in one.bodies():
            picks = one.style != "document" or body.get("parts") is not None
            if not picks and len(one.parts_of(body, message)) > 1:
                yield one.where


# Port types


def _request_first(of: Description) -> Complaints:
    for operation in of.root.iterfind(f"{{{WSDL}}}portType/{{{WSDL}}}operation"):
        order = [etree.QName(o).localname for o in operation if o.tag != f"{{{WSDL}}}documentation"]
        if order[:1] != ["input"]:
            yield f"{operation.get('name')} begins with {order[:1]}"


def _distinct_operations(of: Description) -> Complaints:
    for port_type in of.top("portType"):
        names = Counter(o.get("name") for o in port_type.findall(f"{{{WSDL}}}operation"))
        yield from (f"{name} stands there {n} times" for name, n in names.items() if n > 1)


def _parameter_order(of: Description) -> Complaints:
    for operation in of.root.iterfind(f"{{{WSDL}}}portType/{{{WSDL}}}operation[@parameterOrder]"):
        output = of.messages_of(operation).get("output")
        parts = [] if output is None else output.findall(f"{{{WSDL}}}part")
        listed = operation.get("parameterOrder", "").split()
        if sum(part.get("name") not in listed for part in parts) > 1:
            yield str(operation.get("name"))


def _type_or_element(of: Description) -> Complaints:
    for part in of.wsdl("part"):
        if part.get("type") and part.get("element"):
            yield str(part.get("name"))


# Bindings


def _soap_binding(of: Description) -> Complaints:
    for binding in of.top("binding"):
        if soap_child(binding, "binding") is None:
            yield str(binding.get("name"))


def _transports(of: Description) -> Iterator[tuple[str, str | None]]:
    for binding in of.top("binding"):
        how = soap_child(binding, "binding")
        if how is not None:
            yield str(binding.get("name")), how.get("transport")


def _some_transport(of: Description) -> Complaints:
    yield from (name for name, transport in _transports(of) if transport is None)


def _http_transport(of: Description) -> Complaints:
    yield from (f"{name}: {t}" for name, t in _transports(of) if t is not None and t != HTTP)


def _one_style(of: Description) -> Complaints:
    styles: dict[str, set[str]] = {}
    for one in of.bound():
        styles.setdefault(str(one.binding.get("name")), set()).add(one.style)
    yield from (f"{name}: {found}" for name, found in styles.items() if len(found) > 1)


def _literal(of: Description) -> Complaints:
    for one in soap_all(of.root, "body", "header", "headerfault"):
        if one.get("use", "literal") != "literal":
            yield f"{etree.QName(one).localname} use={one.get('use')}"


def _literal_faults(of: Description) -> Complaints:
    for one in soap_all(of.root, "fault"):
        if one.get("use", "literal") != "literal":
            yield f"fault use={one.get('use')}"


def _distinct_signatures(of: Description) -> Complaints:
    seen: Counter[tuple[str, str]] = Counter()
    for one in of.bound():
        for side in one.operation.findall(f"{{{WSDL}}}input"):
            for body, message in one.bodies():
                if side in body.iterancestors() or body.getparent() is side:
                    parts = one.parts_of(body, message)
                    wire = f"{{{body.get('namespace')}}}{one.operation.get('name')}"
                    if one.style == "document":
                        wire = "+".join(str(resolve(p, p.get("element", ""))) for p in parts)
                    seen[str(one.binding.get("name")), wire] += 1
    yield from (f"{binding}: {wire}" for (binding, wire), times in seen.items() if times > 1)


def _distinct_addresses(of: Description) -> Complaints:
    # The explanation of the rule lets versions of SOAP share an address: their media types differ.
    seen = Counter((one.tag, one.get("location")) for one in soap_all(of.root, "address"))
    yield from (f"{where}" for (_, where), times in seen.items() if times > 1)


def _namespaces(of: Description, style: str, *names: str) -> Iterator[tuple[str, etree._Element]]:
    for one in of.bound():
        if one.style == style:
            for element in soap_all(one.operation, *names):
                yield one.where, element


def _no_namespace_in_document(of: Description) -> Complaints:
    for where, one in _namespaces(of, "document", "body", "header", "headerfault", "fault"):
        if one.get("namespace") is not None:
            yield f"{where}: {etree.QName(one).localname}"


def _namespace_in_rpc(of: Description) -> Complaints:
    for where, one in _namespaces(of, "rpc", "body"):
        if not urlsplit(one.get("namespace", "")).scheme:
            yield f"{where}: {one.get('namespace')}"


def _no_namespace_beside_rpc(of: Description) -> Complaints:
    for where, one in _namespaces(of, "rpc", "header", "headerfault", "fault"):
        if one.get("namespace") is not None:
            yield f"{where}: {etree.QName(one).localname}"


def _same_operations(of: Description) -> Complaints:
    for binding in of.top("binding"):
        port_type = of.named("portType", resolve(binding, binding.get("type", "")))
        if port_type is None:
            continue
        there = Counter(o.get("name") for o in port_type.findall(f"{{{WSDL}}}operation"))
        here = Counter(o.get("name") for o in binding.findall(f"{{{WSDL}}}operation"))
        if there != here:
            yield f"{binding.get('name')}: {sorted(map(str, (there - here) + (here - there)))}"


def _known_faults(of: Description) -> Complaints:
    for one in of.bound():
        if one.abstract is not None:
            known = {f.get("name") for f in one.abstract.findall(f"{{{WSDL}}}fault")}
            told = {
                f.get("name")
                for f in one.operation.findall(f"{{{WSDL}}}fault")
                if soap_child(f, "fault") is not None
            }
            yield from (f"{one.where}: {name}" for name in sorted(map(str, known ^ told)))


def _header_part(of: Description) -> Complaints:
    for one in soap_all(of.root, "header", "headerfault"):
        if re.fullmatch(r"[\w.\-:]+", one.get("part", "")) is None:
            yield f"part {one.get('part')!r}"


def _no_header_parts(of: Description) -> Complaints:
    for one in soap_all(of.root, "header", "headerfault"):
        if one.get("parts") is not None:
            yield f"parts {one.get('parts')!r}"


def _fault_name(of: Description) -> Complaints:
    yield from ("soap:fault without name" for f in soap_all(of.root, "fault") if not f.get("name"))


def _fault_names_agree(of: Description) -> Complaints:
    for one in soap_all(of.root, "fault"):
        parent = one.getparent()
        if one.get("name") and parent is not None and one.get("name") != parent.get("name"):
            yield f"{one.get('name')} in {parent.get('name')}"


# What generators need beyond the profile


def _wrapped(of: Description) -> Complaints:
    for one, parts in _literal_bodies(of, "document"):
        for part in parts:
            if part.get("name") != "parameters":
                yield f"{one.where}: part {part.get('name')}"


def _wrapper_name(of: Description) -> Complaints:
    for one in of.bound():
        asked = None if one.abstract is None else of.messages_of(one.abstract).get("input")
        for part in [] if asked is None else asked.findall(f"{{{WSDL}}}part[@element]"):
            if part.get("element", "").rpartition(":")[2] != one.operation.get("name"):
                yield f"{one.where}: {part.get('element')}"


def _service_last(of: Description) -> Complaints:
    order = [etree.QName(one).localname for one in of.root.iterchildren(f"{{{WSDL}}}*")]
    if "service" in order and set(order[order.index("service") :]) != {"service"}:
        yield "definitions after the service"


def _own_soap_action(of: Description) -> Complaints:
    for binding in of.top("binding"):
        actions = [one.get("soapAction", "") for one in soap_all(binding, "operation")]
        for action, times in Counter(actions).items():
            if times > 1 or not action:
                yield f"{binding.get('name')}: {action!r} {times} times"


def _real_address(of: Description) -> Complaints:
    for port in of.wsdl("port"):
        address = soap_child(port, "address")
        where = "" if address is None else address.get("location", "")
        if urlsplit(where).scheme not in {"http", "https"}:
            yield f"{port.get('name')}: {where!r}"


RULES: tuple[Rule, ...] = (
    Rule("R4004", "The description is XML 1.0.", _xml_version),
    Rule("R4003", "The description is in UTF-8 or UTF-16.", _encoding),
    Rule("R4005", "The prefix xml is not declared, which old parsers refuse.", _xml_prefix),
    Rule("R2028", "Elements of WSDL stand where its schema puts them, complete.", _wsdl_structure),
    Rule("R2029", "The same for the elements of the SOAP binding.", _soap_structure),
    Rule("R2001", "What wsdl:import fetches is a WSDL.", _wsdl_imports_wsdl),
    Rule("R2002", "Schemas are fetched by xs:import, never by wsdl:import.",
         _schemas_by_schema_import),
    Rule("R2003", "xs:import stands in a schema inside types only.", _schema_import_place),
    Rule("R2004", "What schemaLocation names is a schema.", _schema_location),
    Rule("R2005", "An imported WSDL defines the namespace that it is imported for.", _no_coercion),
    Rule("R2007", "wsdl:import says where to find what it imports.", _import_location),
    Rule("R2010", "Imported schemas are in UTF-8 or UTF-16.", _imported_encoding),
    Rule("R2011", "Imported schemas are XML 1.0.", _imported_version),
    Rule("R2022", "Imports come before all but documentation.", _imports_first),
    Rule("R2023", "Types come before all but documentation and imports.", _types_next),
    Rule("R2026", "No extension demands to be understood.", _no_required_extension),
    Rule("R2101", "References to messages, port types and bindings lead to something known.",
         _wsdl_references),
    Rule("R2102", "References to schema components stay in own or imported namespaces.",
         _schema_references),
    Rule("R2105", "Every schema has a target namespace.", _schema_namespace),
    Rule("R2110", "No type is made from the SOAP encoding's Array.", _no_encoded_array),
    Rule("R2111", "No wsdl:arrayType.", _no_array_type),
    Rule("R2112", "No element is called ArrayOf….", _no_array_names),
    Rule("R2201", "A document-literal body lists at most one part.", _one_part_listed),
    Rule("R2203", "Parts of rpc-literal bodies are declared by type.", _rpc_parts_have_types),
    Rule("R2204", "Parts of document-literal bodies are declared by element.",
         _document_parts_have_elements),
    Rule("R2205", "Parts of faults and headers are declared by element.",
         _fault_parts_have_elements),
    Rule("R2206", "A part's element is a global element that exists.", _elements_exist),
    Rule("R2209", "Every part of a message is bound to something.", _every_part_is_bound),
    Rule("R2210", "A document-literal message has at most one part unless its body picks.",
         _at_most_one_part),
    Rule("R2303", "Operations begin with a request.", _request_first),
    Rule("R2304", "Operations of a port type have different names.", _distinct_operations),
    Rule("R2305", "parameterOrder leaves out at most one part of the output.", _parameter_order),
    Rule("R2306", "No part has both a type and an element.", _type_or_element),
    Rule("R2401", "Every binding is a SOAP binding.", _soap_binding),
    Rule("R2701", "Every SOAP binding names its transport.", _some_transport),
    Rule("R2702", "The transport is HTTP, by its one URI, for both versions.", _http_transport),
    Rule("R2705", "A binding is rpc or document throughout.", _one_style),
    Rule("R2706", "Bodies and headers are literal.", _literal),
    Rule("R2710", "On the wire the operations of a binding differ.", _distinct_signatures),
    Rule("R2711", "No two ports of one SOAP version share an address.", _distinct_addresses),
    Rule("R2716", "Document-literal bindings set no namespace.", _no_namespace_in_document),
    Rule("R2717", "Rpc-literal bodies set an absolute namespace.", _namespace_in_rpc),
    Rule("R2718", "Binding and port type have the same operations.", _same_operations),
    Rule("R2720", "A bound header names one part.", _header_part),
    Rule("R2721", "A bound fault has a name.", _fault_name),
    Rule("R2723", "Faults are literal.", _literal_faults),
    Rule("R2726", "Rpc-literal headers and faults set no namespace.", _no_namespace_beside_rpc),
    Rule("R2740", "Every declared fault is bound, and no other.", _known_faults),
    Rule("R2749", "A bound header has no list of parts.", _no_header_parts),
    Rule("R2754", "The names of a fault and of its binding agree.", _fault_names_agree),
    Rule("R2801", "Types are XML Schema 1.0, and valid.", _valid_schemas),
    Rule("R2803", "The namespace of a wsdl:import is absolute.", _absolute_import),
    Rule("C1", "The one part is called parameters: .NET tools then wrap.", _wrapped),
    Rule("C2", "The request element is called like its operation, for the same tools.",
         _wrapper_name),
    Rule("C3", "Services come last: KDSoap loses the address otherwise.", _service_last),
    Rule("C4", "Every operation has a SOAPAction of its own in a binding.", _own_soap_action),
    Rule("C5", "Every port has an HTTP address.", _real_address),
)  # fmt: skip
