"""The rules that every reply is held to: good ones pass, and each rule can be broken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from support.soap_edge import PING, SOAP11, SOAP12, Reply, Service, envelope
from support.wsi_messages import (
    EMPTY_RULES,
    MEDIA,
    RULES,
    Sent,
    Watch,
    complaints,
    request_complaints,
)

from bus import errors
from bus.endpoints.wsdl import wsdl
from bus.envelope.addressing import Edition
from bus.envelope.soap import SoapVersion

ROOT = Path(__file__).resolve().parents[3]
WSDL = wsdl("http://127.0.0.1/services/exchange")
W3C = Edition.W3C.value
ADDRESSED = "".join(
    f'<a:{name} xmlns:a="{W3C}">{text}</a:{name}>'
    for name, text in {"Action": "urn:lienthong:exchange:1/Ping", "MessageID": "urn:1"}.items()
)
RELATES = b'<wsa:RelatesTo xmlns:wsa="%b">urn:1</wsa:RelatesTo>' % W3C.encode()
Change = tuple[bytes, bytes]


@dataclass(frozen=True)
class Break:
    """How a good answer is made bad: of which kind it is, what changes in body, status, headers."""

    kind: str
    body: Change | None = None
    status: int | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    asked: str | None = None


def good(kind: str) -> tuple[str, Reply]:
    """A reply or fault of the service by its kind, with the media type it was asked in."""
    soap = SOAP12 if kind.startswith("12") else SOAP11
    service = Service()
    header = ADDRESSED if "addressed" in kind else ""
    if "unknown" in kind:
        header = '<h:H xmlns:h="urn:h" s:mustUnderstand="1"/>'
    if "none" in kind:
        none = f"<a:Address>{W3C}/none</a:Address>"
        header = ADDRESSED + f'<a:ReplyTo xmlns:a="{W3C}">{none}</a:ReplyTo>'
    if "busy" in kind:
        service.exchange.error = errors.StoreUnavailable()
    if "fault" in kind:
        service.exchange.error = errors.NotFound("x")
    return MEDIA[soap], service.call(PING, soap=soap, header=header)


def sent(kind: str, how: Break | None = None) -> Sent:
    """A good answer, or what a break makes of it."""
    media, reply = good(kind)
    how = how or Break(kind)
    headers: dict[str, Any] = reply.headers | dict(how.headers)
    body = reply.body
    if how.body is not None:
        assert how.body[0] in body
        body = body.replace(how.body[0], how.body[1], 1)
    return Sent(
        method="POST",
        media_asked=how.asked or media,
        status=how.status or reply.status,
        headers={name: value for name, value in headers.items() if value is not None},
        body=body,
        wsdl=WSDL,
    )


KINDS = [
    f"{version} {kind}"
    for version in ("11", "12")
    for kind in ("reply", "addressed", "fault", "busy", "unknown block", "none")
]
DECLARED = b"<?xml version='1.0' encoding='utf-8'?>"
BROKEN: dict[str, list[Break]] = {
    "R9980": [
        Break("11 reply", (b"Envelope ", b"Letter ")),
        Break("11 reply", (b"<soap:Body>", b"<soap:Header/><soap:Header/><soap:Body>")),
        Break("12 reply", (b"<soap:Body>", b"<soap:Body>text")),
    ],
    "R9981": [Break("11 reply", (b"</soap:Body>", b'<x:y xmlns:x="urn:x"/></soap:Body>'))],
    "R1014": [Break("11 reply", (b"</soap:Body>", b'<y xmlns=""/></soap:Body>'))],
    "R1008": [Break("11 reply", (DECLARED, DECLARED + b"<!DOCTYPE a>"))],
    "R1009": [Break("11 reply", (b"</soap:Body>", b"<?stored 0?></soap:Body>"))],
    "R1033": [
        Break("11 reply", (b" xmlns:", b' xmlns:xml="http://www.w3.org/XML/1998/namespace" xmlns:'))
    ],
    "R1011": [Break("11 reply", (b"</soap:Body>", b'</soap:Body><x:y xmlns:x="urn:x"/>'))],
    "R1005": [Break("12 reply", (b"<soap:Body", b'<soap:Body soap:encodingStyle="urn:x"'))],
    "R2113": [
        Break(
            "11 reply",
            (
                b"<PingResponse ",
                b'<PingResponse xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" e:arrayType="" ',
            ),
        )
    ],
    "R1013": [
        Break("11 addressed", (b"<wsa:Action ", b'<wsa:Action soap:mustUnderstand="true" ')),
        Break("12 addressed", (b"<wsa:Action ", b'<wsa:Action soap:mustUnderstand="yes" ')),
    ],
    "R1032": [Break("11 reply", (b"<soap:Body", b'<soap:Body soap:actor="x"'))],
    "R1012": [
        Break("11 reply", (DECLARED, b"")),
        Break("11 reply", (b"'utf-8'", b"'iso-8859-1'")),
    ],
    "R1018": [
        Break("11 reply", headers=(("Content-Type", "application/soap+xml; charset=utf-8"),)),
        Break("12 reply", headers=(("Content-Type", "application/soap+xml"),)),
    ],
    "R1000": [
        Break("11 fault", (b"</detail>", b"</detail><code>x</code>")),
        Break("11 fault", (b"<faultcode>", b"<faultactor>x</faultactor><faultcode>")),
    ],
    "R1001": [Break("11 fault", (b"<detail>", b'<x:a xmlns:x="urn:x"/><detail>'))],
    "R1004": [
        Break("11 fault", (b"soap:Client<", b"soap:Sender<")),
        Break("11 fault", (b"soap:Client<", b"Client<")),
        Break("12 fault", (b"soap:Sender<", b"soap:Client<")),
        Break("12 fault", (b"soap:Sender<", b"ex:STO-003<")),
    ],
    "R1031": [Break("11 fault", (b"soap:Client<", b"soap:Client.Schema<"))],
    "R1126": [
        Break("11 fault", status=200),
        Break("11 fault", status=400),
        Break("12 fault", status=500),
        Break("12 busy", status=400),
        Break("11 reply", status=202),
    ],
    "R2712": [
        Break("11 reply", (b"<routesVersion>7", b"<routesVersion>seven")),
        Break("12 reply", (b"<soap:Body>", b"<soap:Body><PingResponze xmlns='urn:x'/>")),
    ],
    "R2742": [
        Break("11 fault", (b"<retryable>false", b"<retryable>no")),
        Break("12 fault", (b"<ex:ExchangeFault>", b"<x/><ex:ExchangeFault>")),
    ],
    "S12-5.4": [
        Break("12 fault", (b' xml:lang="en"', b"")),
        Break("12 fault", (b"<soap:Reason>", b"<soap:Role>x</soap:Role><soap:Reason>")),
    ],
    "S12-5.4.1": [Break("12 fault", (b">ex:STO-003<", b">STO-003<"))],
    "S12-5.4.5": [Break("12 fault", (b"<ex:ExchangeFault>", b"<x/><ex:ExchangeFault>"))],
    "S12-5.4.7": [Break("12 unknown block", (b"NotUnderstood ", b"Understood "))],
    "S12-5.2": [Break("11 addressed", (b"<soap:Header>", b"<soap:Header><x/>"))],
    "WSA-3.4": [
        Break("11 addressed", (RELATES, b"")),
        Break(
            "12 addressed", (b"<soap:Header>", b'<soap:Header><a:To xmlns:a="%b"/>' % W3C.encode())
        ),
    ],
    "L2": [Break("11 reply", asked=MEDIA[SOAP12]), Break("12 reply", asked=MEDIA[SOAP11])],
    "L3": [
        Break("11 busy", headers=(("Retry-After", None),)),
        Break("12 fault", headers=(("Retry-After", "3"),)),
    ],
    "L1": [Break("11 reply", headers=(("X-Correlation-Id", None),))],
    "R1121": [Break("11 reply", headers=(("Set-Cookie", "a=b"),))],
    "R1112": [
        Break("11 none", headers=(("Content-Type", "text/xml"),)),
        Break("12 none", status=204),
    ],
}
CASES = [(number, how) for number, ways in BROKEN.items() for how in ways]


@pytest.mark.parametrize("kind", KINDS)
def test_good_answers_pass(kind: str) -> None:
    """Replies and faults of the service break no rule."""
    assert complaints(sent(kind)) == []


@pytest.mark.parametrize(("number", "how"), CASES, ids=[number for number, _ in CASES])
def test_each_rule_for_replies_is_seen_to_fail(number: str, how: Break) -> None:
    """An answer that breaks a rule is told so by that rule's number."""
    found = complaints(sent(how.kind, how))
    assert number in {one.partition(":")[0] for one in found}, found


