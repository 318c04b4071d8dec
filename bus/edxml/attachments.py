"""What is inside an attachment: base64, and the one-entry ZIP that some senders put around a file.

Labels are unreliable (a PDF called application/zip, a ZIP called application/pdf), so the bytes
decide. Names of ZIP entries are never used: neither to name a file nor to place one.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pybase64

from bus.edxml.possessive import possessive
from bus.errors import LimitExceeded

_MAGIC = b"PK\x03\x04"
_WHITE_SPACE = b" \t\r\n"
#: Possessive: a way back for each of millions of repeats would take gigabytes.
_CID = re.compile(possessive(r"\s*+(?>(?:cid:\s*+)*)"), re.IGNORECASE)
#: Parts that tell one kind of Office document from the others.
_OFFICE = {
    "docx": "word/", "docm": "word/", "dotx": "word/",
    "xlsx": "xl/", "xlsm": "xl/", "xltx": "xl/",
    "pptx": "ppt/", "pptm": "ppt/", "ppsx": "ppt/",
}  # fmt: skip
#: Other files that are themselves ZIP archives.
_ARCHIVES = frozenset(
    {"zip", "jar", "war", "apk", "odt", "ods", "odp", "odg", "epub", "kmz", "vsdx", "xps", "asice"}
)
_PLAIN = re.compile("[a-z0-9]{1,8}")
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
#: What unpacks to more than this multiple of its packed size is refused, but for little together.
_RATIO = 200
_SMALL = 16 * 1024 * 1024
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_END_SIZE = 22
#: Largest directory that is read, bytes: zipfile builds an object for each entry in it.
_DIRECTORY = 1024 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)


@dataclass(slots=True)
class Budget:
    """How many bytes the zipped attachments of one message may still unpack to.

    Whatever is unpacked counts, also what turns out to be no wrapper or to be damaged.
    """

    left: int
    #: Of it, what may be more than the usual multiple of the packed sizes.
    spare: int = _SMALL

    def room(self, packed: int) -> int:
        """Bytes that a file of this packed size may unpack to."""
        return min(self.left, self.spare + packed * _RATIO)

    def take(self, size: int, packed: int) -> None:
        """Count a file of this packed size before it is unpacked."""
        self.left -= size
        self.spare -= max(0, size - packed * _RATIO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A file's own bytes with the digests of both forms, lower-case hex SHA-256."""

    content: bytes = field(repr=False)
    zipped: bool
    wire_sha256: str
    sha256: str
    #: The bytes begin like a wrapper but cannot be unpacked; they were left as they came.
    damaged: bool = False


def strip_cid(content_id: str) -> str:
    """The content id without any number of `cid:` prefixes and white space around it."""
    return content_id[_CID.match(content_id).end() :].strip()  # type: ignore[union-attr]  # matches ""


def decode(text: str) -> bytes | None:
    """Decode base64 (RFC 4648 §4), white space allowed anywhere; None for anything foreign in it."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        pass
    try:
        packed = text.encode("ascii").translate(None, _WHITE_SPACE)
        return pybase64.b64decode(packed, validate=True)
    except ValueError:
        return None


def encode(content: bytes) -> bytes:
    """Encode as base64 in one line, as every producer of edXML writes it."""
    return pybase64.b64encode(content)


def unpack(wire: bytes, name: str | None, budget: Budget) -> Unpacked:
    """Take the transport ZIP off, if the bytes are one.

    That is: ZIP magic, exactly one entry, and either a file name that is no archive type, or
    an entry that is itself an archive of that type (so a user's own .docx or .zip stays whole).
    Raises LimitExceeded RCV-001 when the entry unpacks to more than the budget, or to more than
    200 times its size where 16 MiB of such for the whole message are used up; never unpacks
    further than that.
    """
    wire_sha256 = hashlib.sha256(wire).hexdigest()
    content: bytes | None = None
    damaged = False
    if wire.startswith(_MAGIC):
        try:
            content = _sole_entry(wire, name, budget)
        except _BROKEN:
            damaged = True
    if content is None:
        return Unpacked(
            content=wire, zipped=False, wire_sha256=wire_sha256, sha256=wire_sha256, damaged=damaged
        )
    sha256 = hashlib.sha256(content).hexdigest()
    return Unpacked(content=content, zipped=True, wire_sha256=wire_sha256, sha256=sha256)


def pack(content: bytes, name: str | None) -> bytes:
    """Wrap a file as the Java SDK does: a ZIP of one deflated entry; equal input, equal bytes."""
    sha256 = hashlib.sha256(content).hexdigest()
    extension = _extension(name)
    plain = extension if _PLAIN.fullmatch(extension) else "unk"
    entry = zipfile.ZipInfo(f"{sha256[:32]}.{plain}", date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, content, compresslevel=1)
    return buffer.getvalue()


def is_archive_name(name: str | None) -> bool:
    """Whether files of this name are ZIP archives by nature."""
    extension = _extension(name)
    return extension in _OFFICE or extension in _ARCHIVES


def _extension(name: str | None) -> str:
    return PurePosixPath((name or "").strip()).suffix.removeprefix(".").lower()


def _sole_entry(wire: bytes, name: str | None, budget: Budget) -> bytes | None:
    """The single entry's bytes; None when the archive is no transport wrapper."""
    if not _has_small_directory(wire):
        return None
    with zipfile.ZipFile(io.BytesIO(wire)) as archive:
        entries = archive.infolist()
        if len(entries) != 1 or entries[0].is_dir():
            return None
        entry = entries[0]
        if entry.compress_type not in _METHODS or entry.flag_bits & _ENCRYPTED:
            return None
        if is_archive_name(name) and not _starts_as_archive(archive, entry):
            return None
        content = _bounded(archive, entry, len(wire), budget)
    if is_archive_name(name) and not _is_of_type(content, _extension(name)):
        return None
    return content


def _has_small_directory(wire: bytes) -> bool:
    """Whether the directory is safe to read; True also where there is none to find.

    Looks for the end record where zipfile does. ZIP64 is for archives no message can hold.
    """
    at = len(wire) - _END_SIZE
    if not (wire.startswith(_END, max(at, 0)) and wire.endswith(b"\x00\x00")):
        at = wire.rfind(_END, max(0, at - 0xFFFF))
    size = int.from_bytes(wire[at + 12 : at + 16], "little") if at >= 0 else 0
    return size <= _DIRECTORY and not (at >= 20 and wire.startswith(_END_64, at - 20))


def _starts_as_archive(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    with archive.open(entry) as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _bounded(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, packed: int, budget: Budget
) -> bytes:
    room = budget.room(packed)
    # The size an entry declares is the sender's word; the stream itself is measured, and zipfile
    # reads no further than the declared size.
    budget.take(min(entry.file_size, room), packed)
    with archive.open(entry) as stream:
        content = stream.read(room + 1)
    if len(content) > room:
        detail = f"A zipped attachment of {packed} bytes unpacks to more than {room} bytes."
        raise LimitExceeded(detail, code="RCV-001")
    return content


def _is_of_type(content: bytes, extension: str) -> bool:
    part = _OFFICE.get(extension)
    if part is None:
        return content.startswith(_MAGIC)
    if not _has_small_directory(content):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            names = inner.namelist()
    except _BROKEN:
        return False
    return "[Content_Types].xml" in names and any(item.startswith(part) for item in names)
