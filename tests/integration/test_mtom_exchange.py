"""MTOM both ways over HTTP: a real client that speaks it, and signed replies taken apart by others."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
import requests
import xmlsec
import zeep
from lxml import etree
from pymtom_xop import MtomAttachment, MtomTransport
from support import multipart
from support.outside import numbered, until
from support.running_bus import NATION, RunningBus, agency, running_bus
from support.soap_edge import SOAP11, SOAP12, SOAP_XML, TEXT_XML, TNS, envelope

from bus.model import DeliveryState

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
PORTS = pytest.mark.parametrize("port", ["ExchangeSoap11", "ExchangeSoap12"])
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
#: A mailbox that proves itself with the token of G22.
READER = "T01"


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A whole bus with one agency that writes and one that reads."""
    agencies = (*NATION, agency(READER, policy=NATION[-1].policy))
    with running_bus(tmp_path_factory.mktemp("bus"), agencies=agencies) as running:
        yield running


def fresh_package(bus: RunningBus, size: int = 0) -> bytes:
    """The bytes of a new letter of G22, with a comment of some size in it."""
    letter = numbered(bus.letter("G22", READER), uuid.uuid4().int % 10**6)
    written: bytes = bus.app.parts.dialects.get("qcvn102_java").write(letter).content
    return written + (b"<!--" + b"-x" * (size // 2) + b"-->" if size else b"")


def wait_for_copy(bus: RunningBus, message_id: str) -> None:
    """Until the reader's copy waits in the mailbox."""
    store = bus.app.database.store

    def waiting() -> bool:
        copy = store.delivery(message_id, READER)
        return copy is not None and copy.state is DeliveryState.AVAILABLE

    until(waiting)


def session(who: str) -> requests.Session:
    made = requests.Session()
    made.auth = (who, "key")
    return made


def generated(bus: RunningBus, who: str, port: str) -> tuple[Any, MtomTransport]:
    """A zeep client whose transport sends files as parts."""
    transport = MtomTransport(session=session(who))
    return zeep.Client(f"{bus.url}?wsdl", transport=transport).bind(
        "ExchangeService", port
    ), transport


@PORTS
def test_a_client_with_mtom_sends_fetches_and_reads_faults(bus: RunningBus, port: str) -> None:
    """A megabyte arrives byte for byte and comes back so; a fault is typed and no multipart."""
    package = fresh_package(bus, size=1 << 20)
    sender, outbox = generated(bus, "G22", port)
    part = MtomAttachment(io.BytesIO(package), "letter.edxml")
    outbox.add_files([part])
    sent = sender.SendPackage(content=part.get_cid())
    wait_for_copy(bus, sent.Receipt.messageId)
    reader, _ = generated(bus, READER, port)
    fetched = reader.GetMessage(messageId=sent.Receipt.messageId)
    assert hashlib.sha256(package).hexdigest() == fetched.originalSha256
    assert hashlib.sha256(fetched.content).hexdigest() == fetched.sha256
    assert fetched.content == package
    with pytest.raises(zeep.exceptions.Fault) as caught:
        reader.GetMessage(messageId="nothing")
    assert caught.value.detail.findtext(f".//{{{TNS}}}code") == "STO-003"


def ask(bus: RunningBus, payload: str, soap: str, way: str) -> requests.Response:
    """Ask as the reader, by MTOM or plainly with a wish for it."""
    plain = envelope(payload, soap=soap)
    media = TEXT_XML if soap == SOAP11 else SOAP_XML
    content_type, body = multipart.optimised(plain) if way == "mtom" else (media, plain)
    wish = {"Accept": "application/xop+xml"} if way == "accept" else {}
    headers = {"Content-Type": content_type, **wish}
    return session(READER).post(bus.url, data=body, headers=headers, timeout=60)


def put_together(answer: requests.Response) -> etree._Element:
    """A multipart answer in its inline form, by readers that are not ours."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    whole = message_from_bytes(head + answer.content, policy=policy.HTTP)
    parts = {part["Content-ID"]: part.get_payload(decode=True) for part in whole.iter_parts()}
    root = etree.fromstring(parts.pop(whole["Content-Type"].params["start"]))
    for include in list(root.iter(INCLUDE)):
        place = include.getparent()
        place.remove(include)
        cid = str(include.get("href")).removeprefix("cid:")
        place.text = base64.b64encode(parts.pop(f"<{cid}>")).decode()
    assert not parts
    return root


def prove(bus: RunningBus, root: etree._Element) -> None:
    """Check the bus's signature over Body and Timestamp by an implementation that is not ours."""
    context = xmlsec.SignatureContext()
    for element in (root.find("{*}Body"), root.find(f".//{{{WSU}}}Timestamp")):
        context.register_id(element, id_attr="Id", id_ns=WSU)
    certificate = (bus.folder / "bus.pem").read_bytes()
    context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
    context.verify(xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature))


@VERSIONS
@pytest.mark.parametrize("way", ["mtom", "accept"])
def test_a_signed_reply_stays_verifiable(bus: RunningBus, way: str, soap: str) -> None:
    """The signature of an optimised reply holds over its inline form, and only over that."""
    package = fresh_package(bus)
    content = base64.b64encode(package).decode()
    sending = envelope(f'<SendPackage xmlns="{TNS}"><content>{content}</content></SendPackage>')
    sent = session("G22").post(
        bus.url, data=sending, headers={"Content-Type": TEXT_XML}, timeout=60
    )
    message_id = etree.fromstring(sent.content).findtext(f".//{{{TNS}}}messageId")
    wait_for_copy(bus, str(message_id))
    payload = f'<GetMessage xmlns="{TNS}"><messageId>{message_id}</messageId></GetMessage>'
    answer = ask(bus, payload, soap, way)
    assert answer.headers["Content-Type"].startswith("multipart/related")
    root = put_together(answer)
    prove(bus, root)
    place = next(root.iter(f"{{{TNS}}}content"))
    assert base64.b64decode(place.text or "") == package
    place.text = base64.b64encode(package + b" ").decode()
    with pytest.raises(xmlsec.VerificationError):
        prove(bus, root)


@VERSIONS
@pytest.mark.parametrize("way", ["mtom", "accept"])
def test_a_fault_is_a_plain_signed_envelope(bus: RunningBus, way: str, soap: str) -> None:
    """Stacks that asked by MTOM read faults as plain SOAP."""
    payload = f'<GetMessage xmlns="{TNS}"><messageId>nothing</messageId></GetMessage>'
    answer = ask(bus, payload, soap, way)
    media = TEXT_XML if soap == SOAP11 else SOAP_XML
    assert answer.headers["Content-Type"] == media
    root = etree.fromstring(answer.content)
    assert root.findtext(f".//{{{TNS}}}code") == "STO-003"
    prove(bus, root)
