"""Multipart bodies (RFC 2046 §5.1) taken apart and put together, as bytes.

The reader walks the body once, copies nothing and counts before it keeps. It is strict where
a lenient one could be made to see other parts than the sender: boundaries must begin a line of
the kind the first one ended with, and the last one must be there.
"""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pybase64

from bus.config import LimitSettings
from bus.envelope.media_type import MediaType, read_media_type
from bus.errors import LimitExceeded, ProtocolRejected

#: Boundaries are 70 characters at most (RFC 2046 §5.1.1); some stacks write longer ones.
_BOUNDARY = re.compile("[!-~](?:[ -~]{0,198}[!-~])?")
#: What may follow a boundary on its line: a mark that it is the last, padding, the line's end.
_REST = re.compile(rb"(--)?[ \t]*+(\r\n|\n|\Z)")
#: Most lines of one part that may begin like a boundary and be none: each costs a look.
_NEAR_BOUNDARIES = 100
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:(.*)")
_KEPT = ("content-type", "content-id", "content-transfer-encoding")
#: What neither a header field (RFC 5322 §2.2) nor XML, where some of them end up, can hold.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_PLAIN = frozenset({"", "7bit", "8bit", "binary"})
_SPACE = b" \t\r\n"
_PIECE = 1024 * 1024
#: An equals sign that begins neither a byte nor a soft line break (RFC 2045 §6.7).
_STRAY_EQUALS = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+(?:\r?\n|\Z))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part; `data` is a view into the body, in the transfer encoding it was sent in."""

    #: Without angle brackets; "" when the part has none.
    content_id: str
    media: MediaType
    #: Content-Transfer-Encoding in lower case; "" when the part names none.
    encoding: str
    data: memoryview = field(repr=False)

    def content(self) -> bytes | memoryview:
        """The bytes of the file; Raises ProtocolRejected MIM-001."""
        if self.encoding in _PLAIN:
            return self.data
        if self.encoding == "base64":
            return _from_base64(self.data)
        if self.encoding == "quoted-printable":
            return _from_quoted(self.data)
        raise _broken(f"Content-Transfer-Encoding: {self.encoding[:40]!r}")


def split(body: bytes, boundary: str, limits: LimitSettings) -> tuple[Part, ...]:
    """The parts of a multipart body in their order; text before and after them is left out.

    Raises ProtocolRejected MIM-001 for what is no such body or is cut short, or has a part
    that is itself multipart; LimitExceeded RCV-006 (`parts`, `part_header_bytes`), RCV-001
    (`part_bytes`) before anything of the excess is kept.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise _broken("boundary?")
    parts: list[Part] = []
    for start, end, line_end in _stretches(body, b"--" + boundary.encode("ascii")):
        if len(parts) >= limits.parts:
            raise LimitExceeded(f"limits.parts = {limits.parts}.", code="RCV-006")
        parts.append(_part(body, start, end, line_end, limits))
    return tuple(parts)


def join(
    root: bytes,
    root_headers: Sequence[str],
    others: Sequence[tuple[str, bytes]],
    *,
    media: Mapping[str, str] | None = None,
) -> Joined:
    """A multipart/related body: the root part, then (Content-ID, bytes) of each other part.

    `media` names media types by Content-ID; what it does not name is a stream of octets.
    """
    boundary = f"part-{secrets.token_hex(16)}"
    pieces = [_head(boundary, root_headers), root]
    for content_id, content in others:
        headers = (
            f"Content-Type: {(media or {}).get(content_id, 'application/octet-stream')}",
            "Content-Transfer-Encoding: binary",
            f"Content-ID: <{content_id}>",
        )
        pieces += [b"\r\n", _head(boundary, headers), content]
    pieces.append(f"\r\n--{boundary}--\r\n".encode("ascii"))
    return Joined(boundary, b"".join(pieces))


@dataclass(frozen=True, slots=True)
class Joined:
    """A multipart body that was put together."""

    boundary: str
    body: bytes = field(repr=False)


def _head(boundary: str, headers: Sequence[str]) -> bytes:
    return "\r\n".join((f"--{boundary}", *headers, "", "")).encode("ascii")


