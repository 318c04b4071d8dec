"""What headers of terminators are worth, by who wrote them."""

from __future__ import annotations

import asyncio
import base64
import logging
import urllib.parse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.config import ServerSettings, Settings
from bus.endpoints.request import CLIENT_CERTIFICATE
from bus.web.environ import environ_of
from bus.web.terminator import BehindTerminators, certificate_of

DER = bytes(range(200))
PEM = (
    "-----BEGIN CERTIFICATE-----\n"
    + base64.encodebytes(DER).decode()
    + "-----END CERTIFICATE-----\n"
)
ESCAPED = urllib.parse.quote(PEM, safe="").encode()


def seen(
    client: str | None, *headers: tuple[bytes, bytes], trusted: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The WSGI environment behind terminators."""
    settings = ServerSettings.model_validate({"trusted_proxies": trusted})
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        told.append(scope)

    scope = {
        "type": "http", "method": "POST", "path": "/x", "scheme": "http",
        "client": (client, 4711) if client is not None else None,
        "headers": list(headers),
    }  # fmt: skip
    asyncio.run(BehindTerminators(app, settings)(scope, None, None))  # type: ignore[arg-type]  # a coroutine
    return environ_of(told[0])


FORGED = (
    (b"X-Client-Cert", ESCAPED),
    (b"X-Forwarded-For", b"203.0.113.9"),
    (b"X-Forwarded-Proto", b"https"),
    (b"Forwarded", b"for=203.0.113.9"),
)


@pytest.mark.parametrize("client", ["127.0.0.1", "10.0.1.1", "::1", "", None, "no address"])
def test_strangers_say_nothing(client: str | None) -> None:
    """From an address that is not named no certificate, address or scheme is taken."""
    environ = seen(client, *FORGED, (b"X-Kept", b"1"), trusted=("10.0.0.0/24", "fd00::1"))
    assert CLIENT_CERTIFICATE not in environ
    assert environ["REMOTE_ADDR"] == (client or "")
    assert environ["wsgi.url_scheme"] == "http"
    assert [key for key in environ if key.startswith("HTTP_")] == ["HTTP_X_KEPT"]


@pytest.mark.parametrize("client", ["10.0.0.7", "fd00::1", "::ffff:10.0.0.7"])
def test_a_named_terminator_is_believed(client: str) -> None:
    """Its certificate, address and scheme take the place of its own; the headers are gone."""
    environ = seen(client, *FORGED, trusted=("10.0.0.0/24", "fd00::1"))
    assert environ[CLIENT_CERTIFICATE] == DER
    assert environ["REMOTE_ADDR"] == "203.0.113.9"
    assert environ["wsgi.url_scheme"] == "https"
    assert not [key for key in environ if key.startswith("HTTP_")]


@pytest.mark.parametrize(
    ("said", "remote"),
    [
        (b"1.2.3.4, 203.0.113.9", "203.0.113.9"),
        (b"1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        (b"1.2.3.4, unknown", "10.0.0.7"),
        (b"unknown, 1.2.3.4", "1.2.3.4"),
        (b"", "10.0.0.7"),
        (b"2001:db8::5", "2001:db8::5"),
    ],
)
def test_only_the_last_step_before_our_own_counts(said: bytes, remote: str) -> None:
    """What stands before the first address a terminator of ours did not write is hearsay."""
    environ = seen("10.0.0.7", (b"x-forwarded-for", said), trusted=("10.0.0.0/24",))
    assert environ["REMOTE_ADDR"] == remote


def test_two_certificate_headers_are_none() -> None:
    """Where a second header slipped past the terminator, neither is believed."""
    twice = seen("10.0.0.7", FORGED[0], FORGED[0], trusted=("10.0.0.7",))
    assert twice.get(CLIENT_CERTIFICATE) is None


def test_no_header_is_no_certificate() -> None:
    """A client without a certificate has none behind a terminator either."""
    assert seen("10.0.0.7", trusted=("10.0.0.7",)).get(CLIENT_CERTIFICATE) is None


def test_both_usual_forms_are_read() -> None:
    """URL-escaped PEM, and the byte sequence of RFC 9440."""
    assert certificate_of(ESCAPED) == DER
    assert certificate_of(b" :" + base64.b64encode(DER) + b": ") == DER
    assert certificate_of(b"") is None


@given(st.binary(max_size=200))
def test_garbage_is_no_certificate_and_no_trouble(value: bytes) -> None:
    """Whatever a header holds, reading it ends in bytes or in nothing."""
    found = certificate_of(value)
    assert found is None or isinstance(found, bytes)


def test_an_unreadable_certificate_is_told_to_the_operator(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A terminator that is set up wrongly shows in the log."""
    with caplog.at_level(logging.WARNING, "bus.web"):
        assert certificate_of(b"-----BEGIN CERTIFICATE----- MIIB") is None
    assert "no certificate" in caplog.text


def test_networks_come_from_file_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses and networks can be given as JSON in the environment; a host name is refused."""
    monkeypatch.setenv("BUS_SERVER__TRUSTED_PROXIES", '["127.0.0.2", "10.0.0.0/8"]')
    assert [str(each) for each in Settings().server.trusted_proxies] == [
        "127.0.0.2/32",
        "10.0.0.0/8",
    ]
    monkeypatch.setenv("BUS_SERVER__TRUSTED_PROXIES", '["proxy.example.vn"]')
    with pytest.raises(ValueError, match="trusted_proxies"):
        Settings()
