"""Our WSDLs keep the rules of the WS-I Basic Profile, and each rule can be broken."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from support.wsi_description import Description
from support.wsi_rules import RULES, violations

WSDLS = sorted((Path(__file__).resolve().parents[2] / "wsdl").glob("*.wsdl"))

COMMON = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:common"/>"""
OTHER = (
    """<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:other"/>"""
)
#: A WSDL that keeps every rule and has a piece for each of them.
GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<w:definitions name="Trial" targetNamespace="urn:trial" xmlns:t="urn:trial"
    xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema"
    xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/">
  <w:documentation>A trial.</w:documentation>
  <w:import namespace="urn:other" location="other.wsdl"/>
  <w:types>
    <xs:schema targetNamespace="urn:trial" elementFormDefault="qualified">
      <xs:import namespace="urn:common" schemaLocation="common.xsd"/>
      <xs:element name="Ask" type="t:Text"/>
      <xs:element name="Tell" type="t:Text"/>
      <xs:element name="AskResponse" type="t:Text"/>
      <xs:element name="Trouble" type="t:Text"/>
      <xs:element name="Token" type="xs:string"/>
      <xs:complexType name="Text">
        <xs:sequence><xs:element name="text" type="xs:string"/></xs:sequence>
      </xs:complexType>
    </xs:schema>
  </w:types>
  <w:message name="Ask"><w:part name="parameters" element="t:Ask"/></w:message>
  <w:message name="Tell"><w:part name="parameters" element="t:Tell"/></w:message>
  <w:message name="AskResponse"><w:part name="parameters" element="t:AskResponse"/></w:message>
  <w:message name="Trouble"><w:part name="fault" element="t:Trouble"/></w:message>
  <w:message name="Token"><w:part name="token" element="t:Token"/></w:message>
  <w:portType name="Trial">
    <w:operation name="Ask">
      <w:input message="t:Ask"/>
      <w:output message="t:AskResponse"/>
      <w:fault name="Trouble" message="t:Trouble"/>
    </w:operation>
    <w:operation name="Tell"><w:input message="t:Tell"/></w:operation>
  </w:portType>
  <w:binding name="Trial11" type="t:Trial">
    <s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="Ask">
      <s:operation soapAction="urn:trial/Ask"/>
      <w:input><s:body use="literal"/><s:header message="t:Token" part="token" use="literal"/></w:input>
      <w:output><s:body use="literal"/></w:output>
      <w:fault name="Trouble"><s:fault name="Trouble" use="literal"/></w:fault>
    </w:operation>
    <w:operation name="Tell">
      <s:operation soapAction="urn:trial/Tell"/>
      <w:input><s:body use="literal"/></w:input>
    </w:operation>
  </w:binding>
  <w:service name="Trials">
    <w:port name="Trial11" binding="t:Trial11"><s:address location="http://127.0.0.1/trial"/></w:port>
  </w:service>
