"""The WSDL that receivers implement who have none of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from bus.channels import agreement
from tests.support.parcels import parcel

WSDL = Path(__file__).resolve().parents[3] / "wsdl" / "receiver-1.wsdl"
NS = {
    "w": "http://schemas.xmlsoap.org/wsdl/",
    "s11": "http://schemas.xmlsoap.org/wsdl/soap/",
    "s12": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "x": "http://www.w3.org/2001/XMLSchema",
}


@pytest.fixture(scope="module")
def contract() -> etree._Element:
    return etree.parse(WSDL).getroot()


def test_it_keeps_the_rules_that_old_stacks_need(contract: etree._Element) -> None:
    """Parts are named `parameters`, the service comes last, both ports use the HTTP transport."""
    parts = contract.findall("w:message/w:part", NS)
    assert {part.get("name") for part in parts} == {"parameters"}
    assert etree.QName(contract[-1]).localname == "service"
    assert len(contract.findall("w:service/w:port", NS)) == 2
    bindings = contract.findall("w:binding/s11:binding", NS) + contract.findall(
        "w:binding/s12:binding", NS
    )
    assert [one.get("transport") for one in bindings] == [
        "http://schemas.xmlsoap.org/soap/http"
    ] * 2
    assert {one.get("style") for one in bindings} == {"document"}
    assert len(contract.findall("w:documentation", NS)) == 1


def test_it_says_that_a_push_may_come_twice(contract: etree._Element) -> None:
    """The receiver is told, in both languages, to recognise a repeated messageId."""
    said = contract.findtext("w:documentation", namespaces=NS) or ""
    assert "at least once" in said
    assert "ít nhất một lần" in said


def test_the_default_call_fills_it_exactly(contract: etree._Element) -> None:
    """What the channel sends by default are the elements of Receive, in their order."""
    elements = contract.findall(".//x:element[@name='Receive']//x:sequence/x:element", NS)
    agreed = agreement.read({})
    filled = agreed.fill(agreed.values(parcel("http://127.0.0.1/?wsdl")))
    assert [element.get("name") for element in elements] == list(filled)


def test_its_schema_is_valid_and_strict(contract: etree._Element) -> None:
    """The types compile as XML Schema, and an answer without `accepted` breaks them."""
    found = contract.find("w:types/x:schema", NS)
    assert found is not None
    schema = etree.XMLSchema(found)
    tns = contract.get("targetNamespace")
    yes = etree.fromstring(
        f'<r:ReceiveResponse xmlns:r="{tns}"><r:accepted>true</r:accepted></r:ReceiveResponse>'
    )
    assert schema.validate(yes)
    yes.remove(yes[0])
    assert not schema.validate(yes)
