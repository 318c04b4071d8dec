"""The table of bad input: what each kind of it gets, and that nothing but the refusal is kept."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from support.outside import QCVN, Answer, call, kept, package, post, request
from support.running_bus import TOKEN, RunningBus
from support.soap_edge import SOAP11, SOAP12, TNS

from bus import errors
from bus.model import Severity
from bus.trust import keys, pki, xmldsig

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
SECRET = "bí mật tuyệt đối"
BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>\n<a>&c;</a>'
)
#: What is wrong with the bytes, and where: (bytes, code, line).
BROKEN: dict[str, tuple[bytes, str, int]] = {
    "not-xml": (b"this is no XML at all", "XML-001", 1),
    "truncated": (b"<a>\n<b>\n<c>text", "XML-001", 3),
    "doctype": (b"<?xml version='1.0'?>\n<!DOCTYPE a SYSTEM 'http://x/'>\n<a/>", "XML-002", 2),
    "entity-bomb": (BOMB, "XML-002", 1),
    "deep": (b"<a>\n" * 10_000 + b"</a>" * 10_000, "RCV-002", 101),
    "attributes": (
        b"<a>\n<b " + b" ".join(b'a%d=""' % n for n in range(1_000_000)) + b"/></a>",
        "RCV-003",
        2,
    ),
    "wrong-bytes": ("<a>\nĐường</a>".encode("utf-16-be")[:-1] + b"\xff<", "XML-00", 1),
    "charset": (b"<?xml version='1.0' encoding='klingon'?><a/>", "XML-003", 1),
    "not-utf-8": ("<a>\n<b>café</b></a>".encode("latin-1"), "XML-00", 2),
}
BROKEN_INPUT = pytest.mark.parametrize(("content", "code", "line"), BROKEN.values(), ids=BROKEN)


@VERSIONS
@BROKEN_INPUT
def test_a_broken_request_gets_a_typed_fault_with_its_place(
    bus: RunningBus, content: bytes, code: str, line: int, soap: str
) -> None:
    """Bytes that are no acceptable XML get code, line and column; one audit row is all that stays."""
    with kept(bus) as left:
        answer = post(bus, content, soap, **bare_media(soap))
    assert_placed(answer, code, line)
    left.only_refusal(answer.fault["code"])
    assert answer.status == (500 if soap == SOAP11 else 400)


@VERSIONS
@BROKEN_INPUT
def test_a_broken_package_gets_the_same_fault(
    bus: RunningBus, content: bytes, code: str, line: int, soap: str
) -> None:
    """The same bytes inside a well-formed signed call are placed in the sender's own lines."""
    signed = request(package(content), own=bus.own["G09"], soap=soap)
    with kept(bus) as left:
        answer = post(bus, signed, soap)
    assert_placed(answer, code, line)
    assert left.only_refusal(answer.fault["code"]).agency == "G09"


def bare_media(soap: str) -> dict[str, str]:
    """A media type without charset: the XML declaration has the word."""
    return {"Content-Type": "text/xml" if soap == SOAP11 else "application/soap+xml"}


def assert_placed(answer: Answer, code: str, line: int) -> None:
    """Both languages, a hint, and the place."""
    fault = answer.fault
    assert fault["code"].startswith(code)
    assert int(fault["line"]) == line
    assert int(fault["column"]) >= 1
    assert fault["retryable"] == "false"
    assert all(fault[name] for name in ("message", "messageVi", "hint", "hintVi", "correlationId"))


# Schema and rules

MANY_MISTAKES = f"""<?xml version="1.0" encoding="utf-8"?>
<edXML xmlns="{QCVN}">
  <edXMLEnvelope>
    <edXMLHeader>
      <MessageHeader>
        <From><OrganId>G09</OrganId><OrganName>Bộ</OrganName></From>
        <To><OrganId>H57</OrganId><OrganName>Sở</OrganName></To>
        <To>
          <OrganId>h57</OrganId></To>
        <DocumentId></DocumentId>
        <Code><CodeNumber>1</CodeNumber></Code>
        <PromulgationInfo><Place>Huế</Place>
          <PromulgationDate>2026/02/30</PromulgationDate></PromulgationInfo>
        <DocumentType><Type>2</Type>
          <TypeName>Công văn</TypeName></DocumentType>
        <Content>{SECRET}</Content>
        <OtherInfo>
          <Priority>9</Priority>
          <PromulgationAmount>hai</PromulgationAmount></OtherInfo>
        <Unheard>x</Unheard>
      </MessageHeader>
      <TraceHeaderList>
        <Bussiness>
          <BussinessDocType>7</BussinessDocType></Bussiness>
      </TraceHeaderList>
    </edXMLHeader>
    <edXMLBody><edXMLManifest>
      <Reference><ContentId>cid:khong-co</ContentId></Reference>
    </edXMLManifest></edXMLBody>
  </edXMLEnvelope>
</edXML>
"""


