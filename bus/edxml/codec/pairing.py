"""Manifest entries and encoded files brought together: every Reference has one Attachment (E14)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from bus.edxml.attachments import Budget, Unpacked, unpack
from bus.edxml.codec.mapping import EncodedFile
from bus.edxml.rules import problem
from bus.errors import LimitExceeded
from bus.model import Attachment, FieldFate, Loss, ManifestEntry, Problem, Severity

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Pairing:
    """One message's attachments; `problems` and `losses` tell what did not fit."""

    def __init__(self, places: Mapping[str, tuple[str, int]], unpacked_bytes: int) -> None:
        self.places = places
        self.budget = Budget(unpacked_bytes)
        self.problems: list[Problem] = []
        self.losses: list[Loss] = []

    def pair(
        self, entries: Sequence[ManifestEntry], files: Sequence[EncodedFile]
    ) -> tuple[Attachment, ...]:
        """Join by content id, compared without `cid:`; report whatever stands alone or twice."""
        self._unique("manifest", [entry.content_id for entry in entries])
        self._unique("attachments", [file.content_id for file in files])
        by_id = {entry.content_id: entry for entry in reversed(entries) if entry.content_id}
        named = {file.content_id for file in files}
        for index, entry in enumerate(entries):
            if entry.content_id not in named or by_id.get(entry.content_id or "") is not entry:
                self._orphan(index, entry)
        return tuple(
            self._attachment(index, file, by_id.get(file.content_id or ""))
            for index, file in enumerate(files)
        )

    def _attachment(self, index: int, file: EncodedFile, entry: ManifestEntry | None) -> Attachment:
        at = f"attachments[{index}]"
        if entry is None:
            self._flag(at, file.content_id or "", "a Reference of the same ContentId")
        if f"{at}.payload" in self.places:
            # Only an absent payload has a place of its own; bad base64 was told by the reader.
            self._flag(f"{at}.payload", "", "ContentTransferEncoded")
        unpacked = self._unpack(at, file)
        return Attachment(
            content_id=file.content_id or "",
            name=file.name,
            content_type=file.content_type,
            description=file.description,
            content=unpacked.content,
            zipped=unpacked.zipped,
            wire_sha256=unpacked.wire_sha256,
            sha256=unpacked.sha256,
            manifest=entry,
        )

    def _unpack(self, at: str, file: EncodedFile) -> Unpacked:
        if file.payload is None:
            return Unpacked(
                content=b"", zipped=False, wire_sha256=_EMPTY_SHA256, sha256=_EMPTY_SHA256
            )
        try:
            unpacked = unpack(file.payload, file.name, self.budget)
        except LimitExceeded as error:
            path, line = self.places.get(at, ("", 0))
            raise LimitExceeded(error.detail, code=error.code, path=path, line=line) from error
        if unpacked.damaged:
            self._flag(at, file.name or "", "ZIP", severity=Severity.WARN)
        return unpacked

    def _orphan(self, index: int, entry: ManifestEntry) -> None:
        at = f"manifest[{index}]"
        self._flag(at, entry.content_id or "", "an Attachment of the same ContentId")
        path = self.places.get(at, ("", 0))[0]
        for field in dataclasses.fields(entry):
            value = getattr(entry, field.name)
            if value is not None:
                note = "stands in a Reference without an Attachment"
                self.losses.append(Loss(path=path, fate=FieldFate.LOST, value=value, note=note))

    def _unique(self, kind: str, ids: Sequence[str | None]) -> None:
        twice = {item for item, count in Counter(ids).items() if item and count > 1}
        for index, item in enumerate(ids):
            if item is None or item in twice:
                self._flag(f"{kind}[{index}]", item or "", "a ContentId of its own")

    def _flag(
        self, at: str, value: str, expected: str, *, severity: Severity | None = None
    ) -> None:
        path, line = self.places.get(at, ("", 0))
        self.problems.append(
            problem("E14", path=path, line=line, value=value, expected=expected, severity=severity)
        )
