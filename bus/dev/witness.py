"""Sees what a bus answers, and tells it as events: what was accepted, and why the rest was refused.

It stands outside everything else, so that whatever part of the bus refused a request is heard. Of
the request it keeps the address and the name of the operation: no secret can slip into an event.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from bus.dev.verdicts import Event, read_verdict

#: Query string by which the agencies of the sandbox mark calls of their own; they are not told.
OWN_CALLS = "sandbox=own"
#: Longest answer that is read for its verdict, bytes; longer ones are messages.
_LONGEST = 512 * 1024
#: How far into a request its operation is looked for, bytes: behind a signed SOAP header.
_HEAD = 64 * 1024
_OPERATION = re.compile(rb"[:<]Body\b[^>]*>\s*<(?:[\w.-]+:)?([A-Za-z]\w{0,60})[\s/>]")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/favicon.ico"})

_Message: TypeAlias = MutableMapping[str, Any]
_AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


class Witness:
    """An ASGI application around another; `tell` gets an event for every answer that matters."""

    def __init__(self, app: _AsgiApp, tell: Callable[[Event], None]) -> None:
        self._app = app
        self._tell = tell

    def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> Awaitable[None]:
        """Pass one connection on, listening to what is sent back."""
        own = scope.get("query_string", b"") == OWN_CALLS.encode()
        if scope["type"] != "http" or own or scope["path"] in _QUIET:
            return self._app(scope, receive, send)
        answer = _Answer(scope)

        def heard(message: _Message) -> Awaitable[None]:
            if answer.take(message):
                self._tell(answer.event())
            return send(message)

        async def overheard() -> _Message:
            message = await receive()
            answer.asked(message.get("body", b""))
            return message

        return self._app(scope, overheard, heard)


class _Answer:
    """One answer as it goes by."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope
        self._status = 0
        self._head = bytearray()
        self._body = bytearray()
        self._size = 0

    def asked(self, piece: bytes) -> None:
        """Keep the head of the request until it is answered."""
        if len(self._head) < _HEAD:
            self._head += piece[: _HEAD - len(self._head)]

    def take(self, message: _Message) -> bool:
        """Keep what is needed of one ASGI message; True when the answer is complete."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            return False
        piece = message.get("body", b"")
        self._size += len(piece)
        if self._size <= _LONGEST:
            self._body += piece
        return not message.get("more_body", False)

    def event(self) -> Event:
        """What the whole answer says."""
        whole = bytes(self._body) if self._size <= _LONGEST else b""
        verdict = read_verdict(self._status, whole)
        if "operation" not in verdict:
            verdict["operation"] = self._operation()
        return {
            "at": datetime.now(UTC).isoformat(),
            "agency": "bus",
            "http": self._status,
        } | verdict

    def _operation(self) -> str:
        """What was asked for: by SOAPAction, else by the first element of the Body, else the address."""
        headers: dict[bytes, bytes] = {k.lower(): v for k, v in self._scope["headers"]}
        action = headers.get(b"soapaction", b"").decode("latin-1").strip("\"' ")
        if (name := action.rpartition("/")[2][:60]).isidentifier():
            return name
        if named := _OPERATION.search(self._head):
            return named[1].decode("ascii", "replace")
        return f"{self._scope['method']} {self._scope['path']}"