def line_of(text: str) -> int:
    """The line of the sender's text that holds this."""
    return MANY_MISTAKES[: MANY_MISTAKES.index(text)].count("\n") + 1


@VERSIONS
def test_every_violation_is_told_at_once_with_the_senders_lines(bus: RunningBus, soap: str) -> None:
    """One fault lists each breach with rule, path, line, value, expected and hint, vi and en."""
    payload = package(MANY_MISTAKES.encode())
    with kept(bus) as left:
        answer = call(bus, payload, own=bus.own["G09"], soap=soap)
    left.only_refusal("DOC-001")
    fatal = [p for p in answer.problems if p["severity"] == "reject"]
    lines = {int(p["line"]) for p in fatal}
    wanted = ("<OrganId>h57", "2026/02/30", "<Priority>9", "<BussinessDocType>7", "cid:khong-co")
    assert lines >= {line_of(text) for text in wanted}
    assert {"E04", "E05", "E07", "E09", "E10", "E13", "E14"} <= {p["rule"] for p in fatal}
    assert len(fatal) >= 7
    for problem in fatal:
        assert problem["path"].startswith("/edXML")
        assert all(problem[name] for name in ("message", "messageVi", "hint", "hintVi"))
    date = next(p for p in fatal if p["value"] == "2026/02/30")
    assert (date["rule"], date["expected"]) == ("E07", "yyyy/MM/dd")
    assert date["path"].endswith("/PromulgationInfo/PromulgationDate")
    assert SECRET.encode() not in answer.body


def test_check_reports_what_send_would_refuse(bus: RunningBus) -> None:
    """CheckDocument names the same problems as the fault, and stores nothing."""
    client = bus.client("G09")
    with pytest.raises(errors.SchemaRejected) as caught:
        client.send_package(MANY_MISTAKES.encode())
    with kept(bus) as left:
        checked = client.check(MANY_MISTAKES.encode())
    assert checked.acceptable is False
    assert set(checked.problems) == set(caught.value.problems)
    assert (left.events, left.new_messages) == ([], 0)


# Proof of origin


def tampered(signed: bytes) -> bytes:
    """Another subject under the same signature."""
    changed = signed.replace(b"V/v k", b"V/v x", 1)
    assert changed != signed
    return changed


def wrapped(signed: bytes) -> bytes:
    """The signed document hidden in an extension of another one that says something else."""
    evil = etree.fromstring(signed)
    header = evil.find(f".//{{{QCVN}}}edXMLHeader")
    signature = header.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    header.remove(signature)
    evil.find(f".//{{{QCVN}}}MessageHeader/{{{QCVN}}}Subject").text = "Chuyển tiền"
    box = etree.SubElement(header, "{urn:evil}box")
    box.append(etree.fromstring(signed))
    header.append(signature)
    return etree.tostring(evil)


def stranger() -> keys.OwnKey:
    """A key that nobody bound to an agency."""
    now = datetime.now(UTC)
    return pki.issue_own(pki.create_authority("nobody", now), "nobody", now)


def document(bus: RunningBus, sender: str = "G09") -> bytes:
    """An unsigned document with something that no fault may repeat."""
    letter = bus.letter(sender, "H57", number=901)
    letter = replace(letter, content=SECRET)
    return bus.app.parts.dialects.get("qcvn102_java").write(letter).content


def expired(bus: RunningBus) -> keys.OwnKey:
    """A key bound to G09 whose certificate has run out."""
    then = datetime.now(UTC) - timedelta(days=4000)
    own = pki.issue_own(pki.create_authority("old", then), "G09", then)
    bound = {one.fingerprint for one in bus.app.database.directory.keys("G09")}
    if own.fingerprint not in bound:
        bus.app.database.directory.bind_key(keys.make_binding("G09", own.certificate_der, then))
    return own


