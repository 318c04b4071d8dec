"""One call of a WSGI application in a worker thread, with its whole answer kept ready to send.

Nothing is sent while the application works: a slow reader holds no thread, and the body
of a large answer waits on disk, not in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeAlias
from wsgiref.types import WSGIApplication

from bus.errors import Defect, StoreUnavailable
from bus.web.environ import Environ
from bus.web.spool import Spool

_ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None
)


@dataclass(slots=True)
class Answer:
    """Status, headers and the complete body; close() frees the body."""

    status: int
    headers: list[tuple[str, str]]
    #: Answers that were already whole in memory, else a spool.
    body: bytes | Spool = field(repr=False)

    @property
    def size(self) -> int:
        """Length of the body in bytes."""
        return self.body.size if isinstance(self.body, Spool) else len(self.body)

    def close(self) -> None:
        """Free the body."""
        if isinstance(self.body, Spool):
            self.body.close()


class _Starter:
    """The start_response of one call (PEP 3333)."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.written = Spool()

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo = None, /
    ) -> Callable[[bytes], object]:
        if self.status and not exc_info:
            raise Defect("start_response was called twice.")
        self.status, self.headers = status, list(headers)
        return self.write

    def write(self, data: bytes) -> None:
        """Keep a part of the body."""
        try:
            self.written.write(data)
        except OSError as error:
            self.written.close()
            raise StoreUnavailable(error.strerror or "") from error


def call(app: WSGIApplication, environ: Environ) -> Answer:
    """Run `app` to its end.

    Raises whatever it raises, StoreUnavailable when no disk takes its answer, and Defect when it
    never starts to answer.
    """
    start = _Starter()
    result: Any = app(environ, start)
    try:
        body = _body(result, start)
    finally:
        if hasattr(result, "close"):
            result.close()
    if not start.status:
        raise Defect("The application did not start its answer.")
    return Answer(int(start.status.split(" ", 1)[0]), start.headers, body)


def _body(result: Iterable[bytes], start: _Starter) -> bytes | Spool:
    if isinstance(result, (list, tuple)) and not start.written.size:
        return b"".join(result)
    for chunk in result:
        start.write(chunk)
    return start.written
