"""The operations: what they hand on, and what they answer."""

from __future__ import annotations

import ast
import base64
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from support.soap_edge import NOW, QCVN, SOAP11, SOAP12, TNS, Service

from bus.endpoints import exchange as module
from bus.endpoints.dispatch import dispatcher, operations
from bus.endpoints.request_schema import XSD, schema_text
from bus.model import CallerMethod, Kind

DOCUMENT = (
    f'<q:edXML xmlns:q="{QCVN}" xmlns:unused="urn:u"><!-- c --><q:a b="2" a="1"/>Văn bản</q:edXML>'
)
CANONICAL = f'<q:edXML xmlns:q="{QCVN}"><q:a a="1" b="2"></q:a>Văn bản</q:edXML>'.encode()


def request(operation: str, content: str = "") -> str:
    return f'<{operation} xmlns="{TNS}">{content}</{operation}>'


def e(name: str, text: object) -> str:
    return f"<{name}>{text}</{name}>"


CASES: list[tuple[str, str, tuple[Any, ...]]] = [
    ("SendDocument", DOCUMENT, ("send_document", CANONICAL)),
    ("SendStatus", DOCUMENT, ("send_status", CANONICAL)),
    ("SendPackage", e("content", "AAEC\n /w=="), ("send_package", b"\x00\x01\x02\xff", None)),
    ("SendPackage", e("content", "") + e("dialect", " x "), ("send_package", b"", "x")),
    ("CheckDocument", e("content", "QUJD"), ("check_document", b"ABC")),
    ("ListPending", "", ("list_pending", None, None, 0, 100)),
    (
        "ListPending",
        e("agency", "G22") + e("kind", " status ") + e("offset", 5) + e("limit", 500),
        ("list_pending", "G22", Kind.STATUS, 5, 500),
    ),
    ("GetMessage", e("messageId", " m "), ("get_message", None, "m", False)),
    (
        "GetMessage",
        e("agency", "") + e("messageId", "m") + e("form", "canonical"),
        ("get_message", None, "m", True),
    ),
    (
        "Acknowledge",
        e("messageId", "m") + e("outcome", "done"),
        ("acknowledge", None, "m", True, ""),
    ),
    (
        "Acknowledge",
        e("agency", "G22") + e("messageId", "m") + e("outcome", "fail") + e("reason", "sai"),
        ("acknowledge", "G22", "m", False, "sai"),
    ),
    ("GetTrace", e("messageId", "m"), ("get_trace", "m", None, None)),
    (
        "GetTrace",
        e("sender", "H53") + e("documentId", "H53,1"),
        ("get_trace", None, "H53", "H53,1"),
    ),
    ("FindAgencies", "", ("find_agencies", None, None, 0, 100)),
    (
        "FindAgencies",
        e("text", "Bộ") + e("sinceVersion", 2**40) + e("limit", 1),
        ("find_agencies", "Bộ", 2**40, 0, 1),
    ),
    ("Ping", "", ("ping", None)),
    ("Ping", e("recipient", "G22"), ("ping", "G22")),
]


def published() -> etree.XMLSchema:
    root = etree.fromstring(schema_text("exchange/1/exchange.xsd"))
    for element in root.findall(f".//{XSD}element[@ref]"):
        element.getparent().remove(element)
    return etree.XMLSchema(root)


@pytest.mark.parametrize("soap", [SOAP11, SOAP12])
@pytest.mark.parametrize(("operation", "content", "expected"), CASES)
def test_an_operation_hands_on_what_was_asked_and_answers_by_the_schema(
    soap: str, operation: str, content: str, expected: tuple[Any, ...]
) -> None:
    """Arguments reach the exchange as said, and the reply is valid by the published schema."""
    service = Service()
    reply = service.call(request(operation, content), soap=soap)
    assert reply.status == 200, reply.body
    (asked,) = service.exchange.asked
    assert (asked[0], *asked[2:]) == expected
    assert reply.version == soap
    assert reply.payload.tag == f"{{{TNS}}}{operation}Response"
    schema = published()
    assert schema.validate(etree.fromstring(etree.tostring(reply.payload))), schema.error_log


