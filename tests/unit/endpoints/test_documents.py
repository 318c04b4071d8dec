"""WSDL and schemas as clients download them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from support.soap_edge import SOAP12, TNS, Service

from bus.config import LimitSettings
from bus.endpoints.request_schema import XSD, schema_text

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
S11 = "{http://schemas.xmlsoap.org/wsdl/soap/}"
S12 = "{http://schemas.xmlsoap.org/wsdl/soap12/}"
FORMS = pytest.mark.parametrize(
    ("query", "dialects"), [("wsdl", (S11, S12)), ("wsdl=1.1", (S11,)), ("WSDL=1.2", (S12,))]
)


def served(query: str) -> etree._Element:
    reply = Service().get(query)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/xml; charset=utf-8"
    return reply.root


@FORMS
def test_the_wsdl_offers_the_versions_asked_for(query: str, dialects: tuple[str, ...]) -> None:
    """One port per version, each with its own binding and address."""
    root = served(query)
    ports = root.findall(f"{WSDL}service/{WSDL}port")
    assert [port[0].tag for port in ports] == [f"{dialect}address" for dialect in dialects]
    bindings = root.findall(f"{WSDL}binding")
    assert [binding[0].tag for binding in bindings] == [f"{d}binding" for d in dialects]
    assert [p.get("binding") for p in ports] == [f"tns:{b.get('name')}" for b in bindings]
    prefixes = {"soap": S11, "soap12": S12}
    assert {name for name in prefixes if name in root.nsmap} == {
        name for name, dialect in prefixes.items() if dialect in dialects
    }


@FORMS
def test_the_wsdl_keeps_to_what_every_generator_reads(
    query: str, dialects: tuple[str, ...]
) -> None:
    """Parts, order, transport, style, use, actions and faults are as Basic Profile wants them."""
    root = served(query)
    assert not root.xpath("//@parameterOrder")
    order = [etree.QName(child).localname for child in root]
    assert order == sorted(order, key=["types", "message", "portType", "binding", "service"].index)
    parts = {part.get("name") for part in root.iterfind(f"{WSDL}message/{WSDL}part")}
    assert parts == {"parameters", "fault"}
    for binding in root.iterfind(f"{WSDL}binding"):
        assert binding[0].get("transport") == "http://schemas.xmlsoap.org/soap/http"
        assert binding[0].get("style") == "document"
        for operation in binding.iterfind(f"{WSDL}operation"):
            assert operation[0].get("soapAction") == f"{TNS}/{operation.get('name')}"
            uses = [e.get("use") for e in operation.iter() if "use" in e.attrib]
            assert uses == ["literal"] * 3
            assert operation.find(f"{WSDL}fault").get("name") == "ExchangeFault"
    for operation in root.iterfind(f"{WSDL}portType/{WSDL}operation"):
        assert [etree.QName(e).localname for e in operation if e.tag != f"{WSDL}documentation"] == [
            "input", "output", "fault",
        ]  # fmt: skip
        assert operation.findtext(f"{WSDL}documentation")


@FORMS
def test_the_types_of_the_wsdl_are_whole(query: str, dialects: tuple[str, ...]) -> None:
    """The inline schemas compile together, and every message element is declared in them."""
    schemas = served(query).findall(f"{WSDL}types/{XSD}schema")
    assert [schema.get("targetNamespace") for schema in schemas][-1] == TNS
    for name in ("content", "ContentTransferEncoded"):
        types = {
            (e.nsmap[(e.get("type") or "").split(":")[0]], (e.get("type") or "").split(":")[1])
            for schema in schemas
            for e in schema.iterfind(f".//{XSD}element[@name='{name}']")
        }
        assert types == {("http://www.w3.org/2001/XMLSchema", "base64Binary")}
    declared = {e.get("name") for e in schemas[-1].iterfind(f"{XSD}element")}
    used = {
        part.get("element").removeprefix("tns:")
        for part in served(query).iterfind(f"{WSDL}message/{WSDL}part")
    }
    assert used <= declared


@pytest.mark.parametrize(
    ("public_url", "environ", "address"),
    [
        (None, {}, "http://127.0.0.1:8080/services/exchange"),
        (None, {"HTTP_HOST": "bus.gov.vn:81"}, "http://bus.gov.vn:81/services/exchange"),
        (None, {"HTTP_HOST": "[::1]:81", "wsgi.url_scheme": "https"},
         "https://[::1]:81/services/exchange"),
        (None, {"HTTP_HOST": 'x"/><evil'}, "http://127.0.0.1:8080/services/exchange"),
        (None, {"HTTP_HOST": "a/b?c"}, "http://127.0.0.1:8080/services/exchange"),
        ("https://truc.gov.vn/", {"HTTP_HOST": "inside"}, "https://truc.gov.vn/services/exchange"),
        ("https://truc.gov.vn/?a&b", {}, "https://truc.gov.vn/?a&b/services/exchange"),
    ],
)  # fmt: skip
def test_the_address_is_the_public_one_or_the_requested_one(
    public_url: str | None, environ: dict[str, str], address: str
) -> None:
    """Clients are sent to where the bus is reached, and no header can write into the WSDL."""
    root = Service(public_url=public_url).get("wsdl", **environ).root
    locations = [e.get("location") for e in root.iterfind(f"{WSDL}service/{WSDL}port/*")]
    assert locations == [address, address]


def test_head_gives_the_length_without_the_wsdl() -> None:
    """HEAD answers like GET, without the body."""
    service = Service()
    head = service.request("HEAD", QUERY_STRING="wsdl")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == service.get("wsdl").headers["Content-Length"]


@pytest.mark.parametrize("query", ["xsd", "xsd=exchange/1/exchange.xsd"])
def test_schemas_can_be_followed_from_the_service(query: str, tmp_path: Path) -> None:
    """Every schemaLocation in a served schema is an address of the service that answers."""
    service = Service()
    root = service.get(query).root
    (imported,) = root.findall(f"{XSD}import")
    location = imported.get("schemaLocation")
    assert location.startswith("?xsd=")
    followed = service.get(location.removeprefix("?"))
    assert followed.status == 200
    (tmp_path / "imported.xsd").write_bytes(followed.body)
    imported.set("schemaLocation", "imported.xsd")
    (tmp_path / "exchange.xsd").write_bytes(etree.tostring(root))
    assert etree.XMLSchema(etree.parse(str(tmp_path / "exchange.xsd"))) is not None


def test_the_shipped_schema_compiles_with_what_it_imports() -> None:
    """The exchange schema and the strict edXML schema fit together as files."""
    folder = Path(__file__).resolve().parents[3] / "schemas"
    assert etree.XMLSchema(etree.parse(str(folder / "exchange/1/exchange.xsd"))) is not None
    assert (
        schema_text("exchange/1/exchange.xsd") == (folder / "exchange/1/exchange.xsd").read_bytes()
    )


@pytest.mark.parametrize(
    "query", ["wsdl=2.0", "xsd=../setup.cfg", "xsd=/etc/passwd", "xsd=exchange/1", "xsd=%00"]
)
def test_nothing_else_can_be_downloaded(query: str) -> None:
    """Names that are not offered are not looked for."""
    reply = Service().get(query)
    assert (reply.status, reply.fault["code"]) == (404, "SVC-011")


def test_the_edge_can_ask_for_a_fault_in_the_callers_version() -> None:
    """A request refused before it reached the service is answered in the caller's SOAP."""
    from bus.errors import ServiceBusy

    application = Service(limits=LimitSettings()).application
    status, headers, body = application.refuse(
        {"CONTENT_TYPE": "application/soap+xml"}, ServiceBusy(retry_after_s=3)
    )
    assert status.startswith("500")
    assert ("Retry-After", "3") in headers
    assert SOAP12.encode() in body
    assert b"SVC-007" in body
