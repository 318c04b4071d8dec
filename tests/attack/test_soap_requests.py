"""Requests made to break the SOAP edge: each is answered by a typed fault, and nothing leaks."""

from __future__ import annotations

import base64
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.soap_edge import (
    PING,
    QCVN,
    SOAP11,
    SOAP12,
    SOAP_XML,
    TEXT_XML,
    TNS,
    Reply,
    Service,
    envelope,
)

from bus import errors

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12])
XSI = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
MEDIA = {SOAP11: TEXT_XML, SOAP12: SOAP_XML}
ENTITY_BOMB = (
    b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(9)
    )
    + b"]>"
)


def refused(reply: Reply, soap: str, code: str) -> dict[str, str]:
    """The fault of a refusal by the sender's own mistake."""
    assert reply.version == soap
    assert reply.status == (500 if soap == SOAP11 else 400)
    assert reply.fault_code == ("soap:Client" if soap == SOAP11 else "soap:Sender")
    fault = reply.fault
    assert fault["code"] == code
    assert fault["correlationId"] == reply.headers["X-Correlation-Id"]
    return fault


@VERSIONS
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "RCV-005"),
        (b" ", "XML-001"),
        (b"not xml", "XML-001"),
        (b"<a>", "XML-001"),
        (b"{}", "XML-001"),
        (b"\x00" * 50, "XML-001"),
        (b"<html/>", "SVC-001"),
        (b'<?xml version="1.0" encoding="foo"?><a/>', "XML-003"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "XML-003"),
        (b"<a>\xff\xfe\xc3(</a>", "XML-001"),
    ],
)
def test_what_is_no_message_is_refused(soap: str, body: bytes, code: str) -> None:
    """Empty bodies, garbage and unknown encodings get a fault, not a bare 500."""
    reply = Service().post(body, MEDIA[soap].split(";")[0])
    assert reply.fault["code"] in {code, "XML-003"}
    refused(reply, soap, reply.fault["code"])


@VERSIONS
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("", "SVC-005"),
        ("   text ", "SVC-005"),
        (PING + PING, "SVC-005"),
        ("<Ping/>", "SVC-004"),
        (f'<Unknown xmlns="{TNS}"/>', "SVC-004"),
        (f'<PingResponse xmlns="{TNS}"/>', "SVC-004"),
        (f'<ExchangeFault xmlns="{TNS}"/>', "SVC-004"),
        (f'<Ping xmlns="{TNS}"><recipient>a</recipient><recipient>b</recipient></Ping>', "SVC-006"),
        (f'<Ping xmlns="{TNS}" extra="1"/>', "SVC-006"),
        (f'<Ping xmlns="{TNS}">stray</Ping>', "SVC-006"),
        (f'<SendDocument xmlns="{TNS}"/>', "SVC-006"),
        (f'<SendDocument xmlns="{TNS}"><edXML xmlns="urn:other"/></SendDocument>', "SVC-006"),
        (f'<SendStatus xmlns="{TNS}"><Status/></SendStatus>', "SVC-006"),
        (f'<ListPending xmlns="{TNS}"><kind>all</kind></ListPending>', "SVC-006"),
        (f'<ListPending xmlns="{TNS}"><limit>501</limit></ListPending>', "SVC-006"),
        (f'<ListPending xmlns="{TNS}"><offset>-1</offset></ListPending>', "SVC-006"),
        (f'<ListPending xmlns="{TNS}"><offset>{"9" * 5000}</offset></ListPending>', "SVC-006"),
        (f'<FindAgencies xmlns="{TNS}"><sinceVersion>1e3</sinceVersion></FindAgencies>', "SVC-006"),
        (f'<Ping xmlns="{TNS}" {XSI} i:type="Accepted"/>', "SVC-006"),
        (f'<Ping xmlns="{TNS}" {XSI}><recipient i:nil="true"/></Ping>', "SVC-006"),
    ],
)
def test_a_body_that_does_not_fit_the_wsdl_is_refused(soap: str, payload: str, code: str) -> None:
    """Each misuse of an operation has its fault, and no operation is run."""
    service = Service()
    refused(service.call(payload, soap=soap), soap, code)
    assert not service.exchange.asked


@VERSIONS
def test_the_place_of_a_mistake_is_told(soap: str) -> None:
    """Path and line are those of the sender's request, whatever prefixes it uses."""
    body = (
        f'<s:Envelope xmlns:s="{soap}">\n<s:Body>\n<x:ListPending xmlns:x="{TNS}">\n'
        "<x:agency>G22</x:agency>\n<x:limit>many</x:limit>\n</x:ListPending></s:Body></s:Envelope>"
    )
    fault = refused(Service().post(body.encode(), MEDIA[soap]), soap, "SVC-006")
    assert fault["path"] == "/Envelope/Body/ListPending/limit"
    assert fault["line"] == "5"


