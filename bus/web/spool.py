"""One body on its way in or out: small ones in memory, large ones in an unnamed file."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

#: Bytes kept in memory before the rest goes to disk, and the size of one write to disk.
MEMORY_BYTES = 256 * 1024


class Spool:
    """Bytes written once, then read from the start; its file has no name and dies with it.

    Not thread-safe: one owner at a time. Every method may raise OSError (disk full).
    """

    def __init__(self, folder: Path | None = None, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._limit = memory_bytes
        self._waiting = bytearray()
        self._file: BinaryIO | None = None
        self.size = 0

    def hold(self, data: bytes) -> bool:
        """Take `data` into memory; True when flush() is due (a write to disk, which may block)."""
        self._waiting += data
        self.size += len(data)
        return len(self._waiting) > self._limit

    def flush(self) -> None:
        """Move what waits in memory to the file."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - lives as long as the spool
        self._file.write(self._waiting)
        # now, so that a full disk is told here and not when the file is closed
        self._file.flush()
        self._waiting.clear()

    def write(self, data: bytes) -> None:
        """Take `data`, writing to disk when memory is full."""
        if self.hold(data):
            self.flush()

    def reader(self) -> BinaryIO:
        """The whole content from its first byte; valid until close()."""
        if self._file is None:
            return io.BytesIO(self._waiting)
        self.flush()
        self._file.seek(0)
        return self._file

    def chunks(self, size: int = MEMORY_BYTES) -> Iterator[bytes]:
        """The whole content in pieces of at most `size` bytes."""
        reader = self.reader()
        while chunk := reader.read(size):
            yield chunk

    def close(self) -> None:
        """Forget the content."""
        self._waiting = bytearray()
        if self._file is not None:
            # what a full disk did not take is tried once more by close(), and nobody wants it
            with contextlib.suppress(OSError):
                self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
