"""A receiver that takes everything: it stands for the agency at the far end of a push."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WSDL = Path(__file__).resolve().parents[2] / "wsdl" / "receiver-1.wsdl"
_PLACE = b"http://127.0.0.1:8090/receiver"
_SOAP = b"http://schemas.xmlsoap.org/soap/envelope/"
_ANSWER = (
    b'<e:Envelope xmlns:e="'
    + _SOAP
    + b'"><e:Body><ReceiveResponse xmlns="urn:lienthong:receiver:1">'
    b"<accepted>true</accepted></ReceiveResponse></e:Body></e:Envelope>"
)
#: A call of Receive around base64 content, for who splices it by hand.
RECEIVE_HEAD = (
    b'<e:Envelope xmlns:e="' + _SOAP + b'"><e:Body><Receive xmlns="urn:lienthong:receiver:1">'
    b"<messageId>1</messageId><kind>edoc</kind><topic>t</topic><sender>s</sender><documentId>d"
    b"</documentId><sha256>0</sha256><contentType>application/xml</contentType><content>"
)
RECEIVE_TAIL = b"</content></Receive></e:Body></e:Envelope>"


class Sink:
    """Answers every Receive with accepted=true, after reading it whole."""

    def __init__(self) -> None:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                """Give the WSDL of the receiver at this path."""
                place = f"http://127.0.0.1:{sink.port}{self.path.split('?')[0]}".encode()
                self._reply(WSDL.read_bytes().replace(_PLACE, place))

            def do_POST(self) -> None:
                """Take one message."""
                self.rfile.read(int(self.headers["Content-Length"]))
                self._reply(_ANSWER)

            def _reply(self, body: bytes) -> None:
                head = (
                    f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n"
                )
                self.wfile.write(head.encode() + b"\r\n" + body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def run(self) -> None:
        """Serve in this thread."""
        self._server.serve_forever()
