"""The manifest and the files brought together: by content id, else by name, else refused (E14)."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from adapters.edoc_soap.message import File, Message
from bus.edxml.attachments import Budget, strip_cid, unpack
from bus.edxml.paths import line_of
from bus.edxml.rules import problem
from bus.envelope import edoc
from bus.errors import LimitExceeded
from bus.model import Attachment, FieldFate, Loss, Problem, Severity

_ENCODINGS = frozenset({"base64", ""})


class Entry(NamedTuple):
    """One Reference of the manifest."""

    content_id: str | None
    name: str | None
    content_type: str | None
    description: str | None
    path: str
    line: int


class Files:
    """The attachments of one message; `problems` and `losses` tell what did not fit."""

    def __init__(
        self, message: Message, places: dict[str, tuple[str, int]], unpacked_bytes: int
    ) -> None:
        self._message = message
        self._places = places
        self._budget = Budget(unpacked_bytes)
        self.problems: list[Problem] = []
        self.losses: list[Loss] = []

    def attachments(self) -> tuple[Attachment, ...]:
        """Every file in the order of the message; Raises LimitExceeded RCV-001 for a ZIP bomb."""
        entries = self._entries()
        free = _Free(entries)
        made = []
        for index, file in enumerate(self._message.files):
            path, line = self._message.paths[file.element], line_of(file.element)
            self._places[f"attachments[{index}]"] = (path, line)
            at = free.take(file)
            if at is None and entries:
                self._flag(path, line, file.content_id or file.name or "", "a Reference of its own")
            made.append(self._attachment(file, None if at is None else entries[at], index))
        for number, entry in enumerate(entries):
            if number not in free.taken:
                self._orphan(entry)
        return tuple(made)

    def _entries(self) -> list[Entry]:
        manifest = self._message.manifest
        if manifest is None:
            return []
        references = manifest.iterchildren(edoc.tag("Reference"))
        return [
            Entry(
                content_id=strip_cid(_link(one)).strip("<>") or None,
                name=_said(one, "AttachmentName"),
                content_type=_said(one, "ContentType"),
                description=_said(one, "Description"),
                path=self._message.paths[one],
                line=line_of(one),
            )
            for one in references
        ]

    def _attachment(self, file: File, entry: Entry | None, index: int) -> Attachment:
        path, line = self._places[f"attachments[{index}]"]
        if file.encoding not in _ENCODINGS:
            self._flag(f"{path}/@Content-Transfer-Encoding", line, file.encoding, "base64")
        elif file.content is None:
            self._flag(f"{path}/value", line, file.start, "base64")
        name = (entry.name if entry else None) or file.name
        try:
            unpacked = unpack(file.content or b"", name, self._budget)
        except LimitExceeded as error:
            raise LimitExceeded(error.detail, code=error.code, path=path, line=line) from error
        if unpacked.damaged:
            self._flag(path, line, name or "", "ZIP", severity=Severity.WARN)
        return Attachment(
            content_id=self._identity(file, entry, index),
            name=name,
            content_type=file.content_type or (entry.content_type if entry else None),
            description=entry.description if entry else None,
            content=unpacked.content,
            zipped=unpacked.zipped,
            wire_sha256=unpacked.wire_sha256,
            sha256=unpacked.sha256,
        )

    def _identity(self, file: File, entry: Entry | None, index: int) -> str:
        """The content id; the draft's inline files have none and get one from what they hold."""
        known = file.content_id or (entry.content_id if entry else None)
        if known:
            return known
        path = self._places[f"attachments[{index}]"][0]
        made = f"{index + 1}-{hashlib.sha256(file.content or b'').hexdigest()[:16]}"
        note = "from place and content of the file"
        self.losses.append(Loss(path=path, fate=FieldFate.SUPPLIED, value=made, note=note))
        return made

    def _orphan(self, entry: Entry) -> None:
        """A Reference whose file did not come: what is missing is told as missing."""
        named = entry.content_id or entry.name or ""
        self._flag(entry.path, entry.line, "", f"a file cid:{named}")
        for value in (entry.content_id, entry.name, entry.content_type, entry.description):
            if value is not None:
                note = "stands in a Reference without a file"
                self.losses.append(
                    Loss(path=entry.path, fate=FieldFate.LOST, value=value, note=note)
                )

    def _flag(
        self, path: str, line: int, value: str, expected: str, *, severity: Severity | None = None
    ) -> None:
        self.problems.append(
            problem("E14", path=path, line=line, value=value, expected=expected, severity=severity)
        )


class _Free:
    """The References that no file was joined with yet."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.taken: set[int] = set()
        self._by_id: dict[str, deque[int]] = defaultdict(deque)
        self._by_name: dict[str, deque[int]] = defaultdict(deque)
        for at, entry in enumerate(entries):
            known = entry.content_id or ""
            # some stacks percent-encode what a URL holds (RFC 2392 §2), others do not
            for name in dict.fromkeys((known, unquote(known))):
                self._by_id[name].append(at)
            self._by_name[entry.name or ""].append(at)

    def take(self, file: File) -> int | None:
        """The first of the same content id, or of the same name where the file has no id."""
        known, key = (
            (self._by_id, file.content_id) if file.content_id else (self._by_name, file.name)
        )
        waiting = known.get(key or "") if key else None
        while waiting:
            at = waiting.popleft()
            if at not in self.taken:
                self.taken.add(at)
                return at
        return None


def _link(reference: etree._Element) -> str:
    """The content id of a Reference: its link in whatever namespace, else the element of QCVN 102."""
    for name, value in reference.items():
        if str(name).rpartition("}")[2] == "href":
            return str(value)
    return _said(reference, "ContentId") or ""


def _said(reference: etree._Element, name: str) -> str | None:
    found = edoc.child(reference, name)
    text = (found.text or "") if found is not None else ""
    return text if text.strip() else None
