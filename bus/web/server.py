"""The HTTP server: granian, embedded in this process, around one ASGI application.

It runs in any thread and touches no signals; whoever owns the process calls stop().
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from bus.config import ServerSettings
from bus.errors import Misconfigured

_AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

#: Largest request head, bytes; also the largest piece in which a body arrives.
_HEAD_BYTES = 64 * 1024
#: Connections waiting to be accepted.
_BACKLOG = 4096
#: Connections open at once; admission is the application's business, this only guards the process.
_CONNECTIONS = 16_384
#: granian sets up logging for the whole process unless it is told that only levels change.
_LOGGING_UNTOUCHED = {"incremental": True, "handlers": {}, "loggers": {}, "formatters": {}}


class WebServer:
    """Serves `asgi_app` over HTTP/1.1 on the address of the settings.

    A request whose head does not arrive in time (`head_deadline_s`), however steadily it drips,
    and a connection idle that long, is closed without a word, as no request was made.
    """

    def __init__(self, asgi_app: _AsgiApp, settings: ServerSettings) -> None:
        self._app = asgi_app
        self._settings = settings
        self._claim: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._failure: BaseException | None = None

    def start(self) -> tuple[str, int]:
        """Serve in a background thread; the (host, port) that now accepts connections.

        Raises Misconfigured CFG-001 when the address cannot be listened on.
        """
        self._claim = _claim(self._settings.host, self._settings.port)
        host, port = self._claim.getsockname()[:2]
        _allow_open_files(_CONNECTIONS + 1024)
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(host, port, ready), name="bus-http", daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            raise Misconfigured(f"[server] {host}:{port}: {self._failure}") from self._failure
        return host, port

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when the server has ended, or after `timeout_s` seconds."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def run(self) -> None:
        """Serve until another thread calls stop()."""
        self.start()
        self.wait()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Accept nothing more, let requests in hand finish; False when some were cut off.

        Idempotent. Requests still open after `timeout_s` seconds are abandoned.
        """
        if self._thread is None or self._loop is None or self._server is None:
            return True
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(timeout_s)
        finished = not self._thread.is_alive()
        if not finished:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_cancel_all)
            self._thread.join(1.0)
        self._release()
        return finished

    def _run(self, host: str, port: int, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(host, port, ready))
        except (OSError, RuntimeError) as error:
            self._failure = error
        except asyncio.CancelledError:
            pass
        finally:
            self._release()
            ready.set()

    async def _serve(self, host: str, port: int, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = Server(
            self._app,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=_CONNECTIONS,
            http1_settings=HTTP1Settings(
                max_buffer_size=_HEAD_BYTES,
                header_read_timeout=math.ceil(self._settings.head_deadline_s * 1000),
            ),
            log_enabled=False,
            log_dictconfig=_LOGGING_UNTOUCHED,
        )
        serving = asyncio.create_task(self._server.serve())
        await _accepting(host, port, serving)
        ready.set()
        await serving

    def _release(self) -> None:
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def _claim(host: str, port: int) -> socket.socket:
    """Take the address, so that no other process gets it between this moment and granian's bind.

    granian binds with SO_REUSEPORT, which would let two buses share a port without a word.
    So the address is bound without that option, which fails when anyone else has it, and
    the option is set afterwards, which lets granian, and only this user, join.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    claim = socket.socket(family, socket.SOCK_STREAM)
    try:
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        claim.bind((host, port))
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        claim.close()
        raise Misconfigured(f"[server] {host}:{port}: {error.strerror}.") from error
    return claim


async def _accepting(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Return when a connection is accepted; raises what ended `serving` before that."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(target, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    serving.result()


def _cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


def _allow_open_files(wanted: int) -> None:
    """Raise the soft limit of open files as far as the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
