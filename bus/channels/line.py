"""One receiver's HTTP line: bounded answers, no redirects, no address but its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3

from bus import errors
from bus.channels import outcomes
from bus.channels.contract import MOST_BYTES, Contract
from bus.channels.deadline import TimedAdapter

#: Longest wait for a TCP and TLS connection, seconds; a dead host must not cost a whole timeout.
CONNECT_S = 10.0
#: Largest answer to a push that is read, bytes; a receiver answers with a few lines.
ANSWER_BYTES = 1024 * 1024
#: Most documents that make up one WSDL.
WSDL_PARTS = 64
_CHUNK_BYTES = 65_536

Headers: TypeAlias = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How one address is reached from one thread: through which connections, under which name."""

    pool: Any
    target: str
    headers: dict[str, str]


class Line:
    """HTTP to one receiver; one session per thread, since sessions are not made for sharing.

    Every failure of the network becomes PeerUnavailable. zeep loads the WSDL through `load`.
    """

    def __init__(self, url: str, timeout_s: float, *, answer_bytes: int = ANSWER_BYTES) -> None:
        self._origin = origin(url)
        self._timeout_s = timeout_s
        self._answer_bytes = answer_bytes
        self._local = threading.local()
        self._loaded = 0
        self._contract = Contract()

    def load(self, url: str) -> bytes:
        """One document of the WSDL; Raises PeerUnavailable DLV-003 when it lies elsewhere or is too large."""
        if origin(url) != self._origin:
            raise errors.PeerUnavailable(f"WSDL refers to {url}", code="DLV-003")
        self._loaded += 1
        if self._loaded > WSDL_PARTS:
            raise errors.PeerUnavailable(f"WSDL of more than {WSDL_PARTS} parts", code="DLV-003")
        answer = self._exchange("GET", url, None, {}, limit=MOST_BYTES)
        content = outcomes.judge_document(answer, datetime.now(UTC))
        # What zeep may fill in it has loaded before: each document is weighed with the earlier ones.
        self._contract.add(content)
        return content

    def post(self, url: str, body: bytes, headers: Headers) -> outcomes.Answer:
        """Send one request; Raises PeerUnavailable DLV-001 or DLV-003."""
        return self._exchange("POST", url, body, headers, limit=self._answer_bytes)

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Headers, *, limit: int
    ) -> outcomes.Answer:
        timeout = urllib3.Timeout(connect=min(CONNECT_S, self._timeout_s), read=self._timeout_s)
        try:
            way = self._way(url)
            response = way.pool.urlopen(
                method,
                way.target,
                body=body,
                headers={**way.headers, **headers},
                timeout=timeout,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                return self._answer(response, limit)
            finally:
                # What was read to its end gave its connection back already.
                response.close()
        # ValueError: a malformed host or port is passed on as it comes.
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise errors.PeerUnavailable(outcomes.bounded(_cause(e))) from e

    def _answer(self, response: urllib3.BaseHTTPResponse, limit: int) -> outcomes.Answer:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise errors.PeerUnavailable("compressed answer, not asked for", code="DLV-003")
        return outcomes.Answer(
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            retry_after=response.headers.get("Retry-After"),
            content=self._read(response, limit),
        )

    def _read(self, response: urllib3.BaseHTTPResponse, limit: int) -> bytes:
        # The socket's timeout starts anew with every byte; the deadline does not.
        deadline = time.monotonic() + self._timeout_s
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_CHUNK_BYTES, decode_content=False):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise errors.PeerUnavailable(f"answer of more than {limit} bytes", code="DLV-003")
            if time.monotonic() > deadline:
                raise errors.PeerUnavailable(f"answer not complete in {self._timeout_s:g} s")
        return b"".join(parts)

    def _way(self, url: str) -> _Way:
        ways: dict[str, _Way] | None = getattr(self._local, "ways", None)
        if ways is None:
            ways = self._local.ways = {}
        if url not in ways:
            ways[url] = _find_way(self._session(url), url)
        return ways[url]

    def _session(self, url: str) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = open_session(url)
        return session


def _find_way(session: requests.Session, url: str) -> _Way:
    """What requests would make of every call to an address, found once: it takes it a millisecond."""
    prepared = session.prepare_request(requests.Request("GET", url))
    adapter: Any = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(
        prepared, session.verify, proxies=session.proxies
    )
    adapter.cert_verify(pool, url, session.verify, None)
    target = adapter.request_url(prepared, session.proxies)
    return _Way(pool=pool, target=target, headers=dict(prepared.headers))


def open_session(url: str) -> requests.Session:
    """A session that sends no stored credentials or cookies; proxies and CAs as the host has them."""
    session = requests.Session()
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "lienthong-bus"})
    session.mount("http://", TimedAdapter())
    session.mount("https://", TimedAdapter())
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Asked once here, not at every call, and without the .netrc that trust_env would add.
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = dict(found["proxies"]), found["verify"]
    session.trust_env = False
    return session


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an HTTP address; Raises Misconfigured CFG-002 for any other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise errors.Misconfigured(f"address {url!r}: {error}", code="CFG-002") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise errors.Misconfigured(f"address {url!r} is no http(s) URL", code="CFG-002")
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, parts.hostname, port or default


def _cause(error: BaseException) -> str:
    # requests wraps urllib3 wraps the socket: the innermost says it in plain words.
    inner: BaseException = error
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__ or inner
    return f"{type(error).__name__}: {inner}"
