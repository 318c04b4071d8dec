"""What the edge says by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bus.errors import BusError, LimitExceeded, Misconfigured, Postponed, ServiceBusy
from bus.web.refusals import http_status, plain_refusal, refuse_by_path, retry_after


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LimitExceeded(), 413),
        (Postponed(code="RCV-004"), 408),
        (ServiceBusy(), 503),
        (Postponed(code="DLV-001"), 503),
        (Misconfigured(), 400),
    ],
)
def test_errors_have_their_http_status(error: BusError, status: int) -> None:
    """What may be tried again is never told as the client's fault for good."""
    assert http_status(error) == status


def test_a_refusal_speaks_both_languages() -> None:
    """A plain refusal is UTF-8 JSON with code, words and cure."""
    status, headers, body = plain_refusal({}, LimitExceeded("9 > 5 bytes."))
    assert status.startswith("413 ")
    assert headers == [("Content-Type", "application/json; charset=utf-8")]
    told = json.loads(body.decode("utf-8"))
    assert told["message"] == "The message is larger than the limit. 9 > 5 bytes."
    assert told["messageVi"] == "Thông điệp vượt quá dung lượng cho phép. 9 > 5 bytes."
    assert told["retryable"] is False


def test_each_service_refuses_below_its_own_prefix() -> None:
    """The service of the longest prefix writes the refusal; elsewhere it is plain JSON."""

    def own(environ: dict[str, Any], error: BusError) -> tuple[str, list[tuple[str, str]], bytes]:
        return "500 Fault", [], environ["PATH_INFO"].encode()

    refuse = refuse_by_path({"/services/exchange": own})
    assert refuse({"PATH_INFO": "/services/exchange/x"}, ServiceBusy())[0] == "500 Fault"
    assert refuse({"PATH_INFO": "/services/exchangeable"}, ServiceBusy())[0].startswith("503")


def test_retry_after_is_said_once_in_whole_seconds() -> None:
    """A fraction is rounded up, and a service that said it already is not contradicted."""
    busy = ServiceBusy(retry_after_s=1.2)
    assert retry_after([], busy) == [("Retry-After", "2")]
    assert retry_after([("retry-after", "9")], busy) == []
    assert retry_after([], ServiceBusy()) == []