Forge = Callable[[RunningBus], bytes]
FORGERIES: dict[str, tuple[Forge, str]] = {
    "unsigned": (document, "SIG-001"),
    "tampered": (lambda b: tampered(xmldsig.sign_document(document(b), b.own["G09"])), "SIG-002"),
    "wrapped": (lambda b: wrapped(xmldsig.sign_document(document(b), b.own["G09"])), "SIG-008"),
    "expired": (lambda b: xmldsig.sign_document(document(b), expired(b)), "SIG-006"),
    "unknown": (lambda b: xmldsig.sign_document(document(b), stranger()), "SIG-005"),
    "another": (lambda b: xmldsig.sign_document(document(b), b.own["H57"]), "AUT-002"),
}


@VERSIONS
@pytest.mark.parametrize(("forge", "code"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_document_is_refused_by_its_first_cause(
    bus: RunningBus, forge: Forge, code: str, soap: str
) -> None:
    """The fault names what is wrong with the proof, repeats nothing of the document, is recorded."""
    content = forge(bus)
    with kept(bus) as left:
        answer = call(bus, package(content), soap=soap)
    assert answer.fault["code"] == code
    left.only_refusal(code)
    assert not answer.problems
    assert SECRET.encode() not in answer.body
    assert b"V/v" not in answer.body


PAYLOAD = f'<Ping xmlns="{TNS}"/>'


def envelope_forgeries(bus: RunningBus) -> dict[str, tuple[bytes, str]]:
    """Requests whose WS-Security proof does not hold."""
    own = bus.own["G09"]
    now = datetime.now(UTC)
    good = request(PAYLOAD, own=own)
    return {
        "unsigned": (request(PAYLOAD), "AUT-001"),
        "tampered": (good.replace(b"<Ping ", b"<Ping a='' ", 1), "SIG-002"),
        "old": (request(PAYLOAD, own=own, at=now - timedelta(hours=1)), "SIG-010"),
        "expired": (request(PAYLOAD, own=expired(bus)), "SIG-006"),
        "unknown": (request(PAYLOAD, own=stranger()), "SIG-005"),
    }


@pytest.mark.parametrize("kind", ["unsigned", "tampered", "old", "expired", "unknown"])
def test_a_forged_request_is_refused_and_recorded(bus: RunningBus, kind: str) -> None:
    """A call whose own proof does not hold is refused by cause before its operation, and recorded."""
    content, code = envelope_forgeries(bus)[kind]
    with kept(bus) as left:
        answer = post(bus, content)
    assert answer.fault["code"] == code
    left.only_refusal(code)


def test_a_wrong_token_is_refused_and_recorded(bus: RunningBus) -> None:
    """A wrong secret opens nothing; it is not repeated anywhere."""
    with kept(bus) as left:
        answer = post(bus, request(PAYLOAD), Authorization="Bearer G22:guess-47")
    assert answer.fault["code"] == "AUT-001"
    assert "guess-47" not in json.dumps([vars_of(left.only_refusal("AUT-001"))])
    assert b"guess-47" not in answer.body
    good = post(bus, request(PAYLOAD), Authorization=f"Bearer {':'.join(TOKEN)}")
    assert good.status == 200


def vars_of(event: object) -> dict[str, str]:
    """A record's fields as text."""
    return {name: str(getattr(event, name)) for name in event.__slots__}  # type: ignore[attr-defined]  # a record with slots


# Size


def test_a_body_over_the_limit_is_refused_before_it_is_read(bus: RunningBus) -> None:
    """The declared length alone is enough for a refusal that names the limit; recorded."""
    limit = bus.app.settings.limits.body_bytes
    assert bus.address is not None
    with kept(bus) as left, socket.create_connection(bus.address, timeout=30) as line:
        line.sendall(
            b"POST /services/exchange HTTP/1.1\r\nHost: bus\r\nContent-Type: text/xml\r\n"
            b"Content-Length: %d\r\n\r\n<a>" % (limit + 1)
        )
        told = b""
        while b"RCV-001" not in told and (piece := line.recv(65536)):
            told += piece
    assert b"RCV-001" in told
    assert str(limit).encode() in told
    left.only_refusal("RCV-001")


def test_warnings_do_not_refuse(bus: RunningBus) -> None:
    """Habits of the wild (BOM, cid: twice, odd prefix) pass with their warnings in the receipt."""
    content = document(bus)
    assert re.search(rb"<\w*:?Subject>", content)
    odd = b"\xef\xbb\xbf" + content
    receipt = bus.client("G09").send_package(odd).receipt
    assert "E01" in receipt.warnings
    checked = bus.client("G09").check(odd)
    assert [p.severity for p in checked.problems if p.rule == "E01"] == [Severity.WARN]
