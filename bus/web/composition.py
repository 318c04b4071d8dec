"""One WSGI application out of all that the bus answers over HTTP."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from html import escape
from http import HTTPStatus
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from bus.errors import BusError, NotFound, ProtocolRejected
from bus.web.health import HealthReport
from bus.web.metrics import Metrics
from bus.web.refusals import plain_refusal

#: Kinds of files that can be downloaded; anything else beside them stays private.
_MEDIA = {
    ".xsd": "application/xml; charset=utf-8",
    ".wsdl": "text/xml; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
}

_PAGE = """<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><title>Liên Thông</title></head><body>
<h1>Liên Thông</h1>
<p>Trục liên thông văn bản mở. <span lang="en">An open document-exchange bus.</span></p>
<h2>Dịch vụ <span lang="en">(services)</span></h2><ul>{services}</ul>
<h2>Lược đồ và WSDL <span lang="en">(schemas and WSDLs)</span></h2><ul>{files}</ul>
<h2>Vận hành <span lang="en">(operation)</span></h2><ul>{probes}</ul>
</body></html>
"""


def compose(
    services: Mapping[str, WSGIApplication],
    *,
    health: Callable[[], HealthReport],
    metrics: Metrics,
) -> WSGIApplication:
    """Put services and the bus's own pages under one roof; the longest matching prefix serves.

    A service mounted at `/services/exchange` sees that as SCRIPT_NAME and the rest as PATH_INFO.
    Errors of services pass through untouched.
    """
    files = {**_downloads("schemas"), **_downloads("wsdl")}
    pages = {
        "/": lambda: _html(_index(services, files)),
        "/healthz": lambda: _json({"alive": True}),
        "/readyz": lambda: _readiness(health()),
        "/metrics": lambda: _Page(metrics.content_type, metrics.render()),
    }
    prefixes = sorted(services, key=len, reverse=True)

    def composed(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"] or "/"
        for prefix in prefixes:
            if path == prefix or path.startswith(prefix.rstrip("/") + "/"):
                environ["SCRIPT_NAME"] = environ["SCRIPT_NAME"] + prefix
                environ["PATH_INFO"] = path[len(prefix) :]
                return services[prefix](environ, start_response)
        return _own(environ, pages, files)(environ, start_response)

    return composed


class _Page:
    """A small answer made whole in memory, itself a WSGI application."""

    def __init__(
        self,
        media: str,
        body: bytes,
        status: HTTPStatus = HTTPStatus.OK,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._status = f"{status.value} {status.phrase}"
        self._headers = [
            ("Content-Type", media),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            *extra,
        ]
        self._body = body

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response(self._status, self._headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self._body]


def _own(
    environ: dict[str, Any],
    pages: Mapping[str, Callable[[], _Page]],
    files: Mapping[str, Traversable],
) -> _Page:
    path = environ["PATH_INFO"] or "/"
    page, file = pages.get(path), files.get(path)
    if file is not None:
        page = functools.partial(_download, file)
    if page is None:
        return _refusal(environ, NotFound(code="SVC-011", stage="service"))
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return _refusal(environ, ProtocolRejected(code="SVC-009"), (("Allow", "GET, HEAD"),))
    return page()


def _download(file: Traversable) -> _Page:
    return _Page(_MEDIA[file.name[file.name.rindex(".") :]], file.read_bytes())


def _downloads(folder: str) -> dict[str, Traversable]:
    """Every schema and WSDL by its address; built once, so that no request names a file."""
    found: dict[str, Traversable] = {}

    def walk(place: Traversable, address: str) -> None:
        for item in sorted(place.iterdir(), key=lambda entry: entry.name):
            if item.is_dir():
                walk(item, f"{address}/{item.name}")
            elif item.name.endswith(tuple(_MEDIA)):
                found[f"{address}/{item.name}"] = item

    root = resources.files("bus.resources") / folder
    if root.is_dir():
        walk(root, f"/{folder}")
    return found


def _readiness(report: HealthReport) -> _Page:
    facts = {fact.name: {"ok": fact.ok, "detail": fact.detail} for fact in report.facts}
    status = HTTPStatus.OK if report.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return _json({"ready": report.ready, "facts": facts}, status)


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> _Page:
    body = json.dumps(value, ensure_ascii=False).encode()
    return _Page("application/json; charset=utf-8", body, status, (("Cache-Control", "no-store"),))


def _html(text: str) -> _Page:
    return _Page("text/html; charset=utf-8", text.encode())


def _index(services: Iterable[str], files: Iterable[str]) -> str:
    return _PAGE.format(
        services=_links(f"{prefix}?wsdl" for prefix in sorted(services)),
        files=_links(sorted(files)),
        probes=_links(("/healthz", "/readyz", "/metrics")),
    )


def _links(addresses: Iterable[str]) -> str:
    return "".join(f'<li><a href="{escape(a)}">{escape(a)}</a></li>' for a in addresses)


def _refusal(
    environ: dict[str, Any], error: BusError, extra: tuple[tuple[str, str], ...] = ()
) -> _Page:
    status, headers, body = plain_refusal(environ, error)
    return _Page(headers[0][1], body, HTTPStatus(int(status.split(" ", 1)[0])), extra)
