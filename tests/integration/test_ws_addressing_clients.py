"""WS-Addressing with a client that knows nothing but the WSDL, against a whole bus."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import zeep
from lxml import etree
from support.outside import Answer, post, request
from support.running_bus import TOKEN, RunningBus, running_bus
from support.soap_edge import SOAP11, SOAP12, TNS
from zeep.exceptions import Fault
from zeep.plugins import HistoryPlugin
from zeep.wsa import WsAddressingPlugin

from bus.clock import SystemClock
from bus.config import TrustSettings
from bus.trust import keys, wssecurity

WSA = "http://www.w3.org/2005/08/addressing"
PORTS = pytest.mark.parametrize("port", ["ExchangeSoap11", "ExchangeSoap12"])
VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
PING = f'<Ping xmlns="{TNS}"/>'


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A whole bus on loopback."""
    with running_bus(tmp_path_factory.mktemp("bus")) as running:
        yield running


class Client:
    """A generated client that adds addressing headers and keeps what went by."""

    def __init__(self, bus: RunningBus, port: str, to: str | None = None) -> None:
        self.history = HistoryPlugin()
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {':'.join(TOKEN)}"
        self.zeep = zeep.Client(
            f"{bus.url}?wsdl",
            transport=zeep.Transport(session=session),
            plugins=[WsAddressingPlugin(to), self.history],
        )
        self.port: Any = self.zeep.bind("ExchangeService", port)

    def headers(self, which: str) -> dict[str, str]:
        """Addressing headers of the last message, `sent` or `received`."""
        envelope = getattr(self.history, f"last_{which}")["envelope"]
        found = envelope.findall(f"{{*}}Header/{{{WSA}}}*")
        return {etree.QName(one).localname: one.text for one in found}


@PORTS
def test_a_generated_client_is_answered_in_kind(bus: RunningBus, port: str) -> None:
    """The reply relates to the identifier that the client made up, and is typed as ever."""
    client = Client(bus, port)
    assert client.port.Ping().agency == "G22"
    assert client.headers("received")["RelatesTo"] == client.headers("sent")["MessageID"]
    assert client.headers("received")["Action"] == f"{TNS}:Exchange:PingResponse"


@PORTS
def test_a_fault_is_related_and_stays_typed(bus: RunningBus, port: str) -> None:
    """A declared fault carries the headers of a reply and the detail of the WSDL."""
    client = Client(bus, port)
    with pytest.raises(Fault) as caught:
        client.port.GetMessage(messageId="nobody-sent-this")
    told = client.zeep.get_element(f"{{{TNS}}}ExchangeFault").parse(
        caught.value.detail[0], client.zeep.wsdl.types
    )
    assert told.code
    assert told.retryable is False


@PORTS
def test_a_refused_address_is_a_typed_fault_too(bus: RunningBus, port: str) -> None:
    """What WS-Addressing calls DestinationUnreachable still has our detail first."""
    client = Client(bus, port, to="http://bus.example/services/other")
    with pytest.raises(Fault) as caught:
        client.port.Ping()
    told = client.zeep.get_element(f"{{{TNS}}}ExchangeFault").parse(
        caught.value.detail[0], client.zeep.wsdl.types
    )
    assert (told.code, told.path) == ("WSA-009", "/Envelope/Header/To")


def addressed(bus: RunningBus, blocks: str, soap: str, payload: str = PING) -> Answer:
    """The answer to a signed call with header blocks of our own, added after signing."""
    signed = request(payload, own=bus.own["G09"], soap=soap)
    assert b"Header>" in signed
    name = signed.split(b"Header>", 1)[0].rpartition(b"<")[2] + b"Header>"
    body = signed.replace(b"<" + name, b"<" + name + blocks.encode(), 1)
    return post(bus, body, soap)


def blocks(**changed: str) -> str:
    """Header blocks of a good Ping, with changes; an empty one is left out."""
    usual = {"Action": f"{TNS}/Ping", "MessageID": "urn:uuid:7"} | changed
    return "".join(f'<a:{n} xmlns:a="{WSA}">{text}</a:{n}>' for n, text in usual.items() if text)


@VERSIONS
def test_a_signed_answer_keeps_its_proof(bus: RunningBus, soap: str) -> None:
    """The signature over Body and Timestamp holds with addressing headers beside it."""
    own = bus.app.signer._own
    now = SystemClock().now()
    answer = addressed(bus, blocks(), soap)
    assert answer.status == 200
    assert answer.root.findtext(f".//{{{WSA}}}RelatesTo") == "urn:uuid:7"
    verdict = wssecurity.verify_envelope(
        answer.root, keys.pinned(own.certificate_der, "bus", now), now, TrustSettings()
    )
    assert verdict is not None
    assert verdict.cause is None


@VERSIONS
def test_a_receipt_is_kept_although_nobody_wants_it(bus: RunningBus, soap: str) -> None:
    """With ReplyTo none the message is stored all the same: a repeat gets the first receipt."""
    document = bus.signed(bus.letter("G09", "H57", number=77 if soap == SOAP11 else 78))
    none = f"<a:Address>{WSA}/none</a:Address>"
    text = etree.tostring(etree.fromstring(document), encoding="unicode")
    payload = f'<t:SendDocument xmlns:t="{TNS}">{text}</t:SendDocument>'
    action = f"{TNS}/SendDocument"
    silent = addressed(bus, blocks(ReplyTo=none, Action=action), soap, payload)
    assert (silent.status, silent.body) == (202, b"")
    assert bus.client("G09").send_document(document).duplicate


@VERSIONS
def test_nobody_is_connected_to(bus: RunningBus, soap: str) -> None:
    """A ReplyTo with an address gets a fault on its own connection, and nobody calls there."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        place = f"http://127.0.0.1:{trap.getsockname()[1]}/inbox"
        answer = addressed(bus, blocks(ReplyTo=f"<a:Address>{place}</a:Address>"), soap)
        assert answer.fault["code"] == "WSA-008"
        with pytest.raises(TimeoutError):
            trap.accept()