MTOM = (
    b'\r\n--B\r\nContent-Type: application/xop+xml; charset=utf-8; type="%b"\r\n'
    b"Content-ID: <r@x>\r\n\r\n%b\r\n--B\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: binary\r\nContent-ID: <p 1@x>\r\n\r\n\x00\xff\r\n--B--\r\n"
)
INCLUDE = (
    b'<content><x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:p%201@x"/>'
)


@pytest.mark.parametrize("soap", [SOAP11, SOAP12])
@pytest.mark.parametrize("spoiled", [False, True])
def test_an_answer_in_parts_is_judged_as_if_inline(soap: str, *, spoiled: bool) -> None:
    """MTOM replies are put together before the rules look, and break them as others do."""
    ask = '<GetMessage xmlns="urn:lienthong:exchange:1"><messageId>m</messageId></GetMessage>'
    reply = Service().call(ask, soap=soap)
    text = reply.root.findtext(".//{*}content") or ""
    root = reply.body.replace(f"<content>{text}".encode(), INCLUDE)
    assert INCLUDE in root
    if spoiled:
        root = root.replace(b"</soap:Body>", b"</soap:Body><x/>")
    media = 'multipart/related; type="application/xop+xml"; boundary="B"; start="<r@x>"'
    came = Sent(
        method="POST",
        media_asked=MEDIA[soap],
        status=200,
        headers=reply.headers | {"Content-Type": media},
        body=MTOM % (MEDIA[soap].encode(), root),
        wsdl=WSDL,
    )
    assert came.root.findtext(".//{*}content") == "AP8="
    assert bool(complaints(came)) == spoiled


