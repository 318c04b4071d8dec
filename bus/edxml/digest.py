"""What a document says, as one digest: equal for equal content in whatever dialect it came."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from datetime import UTC, date, datetime

from bus.model import Attachment, Extension, Message, StatusMessage

#: Facts of the journey, not of the document: who gets it, where it passed, how it was packed.
_LEFT_OUT = frozenset({"recipients", "trace", "attachments", "extensions"})
#: Most values; they are told apart from the rest by one look.
_ITSELF = frozenset({str, int, bool})
#: Field names of each class met so far, None for what is no data class.
_NAMES: dict[type, tuple[str, ...] | None] = {}


def content_digest(message: Message) -> str:
    """Lower-case hex SHA-256 over what a message says, without recipients, trace and transport.

    Attachments count by name, description and the digest of their own bytes, in order; their
    content ids, types, zip wrapping and manifest labels do not. Extensions count as a set.
    The serialisation is typed, sorted JSON, so that different messages never serialise alike.
    """
    said: dict[str, object] = {
        field.name: _plain(getattr(message, field.name))
        for field in dataclasses.fields(message)
        if field.name not in _LEFT_OUT
    }
    if isinstance(message, StatusMessage):
        # A status has no To: the agency in ResponseFor is whom it goes to.
        said["response_for"] = _plain(dataclasses.replace(message.response_for, organ_id=None))
    said["kind"] = type(message).__name__
    said["files"] = [_file(item) for item in getattr(message, "attachments", ())]
    said["more"] = sorted(_extension(item) for item in message.extensions)
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _file(item: Attachment) -> list[str | None]:
    digest = item.sha256 or hashlib.sha256(item.content).hexdigest()
    return [item.name, item.description, digest]


def _extension(item: Extension) -> list[str]:
    return [item.parent, hashlib.sha256(item.xml).hexdigest()]


def _names(kind: type) -> tuple[str, ...] | None:
    if kind not in _NAMES:
        known = dataclasses.is_dataclass(kind)
        _NAMES[kind] = tuple(f.name for f in dataclasses.fields(kind)) if known else None
    return _NAMES[kind]


def _plain(value: object) -> object:
    if value is None or type(value) in _ITSELF:
        return value
    if isinstance(value, datetime):
        return {"instant": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, enum.Enum):
        return {"code": value.value}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    names = _names(type(value))
    return value if names is None else {name: _plain(getattr(value, name)) for name in names}
