"""The exchange service over HTTP, called by a client that knows nothing but its WSDL."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
import xmlsec
import zeep
from lxml import etree
from support.soap_edge import QCVN, SOAP11, SOAP12, SOAP_XML, TEXT_XML, TNS, Service, envelope
from zeep.exceptions import Fault

from bus import errors
from bus.clock import SystemClock
from bus.config import LimitSettings, ServerSettings, TrustSettings
from bus.envelope.receipt import receipt_xml
from bus.model import Problem, Severity
from bus.trust import keys, pki, wssecurity
from bus.trust.signer import BusSigner
from bus.web.composition import compose
from bus.web.health import HealthReport
from bus.web.intake import Intake
from bus.web.metrics import Metrics
from bus.web.server import WebServer

CLOCK = SystemClock()
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12])
PORTS = pytest.mark.parametrize("port", ["ExchangeSoap11", "ExchangeSoap12"])


@dataclass
class Running:
    """A served exchange, its key and its address."""

    service: Service
    own: keys.OwnKey
    url: str

    def client(self, port: str) -> Any:
        """A fresh client of one port, generated from the served WSDL."""
        client = zeep.Client(f"{self.url}?wsdl")
        return client.bind("ExchangeService", port)


@pytest.fixture(scope="module")
def _running() -> Iterator[Running]:
    now = CLOCK.now()
    own = pki.issue_own(pki.create_authority("CA", now), "bus", now)
    service = Service(seal=BusSigner(own, CLOCK).seal)
    wsgi = compose(
        {"/services/exchange": service.application},
        health=lambda: HealthReport(facts=()),
        metrics=Metrics(),
    )
    settings = ServerSettings(port=0)
    server = WebServer(Intake(wsgi, settings, LimitSettings()), settings)
    host, port = server.start()
    yield Running(service, own, f"http://{host}:{port}/services/exchange")
    server.stop()


@pytest.fixture
def running(_running: Running) -> Running:
    _running.service.exchange.asked.clear()
    _running.service.exchange.error = None
    return _running


@PORTS
def test_a_generated_client_can_call_every_operation(running: Running, port: str) -> None:
    """Every operation works through the generated client of either port."""
    client = running.client(port)
    sent = client.SendPackage(content=b"\x00\xff", dialect="qcvn102_java")
    assert (sent.Receipt.messageId, sent.duplicate) == ("m-1", True)
    assert sent.Receipt.Recipient[0].state == "pending"
    checked = client.CheckDocument(content=b"<edXML/>")
    assert (checked.acceptable, checked.Problem[0].rule) == (False, "E05")
    pending = client.ListPending(agency="H53", limit=2)
    assert [p.messageId for p in pending.Pending] == ["m-1", "m-2"]
    assert pending.Pending[0].subject == "Về việc kiểm tra"
    fetched = client.GetMessage(messageId="m-1", form="canonical")
    assert hashlib.sha256(fetched.content).hexdigest() == fetched.sha256
    assert client.Acknowledge(messageId="m-1", outcome="fail", reason="sai").state == "dead"
    assert client.GetTrace(sender="H53", documentId="d").Status[0].code == "03"
    assert client.FindAgencies(text="Bộ").Agency[0].Identifier[1].code == "000.00.00.G22"
    assert client.Ping(recipient="G22").action == "deliver"
    asked = [a[0] for a in running.service.exchange.asked]
    assert len(asked) == len(set(asked)) == 8


@PORTS
def test_a_document_is_built_from_generated_types(running: Running, port: str) -> None:
    """The header is typed in the WSDL, and what the client builds arrives as canonical XML."""
    organization = {"OrganId": "H53", "OrganName": "Bộ Thông tin & Truyền thông"}
    document = {
        "edXMLEnvelope": {
            "edXMLHeader": {
                "MessageHeader": {
                    "From": organization,
                    "To": [organization],
                    "DocumentId": "H53,2026/11/22,1/UBND",
                    "Code": {"CodeNumber": "1", "CodeNotation": "UBND"},
                    "PromulgationInfo": {"Place": "Tây Ninh", "PromulgationDate": "2026/11/22"},
                    "Subject": "Về việc kiểm tra",
                }
            }
        }
    }
    answer = running.client(port).SendDocument(edXML=document)
    assert answer.Receipt.topic == "edoc.new.cong-van"
    (asked,) = running.service.exchange.asked
    arrived = etree.fromstring(asked[2])
    assert arrived.tag == f"{{{QCVN}}}edXML"
    assert arrived.findtext(f".//{{{QCVN}}}From/{{{QCVN}}}OrganName") == organization["OrganName"]
    canonical = etree.tostring(arrived, method="c14n", exclusive=True, with_comments=False)
    assert asked[2] == canonical


@PORTS
def test_a_generated_client_gets_a_typed_fault(running: Running, port: str) -> None:
    """The fault's detail is the type that the WSDL declares, with every problem in it."""
    problem = Problem(rule="E07", severity=Severity.REJECT, path="/edXML/To[2]", line=9)
    running.service.exchange.error = errors.SchemaRejected(problems=[problem])
    client = zeep.Client(f"{running.url}?wsdl")
    with pytest.raises(Fault) as caught:
        client.bind("ExchangeService", port).Ping()
    (detail,) = caught.value.detail
    told = client.get_element(f"{{{TNS}}}ExchangeFault").parse(detail, client.wsdl.types)
    assert (told.code, told.retryable) == ("DOC-001", False)
    assert (told.Problem[0].path, told.Problem[0].line) == ("/edXML/To[2]", 9)
    assert told.messageVi.startswith("Văn bản vi phạm")


