"""One roof over all that the bus answers over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from bus.web.composition import compose
from bus.web.health import HealthFact, HealthReport
from bus.web.metrics import Metrics

READY = HealthReport(facts=(HealthFact(name="store", ok=True),))


def service(name: str) -> Any:
    """An application that tells who it is and where it thinks it is mounted."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{name}|{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]

    return app


def get(
    path: str, *, method: str = "GET", health: HealthReport = READY, metrics: Metrics | None = None
) -> tuple[str, dict[str, str], bytes]:
    """What the composed application answers; checked against PEP 3333 on the way."""
    services = {"/services/exchange": service("one"), "/services/exchange/inner": service("two")}
    app = compose(services, health=lambda: health, metrics=metrics or Metrics())
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    environ["SCRIPT_NAME"] = ""
    seen: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        seen.extend([status, dict(headers)])
        return lambda _: None

    result = validator(app)(environ, start)
    body = b"".join(result)
    result.close()  # type: ignore[attr-defined]  # the validator's iterator has it
    return seen[0], seen[1], body


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/services/exchange", "one|/services/exchange|"),
        ("/services/exchange/x", "one|/services/exchange|/x"),
        ("/services/exchange/inner/y", "two|/services/exchange/inner|/y"),
    ],
)
def test_the_longest_prefix_serves(path: str, answer: str) -> None:
    """A service is told where it is mounted and gets the rest of the path."""
    assert get(path)[2].decode() == answer


@pytest.mark.parametrize("path", ["/services/exchangeable", "/services", "/nothing", "/schemas"])
def test_unknown_addresses_are_not_found(path: str) -> None:
    """What is mounted nowhere is 404 with the error in both languages."""
    status, headers, body = get(path)
    assert status == "404 Not Found"
    assert headers["Content-Type"].startswith("application/json")
    assert json.loads(body)["messageVi"] == "Không có gì tại địa chỉ này."


def test_alive_is_always_said() -> None:
    """The liveness page does not depend on the state of the store."""
    broken = HealthReport(facts=(HealthFact(name="store", ok=False, detail="STO-001"),))
    assert get("/healthz", health=broken)[0] == "200 OK"


def test_readiness_names_what_is_missing() -> None:
    """One failed condition makes the node not ready, and is named."""
    broken = HealthReport(
        facts=(HealthFact(name="store", ok=True), HealthFact(name="disk", ok=False, detail="full"))
    )
    status, _, body = get("/readyz", health=broken)
    assert status == "503 Service Unavailable"
    told = json.loads(body)
    assert told["ready"] is False
    assert told["facts"] == {
        "store": {"ok": True, "detail": ""},
        "disk": {"ok": False, "detail": "full"},
    }
    assert get("/readyz")[0] == "200 OK"


def test_metrics_are_this_apps_own() -> None:
    """Two apps in one process count apart; watched values are read when asked for."""
    mine, other = Metrics(), Metrics()
    mine.accepted("edoc", 0.003)
    mine.accepted("edoc", 0.003, duplicate=True)
    mine.refused("RCV-001")
    mine.delivered("done")
    waiting = [7.0]
    mine.watch("requests_open", "Requests arriving or worked on.", lambda: waiting[0])
    waiting[0] = 9.0
    _, headers, body = get("/metrics", metrics=mine)
    text = body.decode()
    assert headers["Content-Type"].startswith("text/plain")
    assert 'bus_accepted_total{kind="edoc"} 1.0' in text
    assert "bus_duplicates_total 1.0" in text
    assert 'bus_refused_total{code="RCV-001"} 1.0' in text
    assert 'bus_deliveries_total{outcome="done"} 1.0' in text
    assert "bus_accept_seconds_count 2.0" in text
    assert "bus_requests_open 9.0" in text
    assert "RCV-001" not in other.render().decode()


def test_every_schema_can_be_downloaded() -> None:
    """The page at / lists schemas and services, and each listed schema is served as XML."""
    page = get("/")[2].decode()
    assert 'href="/services/exchange?wsdl"' in page
    assert "Trục liên thông văn bản mở" in page
    listed = [
        part.split('"')[0] for part in page.split('href="')[1:] if part.startswith("/schemas")
    ]
    assert listed
    for address in listed:
        status, headers, body = get(address)
        assert status == "200 OK"
        assert "xml" in headers["Content-Type"]
        assert b"<" in body[:10]


@pytest.mark.parametrize(
    "path",
    [
        "/schemas/../conf/bus.toml",
        "/schemas/../../setup.cfg",
        "/schemas//etc/passwd",
        "/wsdl/README.md",
    ],
)
def test_nothing_but_schemas_can_be_downloaded(path: str) -> None:
    """No path leads out of the published files, or to other files beside them."""
    assert get(path)[0] == "404 Not Found"


def test_pages_are_read_only() -> None:
    """Other methods are refused with the ones that are allowed; HEAD has no body."""
    status, headers, _ = get("/healthz", method="DELETE")
    assert (status, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")
    status, headers, body = get("/healthz", method="HEAD")
    assert (status, body) == ("200 OK", b"")
    assert int(headers["Content-Length"]) > 0
