"""What goes wrong around the envelope, over real sockets: the right fault, soon, and cheaply.

Every test ends with a good call on another connection, because that is what must not suffer.
"""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from support.outside import kept, post
from support.running_bus import RunningBus, running_bus
from support.soap_edge import PING, SOAP11, SOAP12, TNS, envelope
from support.wire import MOST_MEMORY, answered, connected, costing, head, ping, read
from support.wsi_messages import MEDIA

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
BODY_BYTES = 4 * 1024 * 1024
HEAD_S, BODY_S = 0.6, 1.0
#: Longer than any of these tests may take to get its answer, seconds.
SOON = 10.0


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A whole bus with short deadlines and a small limit."""
    with running_bus(
        tmp_path_factory.mktemp("bus"),
        server={"port": 0, "head_deadline_s": HEAD_S, "body_deadline_s": BODY_S},
        limits={"body_bytes": BODY_BYTES},
    ) as running:
        ping(running)
        yield running


def sender(soap: str) -> tuple[int, str]:
    """Status and fault code of a client's own mistake."""
    return (500, "soap:Client") if soap == SOAP11 else (400, "soap:Sender")


@VERSIONS
@pytest.mark.parametrize("action", ['"urn:other/Ping"', f'"{TNS}/SendDocument"', "Pong"])
def test_a_wrong_soap_action_is_refused(bus: RunningBus, soap: str, action: str) -> None:
    """The action of another operation, in the header of 1.1 or the media type of 1.2."""
    told = {"SOAPAction": action}
    if soap == SOAP12:
        told = {"Content-Type": f"{MEDIA[soap]}; charset=utf-8; action={action}"}
    with kept(bus) as left:
        answer = post(bus, envelope(PING, soap=soap), soap, **told)
    assert (answer.status, answer.fault_code) == sender(soap)
    assert answer.fault["code"] == "SVC-012"
    left.only_refusal("SVC-012")
    ping(bus)


@VERSIONS
@pytest.mark.parametrize(
    "media", ["application/json", "application/xml", "text/plain", "x", "text/xml-not", ";", "é"]
)
def test_a_wrong_content_type_is_answered_in_the_version_of_the_envelope(
    bus: RunningBus, soap: str, media: str
) -> None:
    """415, with a fault in the version that the client wrote its envelope in."""
    body = envelope(PING, soap=soap)
    front = head(len(body), soap=soap, Content_Type=media)
    with kept(bus) as left, connected(bus, front + body) as line:
        answer = answered(read(line), soap=soap)
    assert answer.status == 415
    assert answer.root.tag == f"{{{soap}}}Envelope"
    assert (answer.fault_code, answer.fault["code"]) == (sender(soap)[1], "SVC-008")
    left.only_refusal("SVC-008")
    ping(bus)


def test_no_content_type_at_all_is_a_wrong_one(bus: RunningBus) -> None:
    """Without the header there is a fault that names the two media types."""
    body = envelope(PING)
    with connected(bus, head(len(body), Content_Type="") + body) as line:
        answer = answered(read(line))
    assert (answer.status, answer.fault["code"]) == (415, "SVC-008")
    assert "application/soap+xml" in answer.fault["hint"]


@VERSIONS
def test_an_envelope_at_the_port_of_the_other_version_is_a_mismatch(
    bus: RunningBus, soap: str
) -> None:
    """The fault is of the version of the port, and 1.2 says which versions there are."""
    other = SOAP11 if soap == SOAP12 else SOAP12
    with kept(bus) as left:
        answer = post(bus, envelope(PING, soap=other), soap)
    assert (answer.status, answer.fault_code) == (500, "soap:VersionMismatch")
    assert answer.root.tag == f"{{{soap}}}Envelope"
    offered = answer.root.findall(f"{{*}}Header/{{{SOAP12}}}Upgrade/{{{SOAP12}}}SupportedEnvelope")
    assert len(offered) == (2 if soap == SOAP12 else 0)
    left.only_refusal("SVC-002")
    ping(bus)


