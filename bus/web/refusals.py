"""Answers that the edge gives by itself, before any service saw the request."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from bus.errors import BusError

Headers: TypeAlias = list[tuple[str, str]]
#: Makes (status line, headers, body) for a request that is refused; gets its WSGI environment
#: without `wsgi.input`, so that a SOAP service can answer with a fault of the caller's version.
Refuse: TypeAlias = Callable[[dict[str, Any], BusError], tuple[str, Headers, bytes]]

_STATUSES = {
    "RCV-001": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "RCV-004": HTTPStatus.REQUEST_TIMEOUT,
    "STO-001": HTTPStatus.SERVICE_UNAVAILABLE,
    "SVC-007": HTTPStatus.SERVICE_UNAVAILABLE,
    "SVC-009": HTTPStatus.METHOD_NOT_ALLOWED,
    "SVC-010": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "SVC-011": HTTPStatus.NOT_FOUND,
    "BUG-001": HTTPStatus.INTERNAL_SERVER_ERROR,
}


def http_status(error: BusError) -> HTTPStatus:
    """The HTTP status that says the same as a bus error (RFC 9110 §15)."""
    default = HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.BAD_REQUEST
    return _STATUSES.get(error.code, default)


def plain_refusal(environ: dict[str, Any], error: BusError) -> tuple[str, Headers, bytes]:
    """A JSON refusal `{code, message, messageVi, hint, hintVi, retryable}` in UTF-8."""
    del environ
    status = http_status(error)
    body = {
        "code": error.code,
        "message": error.message,
        "messageVi": error.message_vi,
        "hint": error.entry.hint,
        "hintVi": error.entry.hint_vi,
        "retryable": error.retryable,
    }
    return (
        f"{status.value} {status.phrase}",
        [("Content-Type", "application/json; charset=utf-8")],
        json.dumps(body, ensure_ascii=False).encode(),
    )


def refuse_by_path(services: Mapping[str, Refuse]) -> Refuse:
    """Let the service under whose prefix a request falls refuse it in its own words."""

    def refuse(environ: dict[str, Any], error: BusError) -> tuple[str, Headers, bytes]:
        path = environ["PATH_INFO"]
        for prefix in sorted(services, key=len, reverse=True):
            if path == prefix or path.startswith(prefix.rstrip("/") + "/"):
                return services[prefix](environ, error)
        return plain_refusal(environ, error)

    return refuse


def retry_after(headers: Headers, error: BusError) -> Headers:
    """The Retry-After header (RFC 9110 §10.2.3) that `headers` of a refusal still lack."""
    told = any(name.lower() == "retry-after" for name, _ in headers)
    if told or error.retry_after_s is None:
        return []
    return [("Retry-After", str(max(1, math.ceil(error.retry_after_s))))]
