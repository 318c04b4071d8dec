"""The door of the bus over real sockets: slow, huge, broken and impatient clients."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bus.config import LimitSettings, ServerSettings
from bus.cpus import UNTOUCHED, Cpus
from bus.errors import BusError
from bus.web.intake import Intake, Pace
from bus.web.server import WebServer
from bus.web.spool import MEMORY_BYTES

LINUX = sys.platform == "linux"
LIMIT = 1_000_000
#: An answer larger than what the kernel buffers for one connection.
FLOOD = 60_000_000


@dataclass
class Service:
    """A WSGI application that tells what it was given, and can be made to wait."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    #: CPUs that each call might use.
    cpus: list[frozenset[int]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer with size and digest of the body."""
        body = environ["wsgi.input"].read()
        self.calls.append(environ)
        if LINUX:
            self.cpus.append(frozenset(os.sched_getaffinity(0)))
        path = environ["PATH_INFO"]
        self.entered.release()
        if path == "/wait":
            assert self.gate.wait(20)
        if path == "/broken":
            raise ValueError("out of its mind")
        self.finished.append(path)
        start_response("200 OK", [("Content-Type", "text/plain")])
        if path == "/flood":
            return (b"x" * 1_000_000 for _ in range(FLOOD // 1_000_000))
        if path == "/flood-list":
            return [b"x" * FLOOD]
        if path == "/stream":
            return (b"%07d\n" % number for number in range(100_000))
        return [f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()]


@dataclass
class Door:
    """A served Intake and ways to knock."""

    service: Service
    intake: Intake
    server: WebServer
    address: tuple[str, int]

    def connect(self, first: bytes = b"") -> socket.socket:
        """A connection with `first` already sent."""
        connection = socket.create_connection(self.address, timeout=20)
        connection.sendall(first)
        return connection

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """One request on its own connection."""
        with self.connect(request) as connection:
            return answer(connection)


@contextmanager
def door(
    pace: Pace | None = None,
    refuse: Any = None,
    limit: int = LIMIT,
    cpus: Cpus = UNTOUCHED,
    **server: Any,
) -> Iterator[Door]:
    """A door on a free port."""
    service = Service()
    settings = ServerSettings(port=0, **server)
    options = {} if refuse is None else {"refuse": refuse}
    intake = Intake(
        service, settings, LimitSettings(body_bytes=limit), pace=pace or Pace(), **options
    )
    web = WebServer(intake, settings)
    with cpus.sharing():
        address = web.start()
    opened = Door(service, intake, web, address)
    try:
        yield opened
    finally:
        service.gate.set()
        web.stop(5)
        intake.close()


def post(path: str, body: bytes = b"", *, length: int | None = None, extra: str = "") -> bytes:
    """A request whose body may stop short of its declared length."""
    size = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: bus\r\nContent-Length: {size}\r\n{extra}\r\n"
    return head.encode() + body


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer on a connection."""
    stream = connection.makefile("rb")
    status = int(stream.readline().split(b" ")[1])
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, stream.read(int(headers["content-length"]))


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for another thread's effect."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_slow_senders_do_not_delay_a_fast_one() -> None:
    """While 200 bodies trickle in, the 201st request is answered; then all 200 get theirs."""
    with door(threads=2) as bus, ExitStack() as stack:
        slow = [stack.enter_context(bus.connect(post("/slow", b"a", length=3))) for _ in range(200)]
        until(lambda: bus.intake.open_requests == 200)
        for connection in slow:
            connection.sendall(b"b")
        status, _, body = bus.ask(post("/fast", b"quick"))
        assert (status, body[:2]) == (200, b"5 ")
        assert bus.service.finished == ["/fast"]
        assert bus.intake.open_requests == 200
        for connection in slow:
            connection.sendall(b"c")
        assert [answer(connection)[0] for connection in slow] == [200] * 200


def test_a_body_declared_too_large_is_refused_before_it_is_sent() -> None:
    """The refusal of a declared length needs not one byte of the body."""
    with door() as bus:
        status, headers, body = bus.ask(post("/", length=LIMIT + 1))
        assert status == 413
        assert headers["connection"] == "close"
        told = json.loads(body)
        assert told["code"] == "RCV-001"
        assert "dung lượng" in told["messageVi"]
        assert bus.service.calls == []


def test_an_oversized_sender_is_cut_off_long_before_its_end() -> None:
    """Of a gigabyte that is pushed regardless, the server takes only a small part."""
    pace = Pace(linger_s=2.0, linger_bytes=1024 * 1024)
    with door(pace) as bus, bus.connect(post("/", length=1 << 30)) as connection:
        sent = 0
        block = b"x" * 65536
        try:
            while sent < 1 << 30:
                connection.sendall(block)
                sent += len(block)
        except OSError:
            pass
        # what is left above the limit and the linger is what the kernel holds for both ends
        assert sent < 32 * 1024 * 1024


def test_chunks_are_counted_while_they_arrive() -> None:
    """A chunked body without end is refused when it passes the limit, not when it ends."""
    with door() as bus:
        head = b"POST / HTTP/1.1\r\nHost: bus\r\nTransfer-Encoding: chunked\r\n\r\n"
        with bus.connect(head) as connection:
            for _ in range(20):
                connection.sendall(b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n")
            assert answer(connection)[0] == 413
        assert bus.service.calls == []


def test_a_chunked_body_arrives_with_its_length() -> None:
    """The service sees an ordinary body with CONTENT_LENGTH, however it was framed."""
    with door() as bus:
        head = b"POST /a%20b?q=%C4%91 HTTP/1.1\r\nHost: bus\r\nTransfer-Encoding: chunked\r\n\r\n"
        status, _, body = bus.ask(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        environ = bus.service.calls[0]
    assert (status, body[:2]) == (200, b"5 ")
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/a b", "q=%C4%91")
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"


def test_a_sender_that_stops_is_told_so() -> None:
    """A body that does not arrive within the deadline ends in RCV-004, not in a hung thread."""
    with door(body_deadline_s=0.3) as bus:
        status, _, body = bus.ask(post("/", b"abc", length=100))
        assert (status, json.loads(body)["code"]) == (408, "RCV-004")
        assert json.loads(body)["retryable"] is True
        until(lambda: bus.intake.open_requests == 0)


def test_a_trickle_below_the_least_pace_is_refused() -> None:
    """A sender that stays below the least speed loses its place long before the deadline."""
    pace = Pace(grace_s=0.2, bytes_per_s=1000.0)
    with door(pace, body_deadline_s=3600.0) as bus:
        with bus.connect(post("/", b"", length=10_000)) as connection:
            connection.settimeout(0.05)
            got = b""
            while not got:
                try:
                    got = connection.recv(4096)
                except TimeoutError:
                    connection.sendall(b"x")
        assert b" 408 " in got


def test_a_large_body_at_a_fair_pace_is_given_time() -> None:
    """The pace asked of a sender counts what already arrived, not the last moment alone."""
    pace = Pace(grace_s=0.2, bytes_per_s=10_000.0)
    with door(pace) as bus, bus.connect(post("/", b"x" * 50_000, length=50_001)) as connection:
        time.sleep(0.6)  # longer than the grace, shorter than what 50,000 bytes earned
        connection.sendall(b"y")
        assert answer(connection)[0] == 200


def test_a_client_that_leaves_leaves_nothing() -> None:
    """A disconnect in the middle of a body reaches no service and frees its place."""
    with door() as bus:
        bus.connect(post("/", b"abc", length=100)).close()
        status, _, _ = bus.ask(post("/", b"x"))
        assert status == 200
        until(lambda: bus.intake.open_requests == 0)
        assert len(bus.service.calls) == 1


def test_work_goes_on_when_the_client_does_not_wait() -> None:
    """Once a request is complete it is worked on to its end, whoever still listens."""
    with door() as bus:
        with bus.connect(post("/wait", b"x")):
            assert bus.service.entered.acquire(timeout=20)
        bus.service.gate.set()
        until(lambda: bus.service.finished == ["/wait"])


def test_a_full_house_says_when_to_come_back() -> None:
    """Above the head room a request is refused at once with Retry-After, and health still answers."""
    with door(threads=1, head_room=2) as bus, ExitStack() as stack:
        waiting = [stack.enter_context(bus.connect(post("/wait", b"x"))) for _ in range(2)]
        until(lambda: bus.intake.open_requests == 2)
        status, headers, body = bus.ask(post("/", b"x"))
        assert (status, headers["retry-after"]) == (503, "5")
        assert json.loads(body)["code"] == "SVC-007"
        assert bus.ask(b"GET /healthz HTTP/1.1\r\nHost: bus\r\n\r\n")[0] == 200
        bus.service.gate.set()
        assert [answer(connection)[0] for connection in waiting] == [200, 200]
        assert bus.ask(post("/", b"x"))[0] == 200


def test_a_full_house_of_slow_senders_lets_others_in() -> None:
    """Who drips loses its place to who comes, and is told to come again; who just came does not."""
    with door(Pace(spare_s=0.3), head_room=20) as bus, ExitStack() as stack:
        slow = [stack.enter_context(bus.connect(post("/s", b"a", length=9))) for _ in range(20)]
        until(lambda: bus.intake.open_requests == 20)
        assert bus.ask(post("/", b"x"))[0] == 503
        time.sleep(0.4)
        slow[7].sendall(b"bcd")
        new = [stack.enter_context(bus.connect(post("/wait", b"x"))) for _ in range(19)]
        lucky = slow.pop(7)
        assert {answer(one)[0] for one in slow} == {408}
        bus.service.gate.set()
        assert [answer(one)[0] for one in new] == [200] * 19
        lucky.sendall(b"efghi")
        assert answer(lucky)[0] == 200


def test_slow_bodies_cannot_enter_as_probes() -> None:
    """The body of a health request is not waited for, so it takes no place."""
    with door() as bus:
        status, _, body = bus.ask(post("/healthz", b"x", length=1000))
        assert (status, body[:2]) == (200, b"0 ")


def test_a_megabyte_of_headers_is_refused() -> None:
    """Headers above 64 KB never reach the bus's code."""
    with door() as bus:
        request = b"GET / HTTP/1.1\r\nHost: bus\r\nX-Long: " + b"a" * 1_000_000 + b"\r\n\r\n"
        with socket.create_connection(bus.address, timeout=20) as connection:
            try:
                connection.sendall(request)
                first = connection.recv(4096)
            except ConnectionError:
                first = b"HTTP/1.1 431 "
        assert b" 431 " in first
        assert bus.service.calls == []


def test_requests_share_a_connection() -> None:
    """Pipelined requests on one connection are answered in their order."""
    with door() as bus, bus.connect(post("/1", b"a") + post("/2", b"bb")) as connection:
        answers = b""
        while answers.count(b"200 OK") < 2 or not re.search(rb"\n2 [0-9a-f]{64}$", answers):
            part = connection.recv(65536)
            assert part
            answers += part
        assert answers.index(b"\n1 ") < answers.index(b"\n2 ")


def test_permission_to_continue_is_given_and_withheld() -> None:
    """Expect: 100-continue gets 100 for what is welcome, and the refusal alone for what is not."""
    ask = "Expect: 100-continue\r\n"
    with door() as bus:
        with bus.connect(post("/", length=3, extra=ask)) as connection:
            assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"abc")
            assert answer(connection)[0] == 200
        assert bus.ask(post("/", length=LIMIT + 1, extra=ask))[0] == 413


def test_twenty_megabytes_arrive_intact() -> None:
    """A body far above what is kept in memory reaches the service byte for byte."""
    body = os.urandom(20_000_000)
    with door(limit=30_000_000) as bus:
        status, _, told = bus.ask(post("/", body))
    assert status == 200
    assert told.decode() == f"{len(body)} {hashlib.sha256(body).hexdigest()}"


@pytest.mark.skipif(not LINUX, reason="only Linux says where threads run")
def test_only_small_bodies_are_worked_on_by_threads_that_share_a_cpu() -> None:
    """Large bodies keep C code busy side by side: their threads use every CPU of the process."""
    every = frozenset(os.sched_getaffinity(0))
    one = Cpus(every=every, shared=min(every))
    with door(cpus=one) as bus:
        for body in (b"small", bytes(MEMORY_BYTES + 1), b"small"):
            assert bus.ask(post("/", body))[0] == 200
        assert bus.service.cpus == [frozenset({min(every)}), every, frozenset({min(every)})]
    assert frozenset(os.sched_getaffinity(0)) == every


def test_a_generated_answer_arrives_whole_with_its_length() -> None:
    """An answer made piece by piece is sent complete, with Content-Length."""
    with door() as bus:
        _, headers, body = bus.ask(b"GET /stream HTTP/1.1\r\nHost: bus\r\n\r\n")
    assert headers["content-length"] == "800000"
    assert body[-8:] == b"0099999\n"
    assert headers["server"] == "lienthong"


@pytest.mark.parametrize("path", ["/flood", "/flood-list"])
def test_a_reader_that_stops_reading_is_let_go(path: str) -> None:
    """A client that does not take its answer is cut off instead of being waited for."""
    request = f"GET {path} HTTP/1.1\r\nHost: bus\r\n\r\n".encode()
    with door(Pace(send_s=0.3)) as bus, bus.connect(request) as lazy:
        assert bus.service.entered.acquire(timeout=20)
        time.sleep(1.0)  # well beyond what one piece may take
        got = 0
        try:
            while part := lazy.recv(1 << 20):
                got += len(part)
        except ConnectionError:
            pass
    assert 0 < got < FLOOD


def test_compressed_bodies_are_refused() -> None:
    """A body that would have to be unpacked is refused unread."""
    with door() as bus:
        status, _, body = bus.ask(post("/", b"x", extra="Content-Encoding: gzip\r\n"))
    assert (status, json.loads(body)["code"]) == (415, "SVC-010")


def test_a_defect_of_a_service_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in a service becomes a 500 without a word of its inside, and the door stays open."""
    with door() as bus, bus.connect(post("/broken", b"x")) as connection:
        status, _, body = answer(connection)
        assert status == 500
        assert b"out of its mind" not in body
        connection.sendall(post("/", b"x"))
        assert answer(connection)[0] == 200
    assert "out of its mind" in caplog.text


def test_services_refuse_in_their_own_words() -> None:
    """A refusal at the door is written by the injected callable, which knows the request."""

    def refuse(environ: dict[str, Any], error: BusError) -> tuple[str, list[Any], bytes]:
        words = f"{environ['PATH_INFO']} {environ['CONTENT_TYPE']} {error.code}"
        return "500 Fault", [("Content-Type", "text/xml")], words.encode()

    with door(refuse=refuse) as bus:
        request = post("/services/x", length=LIMIT + 1, extra="Content-Type: text/xml\r\n")
        status, headers, body = bus.ask(request)
    assert (status, headers["content-type"]) == (500, "text/xml")
    assert body == b"/services/x text/xml RCV-001"


def test_headers_cannot_be_forged_with_underscores() -> None:
    """A header with an underscore never takes the place of one with a hyphen."""
    with door() as bus:
        bus.ask(post("/", b"x", extra="X_Client_Cert: evil\r\nX-A: 1\r\nX-A: 2\r\n"))
        environ = bus.service.calls[0]
    assert "HTTP_X_CLIENT_CERT" not in environ
    assert environ["HTTP_X_A"] == "1, 2"


def test_stopping_lets_the_work_in_hand_finish() -> None:
    """A request being worked on when the server stops is answered; a new one is not let in."""
    with door() as bus, bus.connect(post("/wait", b"x")) as connection:
        assert bus.service.entered.acquire(timeout=20)
        done: list[bool] = []
        stopping = threading.Thread(target=lambda: done.append(bus.server.stop(20)))
        stopping.start()

        def closed() -> bool:
            try:
                socket.create_connection(bus.address, timeout=1).close()
            except OSError:
                return True
            return False

        until(closed)
        bus.service.gate.set()
        assert answer(connection)[0] == 200
        stopping.join(20)
        assert done == [True]
