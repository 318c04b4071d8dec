"""Signed requests that serve several receivers of one message."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

#: How long a signed request is used, seconds: its Timestamp must still be fresh on arrival.
SHARED_S = 60.0
#: Requests kept, bytes.
KEPT_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class _Kept:
    content: bytes = field(repr=False)
    request: bytes = field(repr=False)
    until_s: float
    addresses: set[str]


class SealedRequests:
    """The newest signed requests by contract and message.

    A request goes to one address once: receivers that look for replays know a signature they have
    seen, and a repeated push needs one of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0

    def take(self, key: Hashable, content: bytes, address: str) -> bytes | None:
        """The request made of this very content, unless it is old or went to the address before."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.until_s < time.monotonic() or kept.content != content:
                return None
            if address in kept.addresses:
                return None
            kept.addresses.add(address)
            self._kept.move_to_end(key)
            return kept.request

    def keep(self, key: Hashable, content: bytes, request: bytes, address: str) -> None:
        """Keep a request that goes to one address now, for the others to come."""
        until_s = time.monotonic() + SHARED_S
        with self._lock:
            self._drop(key)
            self._kept[key] = _Kept(content, request, until_s, {address})
            self._bytes += len(request)
            while self._bytes > KEPT_BYTES:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.request)
