"""A multipart/related message (RFC 2387): its root, and the parts that the root refers to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

import pybase64

from bus.config import LimitSettings
from bus.envelope.media_type import MediaType
from bus.envelope.mime import Part, bare_id, split
from bus.errors import LimitExceeded, ProtocolRejected

MULTIPART = "multipart/related"
_SCHEME = "cid:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A message taken apart; `attachments` are all parts but the root."""

    root: Part
    attachments: Attachments = field(repr=False)


def open_package(body: bytes, media: MediaType, limits: LimitSettings) -> Package:
    """Take a multipart/related body apart; nothing is decoded yet.

    The root is the part that `start` names, with or without angle brackets, else the first.
    Raises what split() does, and ProtocolRejected MIM-002 (no root), MIM-004 (two parts with
    one Content-ID).
    """
    parts = split(body, media.get("boundary"), limits)
    root = _root(parts, media.get("start"))
    others = [part for part in parts if part is not root]
    named = {part.content_id: part for part in others if part.content_id}
    named.pop(root.content_id, None)
    if len(named) != sum(1 for part in others if part.content_id):
        raise ProtocolRejected(_twice(parts), code="MIM-004")
    return Package(root=root, attachments=Attachments(others, limits.body_bytes))


class Attachments:
    """The parts of one message by Content-ID, given out as the base64 that stands inline.

    All that is given out may be `room` bytes together: the message put back together must keep
    the limit of one that was sent inline, however often it names one part.
    """

    def __init__(self, parts: Sequence[Part], room: int) -> None:
        self._parts = parts
        self._by_id = {part.content_id: part for part in parts if part.content_id}
        self._room = room
        self._limit = room
        self._used: set[str] = set()
        self._small: dict[str, bytes | memoryview] = {}

    def all(self) -> Sequence[Part]:
        """Every part in the order of the message, for formats that list their files themselves."""
        return self._parts

    def take(self, size: int) -> None:
        """Count bytes that already stand inline; Raises LimitExceeded RCV-001."""
        self._room -= size
        if self._room < 0:
            detail = f"Put together it is larger than limits.body_bytes = {self._limit}."
            raise LimitExceeded(detail, code="RCV-001")

    def find(self, reference: str) -> Part | None:
        """The part that a `cid:` URL names (RFC 2392 §2: percent-encoded), None for no part."""
        text = reference.strip()
        if text[: len(_SCHEME)].lower() != _SCHEME:
            return None
        name = bare_id(text[len(_SCHEME) :])
        # Some stacks percent-encode the Content-ID as well.
        return self._by_id.get(unquote(name)) or self._by_id.get(name)

    def content(self, part: Part) -> bytes | memoryview:
        """The bytes of a part; Raises ProtocolRejected MIM-001."""
        self._used.add(part.content_id)
        content = self._small.get(part.content_id)
        if content is None:
            content = part.content()
            # What shrinks much could be decoded again and again without using up the room.
            if 2 * len(content) < len(part.data):
                self._small[part.content_id] = content
        return content

    def base64(self, part: Part) -> bytes:
        """The canonical base64 of a part (XML Schema part 2, 3.2.16): one line, no white space.

        Raises ProtocolRejected MIM-001, LimitExceeded RCV-001 before it encodes.
        """
        content = self.content(part)
        self.take((len(content) + 2) // 3 * 4)
        return pybase64.b64encode(content)

    def demand_all_used(self) -> None:
        """Refuse parts that were never given out: what was sent is never dropped silently.

        Raises ProtocolRejected MIM-005.
        """
        for number, part in enumerate(self._parts, start=1):
            if part.content_id not in self._used:
                name = f"<{part.content_id[:100]}>" if part.content_id else f"no. {number}"
                raise ProtocolRejected(f"Part {name}.", code="MIM-005")


def _root(parts: Sequence[Part], start: str) -> Part:
    if start:
        name = bare_id(start)
        for wanted in (name, unquote(name)):
            found = next((part for part in parts if part.content_id == wanted), None)
            if found is not None:
                return found
        raise ProtocolRejected(f"start = {start[:100]!r}", code="MIM-002")
    if not parts:
        raise ProtocolRejected(code="MIM-002")
    return parts[0]


def _twice(parts: Sequence[Part]) -> str:
    seen: set[str] = set()
    for part in parts:
        if part.content_id and part.content_id in seen:
            return f"<{part.content_id[:100]}>"
        seen.add(part.content_id)
    return ""