def test_every_operation_is_exercised() -> None:
    """The table above leaves no operation out."""
    assert {operation for operation, _, _ in CASES} == operations()


@pytest.mark.parametrize(("operation", "content", "asked"), CASES)
def test_only_what_reveals_nothing_may_come_again(
    operation: str, content: str, asked: tuple[Any, ...]
) -> None:
    """Every operation is answered under the memory of signed calls; only what reveals nothing may repeat."""
    service = Service()
    service.call(request(operation, content))
    safe = asked[0].startswith("send_") or asked[0] in {"acknowledge", "check_document"}
    assert service.exchange.repeatable == [safe]


def test_the_call_carries_caller_evidence_and_time() -> None:
    """The request as it arrived, byte for byte, is the evidence of the call."""
    service = Service()
    body = f' <s:Envelope xmlns:s="{SOAP11}"><s:Body><Ping xmlns="{TNS}"/></s:Body></s:Envelope>'
    reply = service.post(body.encode("utf-16"), "text/xml; charset=utf-16")
    call = service.exchange.asked[0][1]
    assert call.evidence == body.encode("utf-16")
    assert call.evidence_type == "text/xml; charset=utf-16"
    assert call.caller.method is CallerMethod.TOKEN
    assert call.caller.remote == "127.0.0.9"
    assert call.received_at == NOW
    assert call.correlation_id == reply.headers["X-Correlation-Id"]


def test_a_receipt_travels_byte_for_byte() -> None:
    """The stored receipt stands in the reply exactly as it was signed, in either version."""
    for soap in (SOAP11, SOAP12):
        service = Service()
        reply = service.call(request("SendDocument", DOCUMENT), soap=soap)
        assert service.exchange.receipt.xml in reply.body
        assert reply.payload.findtext(f"{{{TNS}}}Receipt/{{{TNS}}}messageId") == "m-1"
        assert reply.payload.findtext(f"{{{TNS}}}duplicate") == "false"


def test_content_arrives_whole() -> None:
    """Every byte value survives the way to the recipient."""
    service = Service()
    service.exchange.content = bytes(range(256)) * 1000
    reply = service.call(request("GetMessage", e("messageId", "m")))
    content = reply.payload.findtext(f"{{{TNS}}}content") or ""
    assert base64.b64decode(content, validate=True) == service.exchange.content


@pytest.mark.parametrize("content", ["%%%%", "QUJ", "QUJDé", "QUJD=QUJD"])
def test_broken_base64_is_refused_where_it_stands(content: str) -> None:
    """Nothing is decoded leniently."""
    reply = Service().call(request("SendPackage", e("content", content)))
    assert reply.fault["code"] == "SVC-006"
    assert reply.fault["path"] == "/Envelope/Body/SendPackage/content"


def test_operations_and_schema_agree() -> None:
    """The arguments that are decoded are those of the schema, in its order and with its names."""
    root = etree.fromstring(schema_text("exchange/1/exchange.xsd"))
    for name in operations():
        (descriptor,) = dispatcher().app.interface.service_method_map[f"{{{TNS}}}{name}"]
        decoded = list(descriptor.in_message._type_info)
        element = root.find(f"{XSD}element[@name='{name}']")
        declared = [child.get("name") for child in element.iter(f"{XSD}element")][1:]
        assert decoded == [child for child in declared if child is not None]
        assert root.find(f"{XSD}element[@name='{name}Response']") is not None


def test_operation_bodies_stay_thin() -> None:
    """Entry points only read arguments, call and answer: at most six statements' lines."""
    source = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    for node in source.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            body = node.body[1:]
            assert body[-1].end_lineno - body[0].lineno + 1 <= 6, node.name