</w:definitions>
"""
Change = tuple[str, str]
#: Rule → what to do to the good one so that it breaks (text, replacement), each seen on its own.
BROKEN: dict[str, list[Change | tuple[Change, ...]]] = {
    "R4004": [('version="1.0"', 'version="1.1"')],
    "R4003": [('encoding="UTF-8"', 'encoding="ISO-8859-1"')],
    "R4005": [('name="Trial" ', 'name="Trial" xmlns:xml="http://www.w3.org/XML/1998/namespace" ')],
    "R2028": [
        ('<w:message name="Ask">', '<w:message>'),
        ('<w:message name="Ask">', '<w:message name="a:b">'),
        ('<w:message name="Ask">', '<w:message name="Ask" kind="x">'),
        ('<w:part name="parameters" element="t:Ask"/>', "<w:port/>"),
        ("<w:service ", "<w:services/><w:service "),
        ('<w:message name="Tell">', '<w:message name="Ask">'),
        ("</w:operation>\n  </w:portType>", "<w:documentation/></w:operation></w:portType>"),
    ],
    "R2029": [
        ('part="token" use="literal"', 'part="token"'),
        ('<s:address location="http://127.0.0.1/trial"/>', "<s:address/>"),
        ('style="document"', 'style="message"'),
        ('<s:operation soapAction="urn:trial/Tell"/>', "<s:action/>"),
        ("<s:body use=", "<s:body actor='x' use="),
        ("</w:service>", '<s:address location="http://x"/></w:service>'),
    ],
    "R2001": [('location="other.wsdl"', 'location="common.xsd"')],
    "R2002": [('location="other.wsdl"', 'location="common.xsd"')],
    "R2003": [("<w:types>", '<w:types><xs:import namespace="urn:common"/>')],
    "R2004": [('schemaLocation="common.xsd"', 'schemaLocation="other.wsdl"')],
    "R2005": [('namespace="urn:other"', 'namespace="urn:another"')],
    "R2007": [(' location="other.wsdl"', ""), ('location="other.wsdl"', 'location=""')],
    "R2010": [('schemaLocation="common.xsd"', 'schemaLocation="latin.xsd"')],
    "R2011": [('schemaLocation="common.xsd"', 'schemaLocation="new.xsd"')],
    "R2022": [("</w:types>", '</w:types><w:import namespace="urn:other" location="other.wsdl"/>')],
    "R2023": [('<w:import namespace="urn:other" location="other.wsdl"/>', '<w:message name="M"/>')],
    "R2026": [("</w:service>", '<x:new xmlns:x="urn:x" w:required="true"/></w:service>')],
    "R2101": [
        ('<w:input message="t:Tell"/>', '<w:input message="t:Nothing"/>'),
        ('<w:input message="t:Tell"/>', '<w:input message="xs:Tell"/>'),
        ('<w:input message="t:Tell"/>', '<w:input message="q:Tell"/>'),
        ('binding="t:Trial11"', 'binding="t:Trial12"'),
        ('type="t:Trial"', 'type="t:Trials"'),
        ('message="t:Token"', 'message="t:Tokens"'),
    ],
    "R2102": [
        ('element="t:Tell"', 'element="enc:Tell"'),
        ('name="text" type="xs:string"', 'name="text" type="enc:string"'),
    ],
    "R2105": [('<xs:schema targetNamespace="urn:trial" ', "<xs:schema ")],
    "R2110": [("</xs:schema>", ('<xs:complexType name="A"><xs:complexContent><xs:restriction '
               'base="enc:Array"/></xs:complexContent></xs:complexType></xs:schema>'))],
    "R2111": [('name="text" ', 'name="text" w:arrayType="xs:string[]" ')],
    "R2112": [('<xs:element name="text"', '<xs:element name="ArrayOfText"')],
    "R2201": [('<s:body use="literal"/>', '<s:body parts="parameters more" use="literal"/>')],
    "R2203": [('style="document"', 'style="rpc"')],
    "R2204": [('element="t:Tell"', 'type="t:Text"')],
    "R2205": [('element="t:Trouble"', 'type="t:Text"'), ('element="t:Token"', 'type="xs:string"')],
    "R2206": [('element="t:Tell"', 'element="t:Told"'), ('element="t:Tell"', 'element="xs:string"')],
    "R2209": [(('element="t:Tell"/>', 'element="t:Tell"/><w:part name="more" element="t:Ask"/>'),
               ('<s:body use="literal"/>', '<s:body parts="parameters" use="literal"/>'))],
    "R2210": [('element="t:Tell"/>', 'element="t:Tell"/><w:part name="more" element="t:Ask"/>')],
    "R2303": [('<w:input message="t:Tell"/>', '<w:output message="t:Tell"/>'),
              ('<w:input message="t:Tell"/>',
               '<w:output message="t:Tell"/><w:input message="t:Tell"/>')],
    "R2304": [('<w:operation name="Tell"><w:input', '<w:operation name="Ask"><w:input')],
    "R2305": [(('<w:operation name="Ask">\n      <w:input',
                '<w:operation name="Ask" parameterOrder="none">\n      <w:input'),
               ('element="t:AskResponse"/>',
                'element="t:AskResponse"/><w:part name="more" element="t:Ask"/>'))],
    "R2306": [('element="t:Tell"/>', 'element="t:Tell" type="t:Text"/>')],
    "R2401": [('<s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>', "")],
    "R2701": [(' transport="http://schemas.xmlsoap.org/soap/http"', "")],
    "R2702": [("http://schemas.xmlsoap.org/soap/http", "http://schemas.xmlsoap.org/soap/smtp"),
              ("http://schemas.xmlsoap.org/soap/http", "http://www.w3.org/2003/05/soap/bindings/HTTP/")],
    "R2705": [('soapAction="urn:trial/Tell"', 'soapAction="urn:trial/Tell" style="rpc"')],
    "R2706": [('<s:body use="literal"/>', '<s:body use="encoded"/>'),
              ('part="token" use="literal"', 'part="token" use="encoded"')],
    "R2710": [('element="t:Tell"', 'element="t:Ask"')],
    "R2711": [("</w:port>", ('</w:port><w:port name="More" binding="t:Trial11">'
               '<s:address location="http://127.0.0.1/trial"/></w:port>'))],
    "R2716": [('<s:body use="literal"/>', '<s:body use="literal" namespace="urn:x"/>'),
              ('name="Trouble" use="literal"', 'name="Trouble" use="literal" namespace="urn:x"')],
    "R2717": [('style="document"', 'style="rpc"')],
    "R2718": [('<w:operation name="Tell"><w:input', '<w:operation name="Told"><w:input')],
    "R2720": [('part="token"', 'part="a b"')],
    "R2721": [('<s:fault name="Trouble" ', "<s:fault ")],
    "R2723": [('name="Trouble" use="literal"', 'name="Trouble" use="encoded"')],
    "R2726": [(('style="document"', 'style="rpc"'),
               ('name="Trouble" use="literal"', 'name="Trouble" use="literal" namespace="urn:x"'))],
    "R2740": [('<w:fault name="Trouble"><s:fault name="Trouble" use="literal"/></w:fault>', ""),
              ('<w:fault name="Trouble" message="t:Trouble"/>', "")],
    "R2749": [('part="token" ', 'part="token" parts="token" ')],
    "R2754": [('<s:fault name="Trouble"', '<s:fault name="Worry"')],
    "R2801": [("http://www.w3.org/2001/XMLSchema", "http://www.w3.org/2000/10/XMLSchema"),
              ('<xs:element name="Ask" type="t:Text"/>', '<xs:element name="Ask" type="t:Txt"/>')],
    "R2803": [('namespace="urn:other"', 'namespace="other"')],
    "C1": [('<w:part name="parameters" element="t:Tell"/>', '<w:part name="Tell" element="t:Tell"/>')],
    "C2": [('element="t:Tell"', 'element="t:AskResponse"')],
    "C3": [("</w:service>", '</w:service><w:message name="Late"/>')],
    "C4": [('soapAction="urn:trial/Tell"', 'soapAction="urn:trial/Ask"'),
           ('soapAction="urn:trial/Tell"', 'soapAction=""')],
    "C5": [("http://127.0.0.1/trial", "REPLACE_ME"),
           ('<s:address location="http://127.0.0.1/trial"/>', "")],
}  # fmt: skip
CASES = [(number, change) for number, changes in BROKEN.items() for change in changes]


def beside(location: str) -> bytes | None:
    """What can be fetched beside the trial WSDL."""
    return {
        "other.wsdl": OTHER.encode(),
        "common.xsd": COMMON.encode(),
        "latin.xsd": f'<?xml version="1.0" encoding="ISO-8859-1"?>{COMMON}'.encode(),
        "new.xsd": f'<?xml version="1.1"?>{COMMON}'.encode(),
    }.get(location)


def changed(change: Change | tuple[Change, ...]) -> bytes:
    """The good WSDL after one or several replacements, each of which hits."""
    text = GOOD
    for old, new in [change] if isinstance(change[0], str) else change:  # type: ignore[list-item]
        assert old in text
        text = text.replace(old, new)
    return text.encode()


@pytest.mark.parametrize("path", WSDLS, ids=lambda path: path.name)
def test_our_wsdls_keep_every_rule(path: Path) -> None:
    """No WSDL of ours breaks a rule of the Basic Profile, or what generators need beyond it."""

    def beside_it(location: str) -> bytes | None:
        file = path.parent / location
        return file.read_bytes() if file.is_file() else None

    assert violations(Description(path.read_bytes(), beside_it)) == []


def test_all_wsdls_are_looked_at() -> None:
    """The folder that is checked is the one that travels with the package."""
    packaged = {one.name for one in files("bus.resources").joinpath("wsdl").iterdir()}
    assert {path.name for path in WSDLS} == {name for name in packaged if name.endswith(".wsdl")}
    assert len(WSDLS) >= 4


def test_the_trial_wsdl_is_good() -> None:
    """What the broken ones are made from breaks nothing itself."""
    assert violations(Description(GOOD.encode(), beside)) == []


@pytest.mark.parametrize(("number", "change"), CASES, ids=[number for number, _ in CASES])
def test_each_rule_is_seen_to_fail(number: str, change: Change | tuple[Change, ...]) -> None:
    """A WSDL that breaks a rule is told so by that rule's number."""
    found = violations(Description(changed(change), beside))
    assert number in {one.partition(":")[0] for one in found}, found


def test_the_table_is_whole() -> None:
    """Every rule has one number, one sentence, and a way to break it."""
    numbers = [rule.number for rule in RULES]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) == set(BROKEN)
    assert all(re.fullmatch(r"R\d{4}|C\d", number) for number in numbers)
    assert all(rule.demands.endswith(".") for rule in RULES)
