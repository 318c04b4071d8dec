"""The client against the real SOAP edge over HTTP, with a stand-in exchange behind it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from lxml import etree

from bus import errors
from bus.client import ExchangeClient
from bus.clock import SystemClock
from bus.config import TrustSettings
from bus.envelope.receipt import receipt_xml
from bus.model import DeliveryState, Kind, Problem, Severity
from bus.trust import keys, pki, wssecurity
from bus.trust.keys import OwnKey
from bus.trust.signer import BusSigner
from tests.support.soap_edge import QCVN, Service

DOCUMENT = (
    f'<?xml version="1.0"?><!-- chú thích --><edXML xmlns="{QCVN}" a="1">\n'
    "<b>Đường\r\n&amp; cầu</b><c xmlns=''/><d:e xmlns:d='urn:d'/></edXML>"
).encode()
CANONICAL: bytes = etree.tostring(
    etree.fromstring(DOCUMENT), method="c14n", exclusive=True, with_comments=False
)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@dataclass
class Edge:
    """The service on a port, with everybody's keys."""

    service: Service
    url: str
    bus: OwnKey
    agency: OwnKey

    def client(self, **options: Any) -> ExchangeClient:
        """A client that signs and checks signatures."""
        usual = {"own": self.agency, "bus_fingerprint": self.bus.fingerprint, "timeout_s": 5.0}
        return ExchangeClient(self.url, **(usual | options))

    def promise(self, content: bytes = CANONICAL) -> None:
        """Let the next receipt be for some content."""
        digest = hashlib.sha256(content).hexdigest()
        receipt = replace(self.service.exchange.receipt, digest=digest)
        self.service.exchange.receipt = replace(receipt, xml=receipt_xml(receipt))


@pytest.fixture(scope="module")
def own_keys() -> tuple[OwnKey, OwnKey]:
    now = datetime.now(UTC)
    authority = pki.create_authority("Thử nghiệm", now)
    return pki.issue_own(authority, "bus", now), pki.issue_own(authority, "H53", now)


