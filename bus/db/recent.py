"""Bytes read lately: the copies of one message leave together and are the same bytes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

#: Bytes kept in all, and at most for one entry: larger ones come quickly enough from their files.
KEPT_BYTES = 16 * 1024 * 1024
LARGEST_BYTES = 2 * 1024 * 1024
#: How long what was read is believed, seconds: damage on the disk must not stay hidden.
BELIEVED_S = 30.0


T = TypeVar("T")


class Recent(Generic[T]):
    """What was read lately, by key; the oldest goes first when there is too much."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, tuple[T, int, float]] = OrderedDict()
        self._bytes = 0

    def get(self, key: object) -> T | None:
        """What was read under this key not long ago."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[2] < time.monotonic():
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def keep(self, key: object, value: T, size: int) -> T:
        """Keep a value that weighs `size` bytes; gives it back."""
        if size <= LARGEST_BYTES:
            with self._lock:
                self._drop(key)
                self._kept[key] = (value, size, time.monotonic() + BELIEVED_S)
                self._bytes += size
                while self._bytes > KEPT_BYTES:
                    self._drop(next(iter(self._kept)))
        return value

    def _drop(self, key: object) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= gone[1]
