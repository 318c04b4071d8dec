"""Bytes on a real connection to a bus, sent as no HTTP client would send them."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bus.endpoints.wsdl import wsdl
from tests.support.outside import Answer
from tests.support.running_bus import TOKEN, RunningBus
from tests.support.soap_edge import PING, SOAP11, envelope
from tests.support.wsi_messages import MEDIA, Sent, complaints

#: What one bad request may cost the process at its worst moment, bytes.
MOST_MEMORY = 150 * 1024 * 1024


@dataclass
class Cost:
    """What something took."""

    seconds: float = 0.0
    memory: int = 0


def head(length: int | None = None, *, soap: str = SOAP11, **headers: str) -> bytes:
    """The head of a POST in the media type of a version; `None` leaves Content-Length out."""
    told = {"Host": "bus", "Content-Type": f"{MEDIA[soap]}; charset=utf-8"}
    told |= {} if length is None else {"Content-Length": str(length)}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
    return f"POST /services/exchange HTTP/1.1\r\n{lines}\r\n".encode()


@contextmanager
def connected(bus: RunningBus, first: bytes = b"") -> Iterator[socket.socket]:
    """A connection with `first` sent, closed at the end."""
    assert bus.address is not None
    with socket.create_connection(bus.address, timeout=30) as line:
        line.sendall(first)
        yield line


def read(line: socket.socket) -> bytes:
    """One whole HTTP answer, or what came of it before the connection ended."""
    told = b""
    while True:
        front, _, rest = told.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", front)
        if rest is not None and length and b"\r\n\r\n" in told and len(rest) >= int(length[1]):
            return told
        try:
            piece = line.recv(65536)
        except ConnectionError:
            return told
        if not piece:
            return told
        told += piece


def answered(told: bytes, *, soap: str = SOAP11) -> Answer:
    """A raw answer taken apart; fails when it breaks a rule for replies."""
    front, _, body = told.partition(b"\r\n\r\n")
    status, *lines = front.decode("latin-1").split("\r\n")
    headers = {n.strip().lower(): v.strip() for n, _, v in (one.partition(":") for one in lines)}
    sent = Sent(
        method="POST",
        media_asked=MEDIA[soap],
        status=int(status.split(" ")[1]),
        headers=headers,
        body=body,
        wsdl=wsdl("http://bus/services/exchange"),
    )
    assert complaints(sent) == []
    return Answer(sent.status, headers, body)


def ping(bus: RunningBus) -> float:
    """Seconds that a good call on a fresh connection takes; fails unless it is answered."""
    started = time.monotonic()
    body = envelope(PING)
    good = head(len(body), Authorization=f"Bearer {':'.join(TOKEN)}")
    with connected(bus, good + body) as line:
        assert read(line).startswith(b"HTTP/1.1 200 ")
    return time.monotonic() - started


@contextmanager
def costing() -> Iterator[Cost]:
    """Measures the block: its time, and how far the memory of this process rose at most."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, started = _status("VmRSS"), time.monotonic()
    cost = Cost()
    yield cost
    cost.seconds = time.monotonic() - started
    cost.memory = _status("VmHWM") - before


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)
