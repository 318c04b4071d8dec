"""The door of the bus: receives requests asynchronously, then works on each in a thread.

Plain WSGI threads starve on a handful of slow senders. Here a slow sender costs a spool
and nothing else; a thread is taken only when the whole request is there. This is the one
asynchronous module of the bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from wsgiref.types import WSGIApplication

from bus import cpus
from bus.config import LimitSettings, ServerSettings
from bus.errors import (
    BusError,
    Defect,
    LimitExceeded,
    Postponed,
    ProtocolRejected,
    ServiceBusy,
    StoreUnavailable,
)
from bus.web.answer import Answer, call
from bus.web.environ import Environ, Scope, environ_of
from bus.web.refusals import Refuse, plain_refusal, retry_after
from bus.web.spool import MEMORY_BYTES, Spool

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]

_LOG = logging.getLogger("bus.web")
#: Bodies from this size on are large: C code runs longer over them than Python does, bytes.
_LARGE_BYTES = 64 * 1024
#: Large requests worked on at once; each takes several times its size in memory.
_LARGE_THREADS = 4
#: Asked by machines that must get an answer while the bus is busy; they have threads of their own.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How slow a client may be, and how patient the door is after a refusal."""

    #: Time in which nothing is expected of a sender yet, seconds.
    grace_s: float = 10.0
    #: Average speed demanded of a sender after that, bytes per second.
    bytes_per_s: float = 512.0
    #: When the house is full, the slowest sender loses its place to who comes; not in its first
    #: moments, seconds.
    spare_s: float = 1.0
    #: Longest wait for a reader to take one piece (256 KB) of an answer, seconds.
    send_s: float = 60.0
    #: How long, and how much of, a refused body is read and dropped: a client that is cut off
    #: while it still sends never reads why.
    linger_s: float = 3.0
    linger_bytes: int = 8 * 1024 * 1024
    #: What "busy" asks a client to wait, seconds.
    retry_s: float = 5.0


@dataclass(eq=False, slots=True)
class _Arrival:
    """One request on its way in; its patience is there while the next piece is waited for."""

    started: float
    spool: Spool
    patience: asyncio.Timeout | None = None

    def waits(self) -> bool:
        """Whether it can be sent away now."""
        return self.patience is not None and not self.patience.expired()

    def pace(self, now: float) -> float:
        """Bytes per second so far."""
        return self.spool.size / max(now - self.started, 0.001)

    def send_away(self, now: float) -> None:
        """End the wait for the next piece, as if its time were over."""
        if self.patience is not None:
            self.patience.reschedule(now)


class _ClientGone(Exception):
    """The client went away before its request was complete: nothing happened."""