def test_a_service_is_held_to_what_its_wsdl_offers() -> None:
    """Who offers one version answers in it; what old clients get is named one by one."""
    came = sent("11 reply", Break("11 reply", asked=MEDIA[SOAP12]))
    came.wsdl = wsdl("http://127.0.0.1/services/exchange", (SoapVersion.V11,))
    assert complaints(came) == []
    came.root[0][:] = [etree.Element("{urn:old}old")]
    assert [one[:5] for one in complaints(came)] == ["R2712"]
    came.also = frozenset({"{urn:old}old"})
    assert complaints(came) == []


RECEIVER = (ROOT / "wsdl" / "receiver-1.wsdl").read_bytes()
ACTION = "urn:lienthong:receiver:1:Receive"
RECEIVE = (
    '<Receive xmlns="urn:lienthong:receiver:1"><messageId>m</messageId><kind>edoc</kind><topic>t</topic>'
    "<sender>G09</sender><documentId>d</documentId><sha256>x</sha256><contentType>t</contentType>"
    "<content>AAEC</content></Receive>"
)


@pytest.mark.parametrize(
    ("soap", "headers", "number"),
    [
        (SOAP11, {"Content-Type": MEDIA[SOAP11], "SOAPAction": f'"{ACTION}"'}, "R1018"),
        (SOAP11, {"SOAPAction": f'"{ACTION}"'}, ""),
        (SOAP11, {"SOAPAction": ACTION}, "R2744"),
        (SOAP11, {"SOAPAction": '""'}, "R2744"),
        (SOAP11, {}, "R2744"),
        (SOAP12, {"SOAPAction": f'"{ACTION}"'}, "R2744"),
        (SOAP12, {"Content-Type": f'{MEDIA[SOAP12]}; charset=utf-8; action="{ACTION}"'}, ""),
    ],
)
def test_requests_of_the_bus_are_held_to_rules_too(
    soap: str, headers: dict[str, str], number: str
) -> None:
    """A receiver of pushes notices an action without quotes, and any bad envelope."""
    told = {"Content-Type": f"{MEDIA[soap]}; charset=utf-8"} | headers
    body = DECLARED + envelope(RECEIVE, soap=soap)
    assert [f[:5] for f in request_complaints(told, body, RECEIVER)] == [number] * bool(number)
    bad = body.replace(b"<kind>edoc</kind>", b"")
    assert any(one.startswith("R2712") for one in request_complaints(told, bad, RECEIVER))


def test_the_table_of_reply_rules_is_whole() -> None:
    """Every rule has one number, one sentence, and a way to break it."""
    numbers = [rule.number for rule in RULES]
    assert len(set(numbers)) == len(numbers)
    assert {*numbers, *(rule.number for rule in EMPTY_RULES)} == set(BROKEN)
    assert all(rule.demands.endswith(".") for rule in RULES)


def test_a_bad_reply_in_any_test_is_noticed(watch: Watch) -> None:
    """The watch that stands over all tests sees what the service says, and at its door too."""

    def spoil(body: etree._Element, _soap: str) -> bytes:
        etree.SubElement(body.getparent(), "trailer")
        return b'<x:seal xmlns:x="urn:x"/>'

    bad = Service(seal=spoil)
    bad.call(PING)
    assert any(one.startswith("R1011") for one in watch.taken())
    bad.application.refuse({"REQUEST_METHOD": "POST"}, errors.ServiceBusy())
    assert any(one.startswith("R1011") for one in watch.taken())