@VERSIONS
@pytest.mark.parametrize(
    ("bomb", "code"),
    [
        (ENTITY_BOMB + envelope("&i;"), "XML-002"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "XML-002"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]><a>&x;</a>',
         "XML-002"),
        (b"<a>" * 10_000 + b"</a>" * 10_000, "RCV-002"),
        (b"<a " + b" ".join(b'a%d="1"' % n for n in range(1_000_000)) + b"/>", "RCV-003"),
        (b"<a>" + b"<b/>" * 500_000 + b"</a>", "RCV-003"),
    ],
    ids=["entities", "external-dtd", "external-entity", "depth", "attributes", "elements"],
)  # fmt: skip
def test_bombs_cost_nothing(soap: str, bomb: bytes, code: str) -> None:
    """Deep nesting, a million attributes and entities are refused before a tree is built."""
    service = Service()
    tracemalloc.start()
    try:
        reply = service.post(bomb, MEDIA[soap])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    fault = refused(reply, soap, code)
    assert int(fault["line"]) >= 1
    assert int(fault["column"]) >= 1
    assert peak < len(bomb) + 50 * 1024 * 1024


@VERSIONS
def test_a_block_that_must_be_understood_is_not_skipped(soap: str) -> None:
    """An unknown header block with mustUnderstand stops the call, with the block's name."""
    header = '<h:Deadline xmlns:h="urn:h" s:mustUnderstand="1">now</h:Deadline>'
    service = Service()
    reply = service.call(PING, soap=soap, header=header)
    assert (reply.status, reply.fault_code) == (500, "soap:MustUnderstand")
    assert reply.fault["code"] == "SVC-003"
    assert "{urn:h}Deadline" in reply.fault["message"]
    named = reply.root.findall(f"{{{SOAP12}}}Header/{{{SOAP12}}}NotUnderstood")
    assert len(named) == (1 if soap == SOAP12 else 0)
    assert not service.exchange.asked
    assert not service.authenticated


@VERSIONS
def test_security_is_understood(soap: str) -> None:
    """A wsse:Security block that must be understood reaches the authentication."""
    wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
    header = f'<w:Security xmlns:w="{wsse}" s:mustUnderstand="1"/>'
    service = Service()
    assert service.call(PING, soap=soap, header=header).status == 200
    assert service.authenticated[0]["envelope"].find(f".//{{{wsse}}}Security") is not None


@pytest.mark.parametrize("media", [TEXT_XML, SOAP_XML])
@pytest.mark.parametrize("namespace", [SOAP11, SOAP12, "urn:soap:9", ""])
def test_the_version_must_fit_the_media_type(media: str, namespace: str) -> None:
    """Another version is a VersionMismatch in the version of the media type."""
    asked = SOAP11 if media == TEXT_XML else SOAP12
    if namespace == asked:
        return
    body = envelope(PING, soap=namespace)
    if not namespace:
        body = body.replace(b"s:", b"").replace(b"xmlns:s", b"xmlns")
    reply = Service().post(body, media)
    assert (reply.version, reply.status) == (asked, 500)
    assert reply.fault_code == "soap:VersionMismatch"
    assert reply.fault["code"] == "SVC-002"
    upgrade = reply.root.find(f"{{{SOAP12}}}Header/{{{SOAP12}}}Upgrade")
    assert (upgrade is not None) == (asked == SOAP12)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str) -> None:
    """Only POST calls, and GET without a question has no answer."""
    reply = Service().request(method)
    assert reply.status == 405
    assert reply.headers["Allow"] == "GET, HEAD, POST"
    if method == "HEAD":
        assert reply.body == b""
    else:
        assert reply.fault["code"] == "SVC-009"


