"""SOAP envelopes of both versions, read and written."""

from __future__ import annotations

import pytest
from lxml import etree
from support.soap_edge import SOAP11, SOAP12, envelope

from bus.envelope import soap
from bus.envelope.soap import Fault, FaultCode, SoapVersion
from bus.envelope.vocabulary import new
from bus.errors import ProtocolRejected

V = {SOAP11: SoapVersion.V11, SOAP12: SoapVersion.V12}
BOTH = pytest.mark.parametrize("ns", [SOAP11, SOAP12])


def read(xml: bytes) -> soap.Envelope:
    return soap.read(etree.fromstring(xml))


@BOTH
def test_an_envelope_gives_version_headers_and_payload(ns: str) -> None:
    """The parts of a message are found by name, in either version."""
    found = read(envelope("<x/>", soap=ns, header='<a xmlns="u"/><b xmlns="u"/>'))
    assert found.version is V[ns]
    assert [block.tag for block in found.headers] == ["{u}a", "{u}b"]
    assert found.payload.tag == "x"


@BOTH
@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ('<s:Envelope xmlns:s="{ns}"/>', "SVC-001"),
        ('<s:Envelope xmlns:s="{ns}"><s:Header/></s:Envelope>', "SVC-001"),
        ('<s:Envelope xmlns:s="{ns}"><s:Body><x/></s:Body><s:Header/></s:Envelope>', "SVC-001"),
        ('<s:Envelope xmlns:s="{ns}"><s:Body><x/></s:Body><s:Body><x/></s:Body></s:Envelope>',
         "SVC-001"),
        ('<s:Envelope xmlns:s="{ns}"><s:Header/><s:Header/><s:Body><x/></s:Body></s:Envelope>',
         "SVC-001"),
        ('<s:Envelope xmlns:s="{ns}"><s:Body/></s:Envelope>', "SVC-005"),
        ('<s:Envelope xmlns:s="{ns}"><s:Body><x/><y/></s:Body></s:Envelope>', "SVC-005"),
        ('<s:Message xmlns:s="{ns}"/>', "SVC-001"),
        ("<Envelope/>", "SVC-002"),
        ('<Envelope xmlns="{ns}2"/>', "SVC-002"),
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_refused(ns: str, xml: str, code: str) -> None:
    """Exactly one Body with exactly one element, in an envelope of a known version."""
    with pytest.raises(ProtocolRejected) as refused:
        read(xml.replace("{ns}", ns).encode())
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("ns", "attributes", "counts"),
    [
        (SOAP11, 's:mustUnderstand="1"', True),
        (SOAP11, 's:mustUnderstand="true"', False),
        (SOAP11, 's:mustUnderstand="0"', False),
        (SOAP11, "", False),
        (SOAP11, f's:mustUnderstand="1" s:actor="{SOAP11}../actor/next"', False),
        (SOAP11, 's:mustUnderstand="1" s:actor="http://schemas.xmlsoap.org/soap/actor/next"', True),
        (SOAP11, 's:mustUnderstand="1" s:actor="urn:someone-else"', False),
        (SOAP12, 's:mustUnderstand="1"', True),
        (SOAP12, 's:mustUnderstand="true"', True),
        (SOAP12, f's:mustUnderstand="true" s:role="{SOAP12}/role/next"', True),
        (SOAP12, f's:mustUnderstand="true" s:role="{SOAP12}/role/ultimateReceiver"', True),
        (SOAP12, f's:mustUnderstand="true" s:role="{SOAP12}/role/none"', False),
        (SOAP12, 's:mustUnderstand="true" s:actor="urn:someone-else"', True),
    ],
)
def test_only_blocks_for_us_must_be_understood(ns: str, attributes: str, counts: bool) -> None:
    """The mustUnderstand attribute is read as each version writes it, and only for roles that we act in."""
    found = read(envelope("<x/>", soap=ns, header=f'<h xmlns="urn:h" {attributes}/>'))
    assert soap.not_understood(found, frozenset()) == (("{urn:h}h",) if counts else ())
    assert soap.not_understood(found, frozenset({"{urn:h}h"})) == ()


def fault(ns: str, code: FaultCode, **more: tuple[str, ...]) -> etree._Element:
    about = Fault(code=code, subcode="SVC-001", reason="no", detail=new("ExchangeFault"), **more)
    return etree.fromstring(etree.tostring(soap.fault(V[ns], about)))


@pytest.mark.parametrize(
    ("code", "written"),
    [
        (FaultCode.SENDER, "Client"),
        (FaultCode.RECEIVER, "Server"),
        (FaultCode.VERSION_MISMATCH, "VersionMismatch"),
        (FaultCode.MUST_UNDERSTAND, "MustUnderstand"),
    ],
)
def test_a_soap_11_fault_has_unqualified_members_and_a_plain_code(
    code: FaultCode, written: str
) -> None:
    """SOAP 1.1 section 4.4, without the dots that Basic Profile forbids."""
    element = fault(SOAP11, code).find(f".//{{{SOAP11}}}Fault")
    assert [child.tag for child in element] == ["faultcode", "faultstring", "detail"]
    assert element[0].text == f"soap:{written}"
    assert element.nsmap["soap"] == SOAP11
    assert element[2][0].tag == "{urn:lienthong:exchange:1}ExchangeFault"


def test_a_soap_12_fault_has_a_subcode_that_is_a_prefixed_name() -> None:
    """SOAP 1.2 part 1, section 5.4: Code with Subcode, Reason with a language, Detail."""
    element = fault(SOAP12, FaultCode.SENDER).find(f".//{{{SOAP12}}}Fault")
    values = [value.text for value in element.iter(f"{{{SOAP12}}}Value")]
    assert values == ["soap:Sender", "ex:SVC-001"]
    assert element.nsmap["ex"] == "urn:lienthong:exchange:1"
    text = element.find(f"{{{SOAP12}}}Reason/{{{SOAP12}}}Text")
    assert text.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


def test_a_version_mismatch_tells_what_is_supported() -> None:
    """SOAP 1.2 part 1, section 5.4.7: an Upgrade header names both envelopes."""
    root = fault(SOAP12, FaultCode.VERSION_MISMATCH)
    names = [
        (e.get("qname"), e.nsmap[e.get("qname").split(":")[0]])
        for e in root.iterfind(f"{{{SOAP12}}}Header/{{{SOAP12}}}Upgrade/*")
    ]
    assert names == [("soap:Envelope", SOAP12), ("other:Envelope", SOAP11)]


def test_blocks_that_were_not_understood_are_named() -> None:
    """SOAP 1.2 part 1, section 5.4.8: one NotUnderstood header for each block."""
    root = fault(
        SOAP12, FaultCode.MUST_UNDERSTAND, not_understood=("{urn:h}a", "c", f"{{{SOAP12}}}b")
    )
    found = root.findall(f"{{{SOAP12}}}Header/{{{SOAP12}}}NotUnderstood")
    assert [e.get("qname") for e in found] == ["other:a", "c", "soap:b"]
    assert found[0].nsmap["other"] == "urn:h"
    assert found[2].nsmap["soap"] == SOAP12


@BOTH
def test_every_block_of_a_reply_stands_in_one_header(ns: str) -> None:
    """Blocks added one after the other share the Header, which comes before the Body."""
    root = soap.reply(V[ns], new("PingResponse"))
    blocks = [soap.add_block(root) for _ in range(2)]
    assert [etree.QName(child).localname for child in root] == ["Header", "Body"]
    assert list(root[0]) == blocks
    assert soap.body_of(root) is root[1]