class Intake:
    """An ASGI 3 application around a WSGI application.

    Refuses with `refuse` what is too large (RCV-001), too slow (RCV-004), compressed
    (SVC-010) or too much at once (SVC-007) before a thread is spent on it. A client
    that leaves while it sends leaves no trace; once the request is complete, the work is
    done to its end whether or not the client waits for the answer.
    """

    def __init__(
        self,
        app: WSGIApplication,
        server: ServerSettings,
        limits: LimitSettings,
        *,
        refuse: Refuse = plain_refusal,
        pace: Pace | None = None,
        folder: Path | None = None,
    ) -> None:
        self._app = app
        self._server = server
        self._limits = limits
        self._refuse_with = refuse
        self._pace = pace or Pace()
        self._folder = folder
        self._workers = ThreadPoolExecutor(server.threads, thread_name_prefix="bus-web")
        #: For bodies over which C code runs for long, outside the interpreter and side by side.
        self._large = ThreadPoolExecutor(
            min(server.threads, _LARGE_THREADS),
            thread_name_prefix="bus-large",
            initializer=cpus.as_here(),
        )
        self._probers = ThreadPoolExecutor(2, thread_name_prefix="bus-probe")
        self._disk = ThreadPoolExecutor(2, thread_name_prefix="bus-spool")
        self._open = 0
        self._arriving: set[_Arrival] = set()

    @property
    def open_requests(self) -> int:
        """Requests that are arriving, waiting or being worked on now."""
        return self._open

    def close(self) -> None:
        """Wait for the work in hand, then end the threads."""
        for pool in (self._workers, self._large, self._probers, self._disk):
            pool.shutdown(wait=True)

    async def __call__(self, scope: Scope, receive: _Receive, send: _Send) -> None:
        """Serve one ASGI connection scope of type `http`."""
        if scope["type"] != "http":
            raise Defect(f"ASGI scope {scope['type']!r} is not served.")
        environ = environ_of(scope)
        try:
            answer = await self._admitted(environ, receive)
        except _ClientGone:
            # Or its chunks are broken, which looks the same from here: then 400 is read.
            await self._send(Answer(400, [("Connection", "close")], b""), environ, send)
            return
        except BusError as error:
            await self._refuse(environ, error, receive, send)
            return
        try:
            await self._send(answer, environ, send)
        finally:
            answer.close()

    async def _admitted(self, environ: Environ, receive: _Receive) -> Answer:
        if environ["PATH_INFO"] in PROBES:
            # no body is read for them, so that none can slip past the limits
            return await self._work(environ, Spool(), self._probers)
        if self._open >= self._server.head_room and not self._make_room():
            raise ServiceBusy(retry_after_s=self._pace.retry_s)
        self._open += 1
        try:
            with Spool(self._folder) as spool:
                await self._receive(environ, receive, spool)
                pool = self._large if spool.size > _LARGE_BYTES else self._workers
                return await self._work(environ, spool, pool)
        finally:
            self._open -= 1

    def _make_room(self) -> bool:
        """Send the slowest sender away; False when nobody is slow enough to be."""
        now, spare = asyncio.get_running_loop().time(), self._pace.spare_s
        slow = [one for one in self._arriving if one.waits() and now - one.started >= spare]
        if not slow:
            return False
        slowest = min(slow, key=lambda one: one.pace(now))
        self._arriving.discard(slowest)
        slowest.send_away(now)
        return True

    async def _receive(self, environ: Environ, receive: _Receive, spool: Spool) -> None:
        arrival = _Arrival(asyncio.get_running_loop().time(), spool)
        self._arriving.add(arrival)
        try:
            await self._receive_body(environ, receive, arrival)
        finally:
            self._arriving.discard(arrival)

    async def _receive_body(self, environ: Environ, receive: _Receive, arrival: _Arrival) -> None:
        self._check_head(environ)
        loop, spool = asyncio.get_running_loop(), arrival.spool
        more = True
        while more:
            message = await self._next(receive, arrival)
            if message["type"] != "http.request":
                raise _ClientGone
            more = message.get("more_body", False)
            if spool.hold(message.get("body", b"")):
                self._check_size(spool.size)
                await self._flush(loop, spool)
        self._check_size(spool.size)

    def _check_head(self, environ: Environ) -> None:
        encoding = environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
        if encoding not in {"identity", ""}:
            raise ProtocolRejected(f"Content-Encoding: {encoding[:40]}", code="SVC-010")
        declared = environ.get("CONTENT_LENGTH", "")
        if declared.isascii() and declared.isdigit():
            self._check_size(int(declared))

    def _check_size(self, size: int) -> None:
        limit = self._limits.body_bytes
        if size > limit:
            raise LimitExceeded(f"{size} > {limit} bytes.")

    def _deadline(self, started: float, received: int) -> float:
        earned = self._pace.grace_s + received / self._pace.bytes_per_s
        return started + min(self._server.body_deadline_s, earned)

    async def _next(self, receive: _Receive, arrival: _Arrival) -> _Message:
        deadline = self._deadline(arrival.started, arrival.spool.size)
        try:
            async with asyncio.timeout_at(deadline) as arrival.patience:
                return await receive()
        except TimeoutError as error:
            raise Postponed(code="RCV-004", stage="receive") from error
        finally:
            arrival.patience = None

    async def _flush(self, loop: asyncio.AbstractEventLoop, spool: Spool) -> None:
        try:
            await loop.run_in_executor(self._disk, spool.flush)
        except OSError as error:
            raise StoreUnavailable(retry_after_s=self._pace.retry_s) from error

    async def _work(self, environ: Environ, spool: Spool, pool: ThreadPoolExecutor) -> Answer:
        work = asyncio.get_running_loop().run_in_executor(pool, self._call, environ, spool)
        await asyncio.wait({work})
        failure = work.exception()
        if failure is None or isinstance(failure, BusError):
            return work.result()
        # The outermost edge: what a service lets through is told here and must not close the door.
        _LOG.error("unhandled error in %s", environ["PATH_INFO"], exc_info=failure)
        raise Defect from failure

    def _call(self, environ: Environ, spool: Spool) -> Answer:
        try:
            environ["wsgi.input"] = spool.reader()
        except OSError as error:
            raise StoreUnavailable(retry_after_s=self._pace.retry_s) from error
        environ["CONTENT_LENGTH"] = str(spool.size)
        return call(self._app, environ)

    async def _refuse(
        self, environ: Environ, error: BusError, receive: _Receive, send: _Send
    ) -> None:
        # faults are signed, which takes too long for the event loop
        loop = asyncio.get_running_loop()
        status, headers, body = await loop.run_in_executor(
            self._disk, self._refuse_with, environ, error
        )
        unread = "wsgi.input" not in environ
        extra = retry_after(headers, error) + ([("Connection", "close")] if unread else [])
        answer = Answer(int(status.split(" ", 1)[0]), [*headers, *extra], body)
        await self._send(answer, environ, send)
        # a client that asked before sending sends nothing after a refusal
        if unread and "100-continue" not in environ.get("HTTP_EXPECT", "").lower():
            await self._linger(receive)

    async def _linger(self, receive: _Receive) -> None:
        dropped = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.linger_s):
                while dropped < self._pace.linger_bytes:
                    message = await receive()
                    dropped += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    async def _send(self, answer: Answer, environ: Environ, send: _Send) -> None:
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers
        ]
        known = {name for name, _ in headers}
        if b"content-length" not in known and answer.status not in {204, 304}:
            headers.append((b"content-length", str(answer.size).encode()))
        if b"server" not in known:
            headers.append((b"server", b"lienthong"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if environ["REQUEST_METHOD"] != "HEAD":
            await self._send_body(answer.body, send)
        else:
            await send({"type": "http.response.body", "body": b""})

    async def _send_body(self, body: bytes | Spool, send: _Send) -> None:
        if isinstance(body, bytes) and len(body) <= MEMORY_BYTES:
            await send({"type": "http.response.body", "body": body})
            return
        async for piece in self._pieces(body):
            # a reader that stops reading is cut off: the raised TimeoutError ends the connection
            async with asyncio.timeout(self._pace.send_s):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _pieces(self, body: bytes | Spool) -> AsyncIterator[bytes]:
        if isinstance(body, bytes):
            for start in range(0, len(body), MEMORY_BYTES):
                yield body[start : start + MEMORY_BYTES]
            return
        loop = asyncio.get_running_loop()
        chunks = body.chunks()
        while piece := await loop.run_in_executor(self._disk, next, chunks, b""):
            yield piece