@VERSIONS
def test_a_block_that_must_be_understood_is_named(bus: RunningBus, soap: str) -> None:
    """MustUnderstand, with the name of every strange block where the version has a place for it."""
    blocks = "".join(
        f'<h:{name} xmlns:h="urn:hop" s:mustUnderstand="1"/>' for name in ("Route", "Deadline")
    )
    with kept(bus) as left:
        answer = post(bus, envelope(PING, soap=soap, header=blocks), soap)
    assert (answer.status, answer.fault_code) == (500, "soap:MustUnderstand")
    assert "{urn:hop}Route, {urn:hop}Deadline" in answer.fault["message"]
    named = answer.root.findall(f"{{*}}Header/{{{SOAP12}}}NotUnderstood")
    told = [
        (one.get("qname").split(":")[1], one.nsmap[one.get("qname").split(":")[0]]) for one in named
    ]
    wanted = [("Route", "urn:hop"), ("Deadline", "urn:hop")]
    assert told == (wanted if soap == SOAP12 else [])
    left.only_refusal("SVC-003")
    ping(bus)


def bomb(unpacked: int) -> bytes:
    """A gzip stream of blanks, made of one block over and over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * (1 << 20)
    first, again = (packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * ((unpacked >> 20) - 1)


@VERSIONS
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "gzip, gzip", "x-gzip"])
def test_a_packed_body_is_refused_and_never_unpacked(
    bus: RunningBus, soap: str, coding: str
) -> None:
    """Two gigabytes in two megabytes cost nothing; the refusal says how to send instead."""
    packed = bomb(2 << 30) if coding == "gzip" else gzip.compress(envelope(PING, soap=soap))
    with (
        costing() as cost,
        connected(bus, head(len(packed), soap=soap, Content_Encoding=coding)) as line,
    ):
        line.sendall(packed)
        answer = answered(read(line), soap=soap)
    assert (answer.status, answer.fault_code) == (415, sender(soap)[1])
    assert answer.fault["code"] == "SVC-010"
    assert answer.headers["accept-encoding"] == "identity"
    assert cost.memory < MOST_MEMORY
    assert cost.seconds < SOON
    ping(bus)


@VERSIONS
def test_chunks_without_end_are_cut_at_the_limit(bus: RunningBus, soap: str) -> None:
    """A chunked body that never ends gets its fault when it passes the limit, while it sends."""
    front = head(soap=soap, Transfer_Encoding="chunked")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    over = threading.Event()
    with costing() as cost, kept(bus) as left, connected(bus, front) as line:

        def pour() -> None:
            try:
                while not over.is_set():
                    line.sendall(chunk)
            except OSError:
                pass

        source = threading.Thread(target=pour)
        source.start()
        answer = answered(read(line), soap=soap)
        over.set()
        assert ping(bus) < SOON
        source.join(SOON)
    assert (answer.status, answer.fault_code) == sender(soap)
    assert answer.fault["code"] == "RCV-001"
    assert str(BODY_BYTES) in answer.fault["message"]
    assert cost.memory < MOST_MEMORY
    assert cost.seconds < SOON
    left.only_refusal("RCV-001")


@VERSIONS
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_that_stops_is_told_so(bus: RunningBus, soap: str, framing: str) -> None:
    """A body that never comes to its end gets a fault that may be retried, at the deadline."""
    front = head(100, soap=soap) + b"<a>"
    if framing == "chunks":
        front = head(soap=soap, Transfer_Encoding="chunked") + b"3\r\n<a>\r\n"
    with costing() as cost, connected(bus, front) as line:
        assert ping(bus) < SOON
        answer = answered(read(line), soap=soap)
    code = "soap:Server" if soap == SOAP11 else "soap:Receiver"
    assert (answer.status, answer.fault_code) == (500, code)
    assert (answer.fault["code"], answer.fault["retryable"]) == ("RCV-004", "true")
    assert BODY_S <= cost.seconds < SOON


@VERSIONS
def test_a_hundred_slow_bodies_harm_nobody(bus: RunningBus, soap: str) -> None:
    """While a hundred clients drip a byte now and then, others are served; each slow one is told."""
    with ExitStack() as stack:
        slow = [
            stack.enter_context(connected(bus, head(1000, soap=soap) + b"<")) for _ in range(100)
        ]
        started = time.monotonic()
        while time.monotonic() - started < BODY_S * 0.8:
            for line in slow:
                line.sendall(b"a")
            assert ping(bus) < SOON / 2
        told = [answered(read(line), soap=soap) for line in slow]
        assert {one.fault["code"] for one in told} == {"RCV-004"}
        assert time.monotonic() - started < BODY_S + SOON
    ping(bus)


@pytest.mark.parametrize("drip", [b"", b"a", b"X-A: 1\r\n"], ids=["silent", "bytes", "lines"])
def test_a_head_that_never_ends_is_closed(bus: RunningBus, drip: bytes) -> None:
    """A hundred heads that drip are closed at the deadline, however they drip; others are served.

    HTTP has no answer to a request that was never made.
    """
    front = b"POST /services/exchange HTTP/1.1\r\nHost: bus\r\nX: " + (
        b"\r\n" if b":" in drip else b"a"
    )
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(bus, front)) for _ in range(100)]
        started = time.monotonic()
        while time.monotonic() - started < HEAD_S * 0.8:
            for line in slow:
                line.sendall(drip)
            assert ping(bus) < SOON / 2
        for line in slow:
            assert read(line) == b""
        assert HEAD_S * 0.9 <= time.monotonic() - started < SOON
    ping(bus)


@pytest.mark.parametrize("kind", ["one", "many"])
def test_a_megabyte_of_http_headers_is_refused(bus: RunningBus, kind: str) -> None:
    """431 before any of our code runs; HTTP allows no more than that."""
    long = b"X: " + b"a" * 1_000_000 + b"\r\n"
    if kind == "many":
        long = b"".join(b"X-%d: %b\r\n" % (n, b"a" * 90) for n in range(10_000))
    request = head(0).replace(b"\r\n\r\n", b"\r\n" + long + b"\r\n")
    with costing() as cost, kept(bus) as left, connected(bus) as line:
        try:
            line.sendall(request)
            told = read(line)
        except ConnectionError:
            told = read(line)
    assert told == b"" or told.startswith(b"HTTP/1.1 431 ")
    assert (left.events, left.new_messages) == ([], 0)
    assert cost.memory < MOST_MEMORY
    assert cost.seconds < SOON
    ping(bus)


BIG = "x" * 1_000_000
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
#: Header blocks of a megabyte, and the code they get.
BLOCKS: dict[str, tuple[str, str]] = {
    "text": (f'<h:H xmlns:h="urn:h">{BIG}</h:H>', "AUT-001"),
    "must-understand": (f'<h:H xmlns:h="urn:h" s:mustUnderstand="1">{BIG}</h:H>', "SVC-003"),
    "attribute": (f'<h:H xmlns:h="urn:h" a="{BIG}" s:mustUnderstand="1"/>', "SVC-003"),
    "elements": (f'<h:H xmlns:h="urn:h">{"<a/>" * 250_000}</h:H>', "RCV-003"),
    "blocks": ('<h:H xmlns:h="urn:h" s:mustUnderstand="1"/>' * 20_000, "SVC-003"),
    "security": (f'<w:Security xmlns:w="{WSSE}">{BIG}</w:Security>', "AUT-001"),
    "addressing": (f'<w:MessageID xmlns:w="{WSA}">urn:{BIG}</w:MessageID>', "WSA-005"),
    "action": (f'<w:Action xmlns:w="{WSA}">urn:{BIG}</w:Action>', "WSA-007"),
}


@VERSIONS
@pytest.mark.parametrize(("block", "code"), BLOCKS.values(), ids=BLOCKS)
def test_a_megabyte_of_soap_header_gets_its_fault(
    bus: RunningBus, soap: str, block: str, code: str
) -> None:
    """A large header block is judged like a small one, and no fault repeats it."""
    with costing() as cost, kept(bus) as left:
        answer = post(bus, envelope(PING, soap=soap, header=block), soap)
    assert answer.fault["code"] == code
    assert len(answer.body) < 16_384
    assert cost.memory < MOST_MEMORY
    assert cost.seconds < SOON
    left.only_refusal(code)
    ping(bus)


@pytest.mark.parametrize(
    "broken", [b"ZZ\r\n<a>\r\n", b"3\r\n<a>XX\r\n", b"-1\r\n", b"3;" + b"a" * 99999]
)
def test_broken_chunks_are_the_clients_mistake(bus: RunningBus, broken: bytes) -> None:
    """What cannot be read as chunks is 400, not a defect of ours, and leaves nothing."""
    with kept(bus) as left:
        with connected(bus, head(Transfer_Encoding="chunked") + broken) as line:
            told = read(line)
        ping(bus)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert (left.events, left.new_messages) == ([], 0)