@pytest.fixture
def serve(own_keys: tuple[OwnKey, OwnKey]) -> Iterator[Callable[..., Edge]]:
    servers = []

    def start(*, signed: bool = True) -> Edge:
        bus, agency = own_keys
        seal = BusSigner(bus, SystemClock()).seal if signed else None
        service = Service(seal=seal)
        server = make_server("127.0.0.1", 0, service.application, handler_class=_Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append((server, thread))
        url = f"http://127.0.0.1:{server.server_port}/services/exchange"
        return Edge(service=service, url=url, bus=bus, agency=agency)

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def edge(serve: Callable[..., Edge]) -> Edge:
    return serve()


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_every_operation_is_understood_in_both_versions(edge: Edge, soap: str) -> None:
    """Each call reaches its operation with its arguments, and its answer is read whole."""
    client = edge.client(soap=soap)
    edge.promise()
    assert client.send_document(DOCUMENT).receipt.message_id == "m-1"
    assert client.send_status(DOCUMENT).receipt.topic == "edoc.new.cong-van"
    assert client.send_package(b"\x00\xff", "qcvn102_dotnet").duplicate
    assert [one.rule for one in client.check(b"x").problems] == ["E05"]
    listing = client.list_pending(agency="G22", kind=Kind.DOCUMENT, offset=3, limit=7)
    assert ([one.message_id for one in listing.items], listing.more) == (["m-1", "m-2"], True)
    assert client.get_message("m-1", canonical=True).content == edge.service.exchange.content
    assert client.acknowledge("m-1", done=False, reason="sai").state is DeliveryState.DEAD
    assert client.get_trace("m-1").deliveries[0].recipient == "G22"
    assert client.find_agencies("Bộ", since_version=4).items[0].code == "G22"
    assert client.ping("G22").action == "deliver"
    asked = [(name, *rest) for name, _call, *rest in edge.service.exchange.asked]
    assert asked == [
        ("send_document", CANONICAL),
        ("send_status", CANONICAL),
        ("send_package", b"\x00\xff", "qcvn102_dotnet"),
        ("check_document", b"x"),
        ("list_pending", "G22", Kind.DOCUMENT, 3, 7),
        ("get_message", None, "m-1", True),
        ("acknowledge", None, "m-1", False, "sai"),
        ("get_trace", "m-1", None, None),
        ("find_agencies", "Bộ", 4, 0, 100),
        ("ping", "G22"),
    ]


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_the_request_is_signed_over_its_body(edge: Edge, soap: str) -> None:
    """What arrives carries a WS-Security signature of the agency's key that covers the Body."""
    edge.promise()
    edge.client(soap=soap).send_document(DOCUMENT)
    envelope = edge.service.authenticated[0]["envelope"]
    now = datetime.now(UTC)
    resolve = keys.pinned(edge.agency.certificate_der, "H53", now)
    verdict = wssecurity.verify_envelope(envelope, resolve, now, TrustSettings())
    assert verdict is not None
    assert (verdict.intact, verdict.signer, verdict.cause) == (True, "H53", None)


def test_a_token_travels_as_bearer(edge: Edge) -> None:
    """Without a key the pair of code and secret is what authenticates."""
    edge.client(own=None, token=("H53", "bí mật")).ping()
    assert edge.service.authenticated[0]["token"] == ("H53", "bí mật")


def test_the_receipt_is_the_same_bytes_on_every_repeat(edge: Edge) -> None:
    """A repeat gives the same signed element, whatever envelope it came in."""
    edge.promise()
    first = edge.client(soap="1.1").send_document(DOCUMENT).receipt_xml
    assert edge.client(soap="1.2").send_document(DOCUMENT).receipt_xml == first


def test_a_receipt_for_other_content_is_not_believed(edge: Edge) -> None:
    """A receipt whose digest is not that of what was sent is no promise for it."""
    edge.promise(b"<other/>")
    with pytest.raises(errors.PeerUnavailable, match="other content"):
        edge.client().send_document(DOCUMENT)


def test_processing_instructions_do_not_disturb_the_receipt(edge: Edge) -> None:
    """The bus reads documents without them, and its digest is recognised nevertheless."""
    edge.promise()
    with_instruction = DOCUMENT.replace(b"<b>", b"<?style x?><b>")
    assert edge.client().send_document(with_instruction).receipt.message_id == "m-1"


def test_replies_nobody_signed_are_not_believed(serve: Callable[..., Edge]) -> None:
    """With the bus's fingerprint known, an unsigned success counts as no answer at all."""
    edge = serve(signed=False)
    with pytest.raises(errors.PeerUnavailable) as caught:
        edge.client().ping()
    assert caught.value.code == "SIG-001"
    assert edge.client(bus_fingerprint=None).ping().agency == "H53"


def test_replies_of_another_key_are_not_believed(edge: Edge) -> None:
    """A reply signed by anybody but the bus counts as no answer."""
    with pytest.raises(errors.PeerUnavailable) as caught:
        edge.client(bus_fingerprint=edge.agency.fingerprint).ping()
    assert caught.value.code == "SIG-005"


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_a_refusal_comes_back_as_the_error_it_was(edge: Edge, soap: str) -> None:
    """Class, code, words, place, problems and correlation id survive the wire in both versions."""
    problem = Problem(
        rule="E05",
        severity=Severity.REJECT,
        path="/edXML/From",
        line=7,
        value="x",
        message="wrong",
        message_vi="sai mã",
    )
    edge.service.exchange.error = errors.SchemaRejected(
        "1 problem", path="/edXML", line=2, column=3, problems=(problem,), correlation_id="c-77"
    )
    with pytest.raises(errors.SchemaRejected) as caught:
        edge.client(soap=soap).send_document(DOCUMENT)
    error = caught.value
    assert (error.code, error.detail, error.path) == ("DOC-001", "1 problem", "/edXML")
    assert (error.line, error.column, error.correlation_id) == (2, 3, "c-77")
    assert error.problems == (problem,)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (errors.StoreUnavailable(), errors.StoreUnavailable),
        (errors.ServiceBusy(retry_after_s=9), errors.ServiceBusy),
        (errors.PeerBusy(retry_after_s=9), errors.Postponed),
        (errors.NotAuthorised(code="AUT-004"), errors.NotAuthorised),
        (errors.Conflict(), errors.Conflict),
        (errors.NotFound("m-9"), errors.NotFound),
        (errors.LimitExceeded(), errors.LimitExceeded),
        (errors.DeliveryRefused(), errors.Rejected),
        (errors.Defect("inner workings"), errors.BusError),
    ],
)
def test_what_to_do_survives_the_wire(
    edge: Edge, raised: errors.BusError, kind: type[errors.BusError]
) -> None:
    """Postponed stays Postponed and Rejected stays Rejected, with the same code."""
    edge.service.exchange.error = raised
    with pytest.raises(kind) as caught:
        edge.client().ping()
    assert caught.value.code == raised.code
    assert isinstance(caught.value, errors.Postponed) == raised.retryable
    assert "inner workings" not in caught.value.message


def test_a_document_that_is_no_xml_is_not_sent(edge: Edge) -> None:
    """What cannot be read or carries a DOCTYPE is refused before the bus sees it."""
    for broken in (b"<edXML>", b"", b"<!DOCTYPE a []><a/>"):
        with pytest.raises(errors.NotWellFormed):
            edge.client().send_document(broken)
    assert edge.service.exchange.asked == []


def test_a_bus_that_is_away_is_a_reason_to_try_again(edge: Edge) -> None:
    """No listener and a broken answer are both PeerUnavailable."""
    port = int(edge.url.split(":")[2].split("/")[0])
    with pytest.raises(errors.PeerUnavailable):
        ExchangeClient(edge.url.replace(f":{port}", ":9"), timeout_s=1.0).ping()


def test_content_that_does_not_match_its_digest_is_refused(edge: Edge) -> None:
    """A message whose bytes changed on the way is never handed to the caller."""
    real = edge.service.exchange.get_message

    def changed(*args: Any, **kwargs: Any) -> Any:
        return replace(real(*args, **kwargs), sha256="00" * 32)

    edge.service.exchange.get_message = changed  # type: ignore[method-assign]  # the stand-in misbehaves
    with pytest.raises(errors.PeerUnavailable, match="sha256"):
        edge.client().get_message("m-1")


def test_one_client_serves_many_threads(edge: Edge) -> None:
    """Calls at the same time do not mix up their answers."""
    edge.promise()
    client = edge.client()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                assert client.send_document(DOCUMENT).receipt.message_id == "m-1"
                assert client.ping("G22").recipient == "G22"
        except (errors.BusError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
