"""What a TLS terminator in front of the bus may say about a client, and that nobody else may.

A terminator ends TLS and hands over, in HTTP headers, where the client is and which certificate
it proved to hold. Anybody can write such headers, so they count only where the connection itself
comes from an address that the operator has named; from everybody else they are dropped.
"""

from __future__ import annotations

import binascii
import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

import pybase64

from bus.config import ServerSettings
from bus.endpoints.request import CLIENT_CERTIFICATE

#: Said by terminators: who called, and by which scheme.
_FORWARDED = frozenset(
    {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"}
)
#: Longest header that is read as a certificate, bytes; one with an RSA-8192 key takes 8 KB.
_LONGEST = 32 * 1024
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")
_LOG = logging.getLogger("bus.web")

_Scope: TypeAlias = Mapping[str, Any]
_AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
_Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


class BehindTerminators:
    """An ASGI application around another one, which then sees clients and not their terminator."""

    def __init__(self, app: _AsgiApp, settings: ServerSettings) -> None:
        self._app = app
        self._trusted = settings.trusted_proxies
        self._header = settings.client_certificate_header.lower().encode("latin-1")

    def __call__(self, scope: _Scope, receive: object, send: object) -> Awaitable[None]:
        """Pass one connection on."""
        return self._app(self._seen(scope), receive, send)

    def _seen(self, scope: _Scope) -> dict[str, Any]:
        """The scope without the headers of terminators, and with what a trusted one said."""
        headers = [(name.lower(), value) for name, value in scope.get("headers", ())]
        kept = [each for each in headers if not self._is_terminators(each[0])]
        plain = {**scope, "headers": kept}
        host, port = scope.get("client") or ("", 0)
        if not self._trusts(host):
            return plain
        said = _Said.read(headers, self._header)
        return plain | {
            "client": (self._origin(said.path) or host, port),
            "scheme": said.scheme or scope.get("scheme", "http"),
            CLIENT_CERTIFICATE: said.certificate,
        }

    def _is_terminators(self, name: bytes) -> bool:
        return name in _FORWARDED or name == self._header

    def _trusts(self, host: str) -> bool:
        if not self._trusted:
            return False
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._trusted)

    def _origin(self, path: tuple[str, ...]) -> str | None:
        """The last address on the way that is no terminator of ours; what is before it is hearsay."""
        for host in reversed(path):
            if not self._trusts(host):
                return host
        return path[0] if path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a trusted terminator said of one request."""

    #: Addresses from the client's on, as X-Forwarded-For lists them; only real ones.
    path: tuple[str, ...] = ()
    scheme: str = ""
    certificate: bytes | None = None

    @classmethod
    def read(cls, headers: _Headers, certificate_header: bytes) -> _Said:
        values: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            values.setdefault(name, []).append(value)
        hosts = b",".join(values.get(b"x-forwarded-for", [])).decode("latin-1").split(",")
        scheme = b",".join(values.get(b"x-forwarded-proto", [])).decode("latin-1").lower()
        shown = values.get(certificate_header, [])
        return cls(
            path=_from_last_garbage(hosts),
            scheme=scheme if scheme in {"http", "https"} else "",
            # two headers: one of them the terminator did not write
            certificate=certificate_of(shown[0]) if len(shown) == 1 else None,
        )


def certificate_of(value: bytes) -> bytes | None:
    """The DER of a certificate in a header: URL-escaped PEM, or `:base64:` (RFC 9440 §2.2).

    None for an empty or unreadable value, which is logged: the terminator is set up wrongly.
    """
    text = value.strip()
    if not text or len(text) > _LONGEST:
        return None
    byte_sequence = len(text) > 1 and text[:1] == text[-1:] == b":"
    pem = None if byte_sequence else _PEM.fullmatch(unquote_to_bytes(text))
    encoded = text[1:-1] if byte_sequence else pem and b"".join(pem[1].split())
    try:
        if encoded:
            return pybase64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        pass
    _LOG.warning("the TLS terminator hands over something that is no certificate")
    return None


def _from_last_garbage(hosts: Iterable[str]) -> tuple[str, ...]:
    """Addresses behind the last entry that is none."""
    path: list[str] = []
    for host in hosts:
        try:
            path.append(str(ipaddress.ip_address(host.strip())))
        except ValueError:
            path.clear()
    return tuple(path)
