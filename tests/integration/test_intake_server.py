"""Where the server listens, and what it leaves alone."""

from __future__ import annotations

import logging
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.config import LimitSettings, ServerSettings
from bus.errors import Misconfigured
from bus.web.intake import Intake
from bus.web.server import WebServer


def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The least application."""
    start_response("200 OK", [])
    return [environ["REQUEST_METHOD"].encode()]


def server(port: int = 0) -> tuple[WebServer, Intake]:
    """A server that is not started yet."""
    settings = ServerSettings(port=port)
    intake = Intake(hello, settings, LimitSettings())
    return WebServer(intake, settings), intake


def test_two_servers_never_share_a_port() -> None:
    """A second server on a taken port is refused with the address in its words."""
    first, one = server()
    host, port = first.start()
    second, two = server(port)
    try:
        with pytest.raises(Misconfigured, match=f"127.0.0.1:{port}"):
            second.start()
        with urllib.request.urlopen(f"http://{host}:{port}/") as reply:
            assert reply.read() == b"GET"
    finally:
        assert first.stop()
        one.close()
        two.close()


def test_a_foreign_listener_keeps_its_port() -> None:
    """A port on which some other program listens is not joined silently."""
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        late, intake = server(foreign.getsockname()[1])
        with pytest.raises(Misconfigured):
            late.start()
        intake.close()


def test_a_port_is_free_again_after_stop() -> None:
    """Stop is idempotent and gives the port back at once."""
    first, one = server()
    _, port = first.start()
    assert first.stop()
    assert first.stop()
    second, two = server(port)
    assert second.start()[1] == port
    assert second.stop()
    one.close()
    two.close()


def test_the_logging_of_the_process_is_left_alone(tmp_path: Path) -> None:
    """Starting the server closes no log handler and adds none."""
    handler = logging.FileHandler(tmp_path / "log.txt")
    mine = logging.getLogger("test-of-server")
    mine.addHandler(handler)
    before = list(logging.getLogger().handlers)
    web, intake = server()
    web.start()
    try:
        mine.error("still here")
    finally:
        web.stop()
        intake.close()
        mine.removeHandler(handler)
        handler.close()
    assert (tmp_path / "log.txt").read_text() == "still here\n"
    assert logging.getLogger().handlers == before
    assert logging.getLogger("_granian").handlers == []


def test_a_head_request_gets_headers_alone() -> None:
    """HEAD is answered with the length of the body and without the body."""
    web, intake = server()
    address = web.start()
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: bus\r\nConnection: close\r\n\r\n")
        with connection.makefile("rb") as stream:
            reply = stream.read()
    web.stop()
    intake.close()
    assert b"content-length: 4" in reply
    assert reply.endswith(b"\r\n\r\n")