def _stretches(body: bytes, dash: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each part starts and ends, and how its lines end."""
    line, end = _first_line(body, dash)
    line_end = line[2] or b"\n"
    while not line[1]:
        start = line.end()
        # The line break that ends an empty part's headers may be that before the next boundary.
        found = _next_line(body, line_end + dash, start - len(line_end))
        if found is None:
            raise _broken("The last boundary is missing.")
        line, end = found
        yield start, end, line_end


def _first_line(body: bytes, dash: bytes) -> tuple[re.Match[bytes], int]:
    if body.startswith(dash) and (line := _REST.match(body, len(dash))):
        return line, 0
    found = _next_line(body, b"\n" + dash, 0)
    if found is None:
        raise _broken("The boundary of the Content-Type stands nowhere.")
    return found


def _next_line(body: bytes, mark: bytes, at: int) -> tuple[re.Match[bytes], int] | None:
    """What follows the next boundary on its line, and where the part before it ends."""
    for _ in range(_NEAR_BOUNDARIES):
        at = body.find(mark, at)
        if at < 0:
            return None
        line = _REST.match(body, at + len(mark))
        if line is not None:
            return line, at
        at += len(mark)
    raise _broken("Too many lines of a part begin with the boundary.")


def _part(body: bytes, start: int, end: int, line_end: bytes, limits: LimitSettings) -> Part:
    head, at = _split_head(body, start, end, line_end, limits)
    if end - at > limits.part_bytes:
        detail = f"{end - at} bytes; limits.part_bytes = {limits.part_bytes}."
        raise LimitExceeded(detail, code="RCV-001")
    fields = _fields(_text(head))
    media = read_media_type(fields.get("content-type", ""))
    if media.name.startswith("multipart/"):
        raise _broken(f"A part is {media.name[:40]!r} itself.")
    return Part(
        content_id=bare_id(fields.get("content-id", "")),
        media=media,
        encoding=fields.get("content-transfer-encoding", "").lower(),
        data=memoryview(body)[at : max(at, end)],
    )


def _split_head(
    body: bytes, start: int, end: int, line_end: bytes, limits: LimitSettings
) -> tuple[bytes, int]:
    """The header lines of a part, and where its content begins."""
    if end <= start or body.startswith(line_end, start):
        return b"", min(start + len(line_end), max(start, end))
    blank = line_end * 2
    room = limits.part_header_bytes
    until = body.find(blank, start, min(end + len(line_end), start + room + len(blank)))
    if until >= 0:
        return body[start:until], min(until + len(blank), end)
    if end - start > room:
        raise LimitExceeded(f"limits.part_header_bytes = {room}.", code="RCV-006")
    raise _broken("No empty line ends the headers of a part.")


def _text(head: bytes) -> str:
    """Header lines as text: UTF-8 (RFC 6532), else bytes as they are."""
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1")


def _fields(head: str) -> dict[str, str]:
    """The header fields we use; folded lines are joined (RFC 5322 §2.2.3)."""
    found: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", head).split("\n"):
        match = _FIELD.fullmatch(line.rstrip("\r"))
        if match is None:
            if line.strip():
                raise _broken(f"Part header {line[:40]!r}")
            continue
        name = match[1].lower()
        if name in found:
            raise _broken(f"Two {match[1][:40]} headers of one part.")
        if name in _KEPT:
            if _FORBIDDEN.search(match[2]):
                raise _broken(f"Part header {line[:40]!r}")
            found[name] = match[2].strip()
    return found


def bare_id(content_id: str) -> str:
    """A Content-ID without the angle brackets that some stacks forget."""
    return content_id.strip().removeprefix("<").removesuffix(">").strip()


def _from_base64(data: memoryview) -> bytes:
    packed = bytearray()
    # Piece by piece: a copy of a large part in one go would be one more than needed.
    for start in range(0, len(data), _PIECE):
        packed += bytes(data[start : start + _PIECE]).translate(None, _SPACE)
    try:
        return pybase64.b64decode(packed, validate=True)
    except ValueError as error:
        raise _broken("A part is not the base64 it says.") from error


def _from_quoted(data: memoryview) -> bytes:
    if _STRAY_EQUALS.search(data):
        raise _broken("A part is not the quoted-printable it says.")
    return binascii.a2b_qp(data)


def _broken(detail: str) -> ProtocolRejected:
    return ProtocolRejected(detail, code="MIM-001")
