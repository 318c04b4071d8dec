"""The SOAP service of an agency that has documents pushed to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import pybase64
from lxml import etree

from bus.edxml import parser

NAMESPACE = "urn:lienthong:receiver:1"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One message as the bus pushed it."""

    message_id: str
    kind: str
    sha256: str
    content: bytes = field(repr=False)


class PushService:
    """Answers Receive on 127.0.0.1; `take` must have stored the message when it returns."""

    def __init__(
        self,
        port: int,
        take: Callable[[Pushed], None],
        authentic: Callable[[etree._Element], bool],
    ) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                service.describe(self)

            def do_POST(self) -> None:
                service.receive(self)

            def log_message(self, *args: object) -> None:
                """Stay silent: the agency tells its own story."""

        self._take = take
        self._authentic = authentic
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def describe(self, request: BaseHTTPRequestHandler) -> None:
        """Answer the WSDL with this service's own address in it."""
        wsdl = etree.fromstring(
            (resources.files("bus.resources") / "wsdl" / "receiver-1.wsdl").read_bytes()
        )
        host, port = self._server.server_address[:2]
        for address in wsdl.iter("{*}address"):
            address.set("location", f"http://{host!s}:{port}/")
        _answer(request, 200, etree.tostring(wsdl))

    def receive(self, request: BaseHTTPRequestHandler) -> None:
        """Take one pushed message; what does not carry the bus's signature is refused."""
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        envelope = parser.parse(body)
        if not self._authentic(envelope):
            _answer(request, 500, _fault("not signed by the bus"))
            return
        call = envelope.find(f"{{*}}Body/{{{NAMESPACE}}}Receive")
        if call is None:
            _answer(request, 500, _fault("unknown operation"))
            return
        text = {child.tag.split("}")[-1]: child.text or "" for child in call}
        self._take(
            Pushed(
                message_id=text["messageId"],
                kind=text["kind"],
                sha256=text["sha256"],
                content=pybase64.b64decode(text["content"]),
            )
        )
        _answer(request, 200, _accepted(text["messageId"]))


def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "text/xml; charset=utf-8")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _accepted(reference: str) -> bytes:
    return (
        f'<e:Envelope xmlns:e="{SOAP}"><e:Body><ReceiveResponse xmlns="{NAMESPACE}">'
        f"<accepted>true</accepted><reference>{reference}</reference>"
        "</ReceiveResponse></e:Body></e:Envelope>"
    ).encode()


def _fault(text: str) -> bytes:
    return (
        f'<e:Envelope xmlns:e="{SOAP}"><e:Body><e:Fault><faultcode>e:Client</faultcode>'
        f"<faultstring>{text}</faultstring></e:Fault></e:Body></e:Envelope>"
    ).encode()