def send(running: Running, payload: str | bytes, soap: str) -> requests.Response:
    text = payload.decode() if isinstance(payload, bytes) else payload
    return requests.post(
        running.url,
        data=envelope(text, soap=soap),
        headers={"Content-Type": TEXT_XML if soap == SOAP11 else SOAP_XML},
        timeout=30,
    )


def prove(running: Running, signed: etree._Element, ids: tuple[etree._Element, ...]) -> None:
    """Check the first signature by an implementation that is not ours."""
    context = xmlsec.SignatureContext()
    for element in ids:
        context.register_id(element, id_attr="Id", id_ns=WSU)
    pem = ssl.DER_cert_to_PEM_cert(running.own.certificate_der)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
    context.verify(xmlsec.tree.find_node(signed, xmlsec.constants.NodeSignature))


def proven_body(running: Running, reply: bytes) -> etree._Element:
    """The Body of a reply, proven to be what was signed."""
    root = etree.fromstring(reply)
    body, timestamp = root.find("{*}Body"), root.find(f".//{{{WSU}}}Timestamp")
    prove(running, root, (body, timestamp))
    header = root.find("{*}Header")
    assert f"#{body.get(f'{{{WSU}}}Id')}" in {e.get("URI") for e in header.iter("{*}Reference")}
    return body


@VERSIONS
@pytest.mark.parametrize("payload", [f'<Ping xmlns="{TNS}"/>', "<Nothing/>"])
def test_replies_and_faults_are_signed(running: Running, soap: str, payload: str) -> None:
    """An independent implementation accepts the signature of replies and of faults."""
    reply = send(running, payload, soap)
    assert proven_body(running, reply.content)[0] is not None
    verdict = wssecurity.verify_envelope(
        etree.fromstring(reply.content),
        keys.pinned(running.own.certificate_der, "bus", CLOCK.now()),
        CLOCK.now(),
        TrustSettings(),
    )
    assert verdict is not None
    assert verdict.cause is None
    assert b"mustUnderstand" not in reply.content


@VERSIONS
def test_a_signed_receipt_survives_inside_a_signed_reply(
    running: Running, soap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receipt bytes are the stored ones, and both signatures hold over them."""
    exchange = running.service.exchange
    signed = BusSigner(running.own, CLOCK).sign_element(receipt_xml(exchange.receipt))
    monkeypatch.setattr(exchange, "receipt", replace(exchange.receipt, xml=signed))
    payload = f'<SendPackage xmlns="{TNS}"><content>QUJD</content></SendPackage>'
    reply = send(running, payload, soap)
    assert signed[signed.index(b"<Receipt") :] in reply.content
    assert proven_body(running, reply.content).find(f".//{{{TNS}}}Receipt") is not None


@VERSIONS
def test_a_document_signature_survives_the_envelope(running: Running, soap: str) -> None:
    """A document signed by itself still verifies after its way through a SOAP Body."""
    plain = (
        f'<edXML xmlns="{QCVN}"><e:edXMLEnvelope xmlns:e="{QCVN}"><e:edXMLHeader>'
        "<e:MessageHeader>Ký</e:MessageHeader></e:edXMLHeader></e:edXMLEnvelope></edXML>"
    )
    signed = BusSigner(running.own, CLOCK).sign_document(plain.encode())
    document = etree.tostring(etree.fromstring(signed), encoding="unicode")
    reply = send(running, f'<a:SendDocument xmlns:a="{TNS}">{document}</a:SendDocument>', soap)
    assert reply.status_code == 200
    arrived = etree.fromstring(running.service.exchange.asked[0][2])
    prove(running, arrived, ())