@VERSIONS
@pytest.mark.parametrize(
    "error",
    [RuntimeError("password=hunter2"), RecursionError(), MemoryError(), KeyError("x"),
     UnicodeDecodeError("utf-8", b"\xff", 0, 1, "hunter2"), errors.Defect("hunter2")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_our_own_defects_show_nothing_of_our_inside(soap: str, error: Exception) -> None:
    """Whatever breaks inside, the client gets BUG-001, a correlation id and nothing else."""
    service = Service()
    service.exchange.error = error
    reply = service.call(PING, soap=soap)
    assert reply.status == 500
    assert reply.fault_code == ("soap:Server" if soap == SOAP11 else "soap:Receiver")
    assert reply.fault["code"] == "BUG-001"
    assert reply.fault["correlationId"] == reply.headers["X-Correlation-Id"]
    for secret in (b"hunter2", b"Traceback", b".py", type(error).__name__.encode() + b"("):
        assert secret not in reply.body


@VERSIONS
def test_even_a_broken_signer_leaves_a_fault(soap: str) -> None:
    """When replies cannot be signed, the defect itself is still told, unsigned."""

    def broken(*_: object) -> bytes:
        raise RuntimeError("no key")

    reply = Service(seal=broken).call(PING, soap=soap)
    assert (reply.status, reply.fault["code"]) == (500, "BUG-001")
    rejected = Service(seal=broken).call("", soap=soap)
    assert (rejected.status, rejected.fault["code"]) == (500, "BUG-001")


def test_comments_cannot_cut_a_value() -> None:
    """A comment inside a value neither ends it nor reaches the operation."""
    service = Service()
    service.call(f'<Ping xmlns="{TNS}"><recipient>G2<!-- x -->2</recipient></Ping>')
    assert service.exchange.asked[0][2] == "G22"


def test_a_processing_instruction_cannot_forge_a_stored_receipt() -> None:
    """What marks the place of stored bytes in a reply cannot come from a request."""
    service = Service()
    document = f'<e xmlns="{QCVN}"><?stored 0?></e>'.replace("<e ", "<edXML ").replace(
        "</e>", "</edXML>"
    )
    reply = service.call(f'<SendDocument xmlns="{TNS}">{document}</SendDocument>')
    assert reply.body.count(service.exchange.receipt.xml) == 1
    assert b"<?stored" not in reply.body


def test_errors_never_cross_between_callers() -> None:
    """Eight threads of invalid requests each get the text about their own request, every time."""
    service = Service()
    barrier = threading.Barrier(8)

    def complain(worker: int) -> list[str]:
        barrier.wait(timeout=30)
        wrong = []
        for turn in range(60):
            soap = SOAP12 if turn % 2 else SOAP11
            mine = f"own{worker}x{turn}y"
            payload = f'<ListPending xmlns="{TNS}"><limit>{mine}</limit></ListPending>'
            if turn % 3 == 0:
                payload = f'<ListPending xmlns="{TNS}"><{mine}/></ListPending>'
            text = service.call(payload, soap=soap).body.decode()
            if mine not in text or text.count("own") != text.count(mine):
                wrong.append(text)
        return wrong

    with ThreadPoolExecutor(8) as pool:
        assert not [text for found in pool.map(complain, range(8)) for text in found]
    assert not service.exchange.asked


def test_valid_and_invalid_requests_mix_without_mixing_up() -> None:
    """Under threads every caller gets the answer to its own request."""
    service = Service()

    def ask(number: int) -> bool:
        if number % 3 == 0:
            return service.call("<nothing/>").fault["code"] == "SVC-004"
        body = f'<Ping xmlns="{TNS}"><recipient>R{number}</recipient></Ping>'
        reply = service.call(body, soap=SOAP12 if number % 2 else SOAP11)
        return reply.payload.findtext(f"{{{TNS}}}recipient") == f"R{number}"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(400)))


def damaged(at: int, byte: int) -> bytes:
    """A good request with one byte changed."""
    good = envelope(PING)
    return good[: at % len(good)] + bytes([byte]) + good[at % len(good) + 1 :]


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200)
    | st.integers(0, 10_000).map(lambda cut: envelope(PING)[: cut % len(envelope(PING))])
    | st.builds(damaged, st.integers(0, 200), st.integers(0, 255)),
    st.sampled_from([TEXT_XML, SOAP_XML, "text/xml", "text/xml; charset=utf-16", "x/y", ""]),
)
def test_any_bytes_get_a_well_formed_answer(body: bytes, media: str) -> None:
    """Whatever arrives, the reply is a SOAP envelope, and never our defect."""
    reply = Service().post(body, media)
    assert reply.root.tag.endswith("}Envelope")
    if reply.status != 200:
        assert reply.fault["code"] != "BUG-001", (body, reply.body)


def test_large_content_passes() -> None:
    """Ten million characters of base64 in one element are no attack."""
    content = base64.b64encode(bytes(8_000_000)).decode()
    service = Service()
    reply = service.call(f'<SendPackage xmlns="{TNS}"><content>{content}</content></SendPackage>')
    assert reply.status == 200
    assert service.exchange.asked[0][2] == bytes(8_000_000)
