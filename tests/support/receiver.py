"""A receiver of pushes on loopback: a real HTTP server with our receiver WSDL, able to misbehave."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lxml import etree

from tests.support.wsi_messages import request_complaints

ROOT = Path(__file__).resolve().parents[2]
TNS = "urn:lienthong:receiver:1"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
PLACEHOLDER = b"http://127.0.0.1:8090/receiver"

Behaviour = Callable[["_Handler", bytes], None]


@dataclass
class Receiver:
    """A running receiver: what it got, and how it behaves next."""

    url: str
    wsdl: bytes
    behaviour: Behaviour
    #: Path → extra documents it serves.
    documents: dict[str, bytes] = field(default_factory=dict)
    #: Path → status that a GET of the path is refused with.
    refuse_get: int | None = None
    requests: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    #: messageId → content, each message once.
    inbox: dict[str, bytes] = field(default_factory=dict)
    #: Monotonic seconds at which requests came in.
    arrivals: list[float] = field(default_factory=list)
    #: Set it to let hanging answers go.
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def wsdl_url(self) -> str:
        """Where the contract is to be had, as an agency would register it."""
        return f"{self.url}?wsdl"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        receiver = self.server.receiver
        receiver.downloads.append(self.path)
        if receiver.refuse_get:
            self.answer(receiver.refuse_get, b"no", "text/plain")
        elif self.path in receiver.documents:
            self.answer(200, receiver.documents[self.path])
        else:
            self.answer(200, receiver.wsdl)

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.arrivals.append(time.monotonic())
        receiver.requests.append(body)
        receiver.headers.append(dict(self.headers.items()))
        receiver.behaviour(self, body)

    def answer(
        self, status: int, body: bytes, media: str = "text/xml; charset=utf-8", **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of many tests."""


@contextmanager
def running(behaviour: Behaviour | None = None, wsdl: bytes | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of 127.0.0.1, stopped at the end; every request must be clean."""
    server = _Server(("127.0.0.1", 0), _Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}/receiver"
    contract = wsdl or (ROOT / "wsdl" / "receiver-1.wsdl").read_bytes()
    receiver = Receiver(
        url=url,
        wsdl=contract.replace(PLACEHOLDER, url.encode()),
        behaviour=behaviour or accept,
    )
    server.receiver = receiver
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
    for headers, body in zip(receiver.headers, receiver.requests, strict=True):
        assert request_complaints(headers, body, receiver.wsdl) == []


def reply(body: str, namespace: str = SOAP_11) -> bytes:
    """A SOAP envelope around a body."""
    text = f'<s:Envelope xmlns:s="{namespace}"><s:Body>{body}</s:Body></s:Envelope>'
    return b'<?xml version="1.0" encoding="UTF-8"?>' + text.encode()


def accept(handler: _Handler, body: bytes) -> None:
    """Check the digest, keep the message once, answer accepted in the caller's SOAP version."""
    envelope = etree.fromstring(body)
    receive = envelope.find(f".//{{{TNS}}}Receive")
    assert receive is not None
    facts = {etree.QName(child).localname: child.text or "" for child in receive}
    content = base64.b64decode(facts["content"])
    assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    handler.server.receiver.inbox.setdefault(facts["messageId"], content)
    namespace = etree.QName(envelope).namespace or SOAP_11
    answer = (
        f'<r:ReceiveResponse xmlns:r="{TNS}"><r:accepted>true</r:accepted>'
        f"<r:reference>SO-{facts['messageId']}</r:reference></r:ReceiveResponse>"
    )
    media = "text/xml" if namespace == SOAP_11 else "application/soap+xml"
    handler.answer(200, reply(answer, namespace), f"{media}; charset=utf-8")


def refuse(reason: str = "hồ sơ không đúng thẩm quyền") -> Behaviour:
    """Answer accepted=false with a reason."""
    text = (
        f'<r:ReceiveResponse xmlns:r="{TNS}"><r:accepted>false</r:accepted>'
        f"<r:reason>{reason}</r:reason></r:ReceiveResponse>"
    )
    return answering(200, reply(text))


def answering(
    status: int, body: bytes, media: str = "text/xml; charset=utf-8", **headers: str
) -> Behaviour:
    """Answer the same to everything."""

    def behave(handler: _Handler, _body: bytes) -> None:
        handler.answer(status, body, media, **headers)

    return behave


def fault(code: str, reason: str, detail: str = "") -> Behaviour:
    """A SOAP 1.1 fault with HTTP 500."""
    text = (
        f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{reason}</faultstring>"
        f"<detail>{detail}</detail></s:Fault>"
    )
    return answering(500, reply(text))


def hang(handler: _Handler, _body: bytes) -> None:
    """Take the request and answer nothing until released."""
    handler.server.receiver.released.wait(60)
    handler.close_connection = True


def cut(handler: _Handler, body: bytes) -> None:
    """Keep the message, then close the connection in the middle of the answer."""
    content = etree.fromstring(body).findtext(f".//{{{TNS}}}content") or ""
    number = etree.fromstring(body).findtext(f".//{{{TNS}}}messageId") or ""
    handler.server.receiver.inbox.setdefault(number, base64.b64decode(content))
    handler.send_response(200)
    handler.send_header("Content-Type", "text/xml")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"<half")
    handler.close_connection = True


def huge(handler: _Handler, _body: bytes) -> None:
    """Answer without end."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/xml")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    try:
        while not handler.server.receiver.released.is_set():
            handler.wfile.write(b"x" * 65536)
    except OSError:
        return


def drip(handler: _Handler, _body: bytes) -> None:
    """Answer one byte at a time, never coming to an end."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/xml")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    try:
        while not handler.server.receiver.released.wait(0.02):
            handler.wfile.write(b" ")
    except OSError:
        return


def drip_headers(handler: _Handler, _body: bytes) -> None:
    """Send the status line and then a header that never ends, byte by byte."""
    handler.close_connection = True
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not handler.server.receiver.released.wait(0.02):
            handler.wfile.write(b"x")
    except OSError:
        return


def slow(seconds: float) -> Behaviour:
    """Accept, but only after a while."""

    def behave(handler: _Handler, body: bytes) -> None:
        handler.server.receiver.released.wait(seconds)
        accept(handler, body)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Each request gets the next behaviour; the last one stays."""
    left = list(behaviours)

    def behave(handler: _Handler, body: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler, body)

    return behave
