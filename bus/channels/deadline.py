"""A deadline for a whole answer: socket timeouts begin anew with every byte a receiver drips."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Watch:
    """Shuts sockets down whose time is over; one thread for all, none before the first use."""

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._until: dict[int, tuple[float, socket.socket]] = {}
        self._next = 0
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, sock: socket.socket, seconds: float) -> Iterator[None]:
        """Let what happens inside take `seconds` at most; then reading the socket ends."""
        with self._state:
            self._next += 1
            mine = self._next
            self._until[mine] = (time.monotonic() + seconds, sock)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bus-watch", daemon=True)
                self._thread.start()
            if len(self._until) == 1:
                self._state.notify()
        try:
            yield
        finally:
            with self._state:
                self._until.pop(mine, None)

    def _run(self) -> None:
        while True:
            with self._state:
                while not self._until:
                    self._state.wait()
                now = time.monotonic()
                for key in [key for key, (until, _) in self._until.items() if until <= now]:
                    _shut(self._until.pop(key)[1])
                # Waking twice a second is cheaper than being notified at every call.
                self._state.wait(0.5)


def _shut(sock: socket.socket) -> None:
    # The plain socket's method: an SSLSocket would drop the TLS state the reader is using.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


_WATCH = Watch()


class _Timed:
    """Bounds the wait for status line and headers as a whole."""

    sock: socket.socket | None
    timeout: Any

    def getresponse(self) -> Any:
        if self.sock is None or not isinstance(self.timeout, int | float):
            return super().getresponse()  # type: ignore[misc]  # mixed into a connection
        with _WATCH.over(self.sock, self.timeout):
            return super().getresponse()  # type: ignore[misc]  # mixed into a connection


class _Connection(_Timed, HTTPConnection):
    pass


class _SecureConnection(_Timed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class TimedAdapter(HTTPAdapter):
    """Requests' adapter on connections whose answers have a deadline: the read timeout."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our connections for both schemes; a proxy's connections stay as they are."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
