"""Bytes of messages: small ones in a row, large ones in a file that is durable before the row."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bus.db.failures import nothing_written
from bus.errors import Defect

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,120}\Z")
#: Marks a file that was never finished.
UNFINISHED = ".part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where some bytes went: `content` in the row, `file` in the folder, neither: the body's."""

    sha256: str
    size: int
    file: str | None = None
    content: bytes | None = field(default=None, repr=False)

    def columns(self) -> dict[str, Any]:
        """As columns of `bodies` or `renderings`."""
        return {
            "sha256": self.sha256,
            "size": self.size,
            "file": self.file,
            "content": self.content,
        }


class Withdrawing:
    """Removes files when its block ends with an error that proves that nothing was written."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let every error pass on."""
        if error is not None and nothing_written(error):
            for file in self._files:
                _remove(file)


class Bodies:
    """The folder of large bodies and the rule what goes there."""

    def __init__(self, folder: Path, *, inline_bytes: int) -> None:
        self.folder = folder
        self._inline_bytes = inline_bytes

    def keep(self, message_id: str, content: bytes, *, body_sha256: str | None = None) -> Kept:
        """Put bytes where they belong; a file is on the disk, name included, on return.

        Bytes equal to the message's body (`body_sha256`) are not kept twice.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 == body_sha256:
            return Kept(sha256=sha256, size=len(content))
        if len(content) <= self._inline_bytes:
            return Kept(sha256=sha256, size=len(content), content=content)
        file = self._write(message_id, sha256, content)
        return Kept(sha256=sha256, size=len(content), file=file)

    def withdrawing(self, *kept: Kept) -> Withdrawing:
        """A block at whose end files of a new message are taken away if no row will name them.

        On a full disk they would hold the room that everybody waits for. Where it is in doubt
        whether the row was written they stay, for the sweeper to judge.
        """
        return Withdrawing(tuple(self.folder / each.file for each in kept if each.file is not None))

    def read(self, row: Mapping[str, Any]) -> bytes:
        """The bytes of one row, their digest checked; Raises Defect STO-002."""
        content: bytes | None = row["content"]
        if content is None:
            content = self._read_file(str(row["file"]))
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise Defect(f"digest differs: {row['file'] or 'in the row'}", code="STO-002")
        return content

    def _read_file(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError as error:
            raise Defect(f"missing: {name}", code="STO-002") from error

    def _write(self, message_id: str, sha256: str, content: bytes) -> str:
        if not _SAFE_NAME.match(message_id):
            raise Defect(f"message id {message_id!r} cannot name a file")
        folder = self.folder / sha256[:2]
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            _flush_folder(self.folder)
        name = f"{message_id}.{sha256}"
        if not (folder / name).exists():
            _write_durably(folder, name, content)
        return f"{sha256[:2]}/{name}"


def _write_durably(folder: Path, name: str, content: bytes) -> None:
    unfinished = folder / f"{name}.{secrets.token_hex(4)}{UNFINISHED}"
    try:
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "wb", closefd=True) as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
    except OSError:
        # a full disk must not stay full of what did not fit
        _remove(unfinished)
        raise
    _flush_folder(folder)


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


def _flush_folder(folder: Path) -> None:
    """Without this a power cut may forget the file's name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
