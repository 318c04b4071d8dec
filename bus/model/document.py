"""What one document says, whatever dialect it arrived in: the canonical message."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias


class Priority(enum.IntEnum):
    """Urgency of a document (mức độ khẩn), OtherInfo/Priority."""

    NORMAL = 0
    URGENT = 1
    VERY_URGENT = 2
    EXPRESS = 3
    EXPRESS_TIMED = 4


class BusinessAction(enum.IntEnum):
    """What a document does to earlier ones, Bussiness/BussinessDocType (loại nghiệp vụ)."""

    NEW = 0
    REVOKE = 1
    UPDATE = 2
    REPLACE = 3


class StatusCode(enum.StrEnum):
    """Business status of a document at one recipient; any other code is an error."""

    ARRIVED = "01"
    REFUSED = "02"
    ACCEPTED = "03"
    ASSIGNED = "04"
    PROCESSING = "05"
    FINISHED = "06"
    RECALL_REQUESTED = "13"
    CHANGE_ACCEPTED = "15"
    CHANGE_REFUSED = "16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """One agency as a document names it (From, To)."""

    organ_id: str | None = None
    in_charge: str | None = None
    name: str | None = None
    address: str | None = None
    email: str | None = None
    telephone: str | None = None
    fax: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCode:
    """Serial number and notation; the number is text ("12a", "01" and "74fass22" are real)."""

    number: str | None = None
    notation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promulgation:
    """Where and on which local date the document was issued."""

    place: str | None = None
    issued_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """Kind of document; the name decides, the numbers are hints."""

    category: int | None = None
    detail: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The person who signed the document."""

    competence: str | None = None
    position: str | None = None
    full_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInfo:
    """The remaining header facts; None means the sender did not say."""

    priority: int | None = None
    sphere: str | None = None
    typist: str | None = None
    copies: int | None = None
    pages: int | None = None
    appendixes: tuple[str, ...] = ()
    is_directive: bool | None = None
    reply_fors: tuple[str, ...] = ()
    reference_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A pointer to an earlier document (ResponseFor); every part is opaque text but the date."""

    organ_id: str | None = None
    code: str | None = None
    issued_on: date | None = None
    document_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHop:
    """One node the packet passed; `at` is an aware UTC instant."""

    organ_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The clerk responsible for a document or a status."""

    department: str | None = None
    name: str | None = None
    mobile: str | None = None
    email: str | None = None
    department_id: str | None = None
    staff_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverChange:
    """One recipient that an update removes (0) or adds (1)."""

    organ_id: str | None = None
    kind: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateInfo:
    """What an update changed (BussinessDocumentInfo)."""

    document_changed: int | None = None
    receivers_changed: int | None = None
    receivers: tuple[ReceiverChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One document that is replaced and the agencies that hold it."""

    document_id: str | None = None
    organ_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """The business block (Bussiness); a document without one is new."""

    document_id: str | None = None
    action: int | None = None
    reason: str | None = None
    paper: int | None = None
    update: UpdateInfo | None = None
    replacements: tuple[Replacement, ...] = ()
    staff: Staff | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """What the manifest says of an attachment (edXMLManifest/Reference)."""

    content_id: str | None = None
    content_type: str | None = None
    description: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attached file.

    `content_id` carries no `cid:`; `content` holds the file's own bytes, after the
    single-entry zip around it (if any) was taken off; `wire_sha256` and `sha256` are
    lower-case hex digests of the bytes as sent and as unpacked.
    """

    content_id: str
    name: str | None = None
    content_type: str | None = None
    description: str | None = None
    content: bytes = field(default=b"", repr=False)
    zipped: bool = False
    wire_sha256: str = ""
    sha256: str = ""
    manifest: ManifestEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An element the canonical message has no home for, kept as it came.

    `parent` is the path of its parent without indexes, `xml` its UTF-8 bytes.
    """

    parent: str
    xml: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One administrative document with its attachments (edXML edoc message)."""

    sender: Organization
    recipients: tuple[Organization, ...] = ()
    document_id: str | None = None
    code: DocumentCode = DocumentCode()
    promulgation: Promulgation = Promulgation()
    document_type: DocumentType = DocumentType()
    subject: str | None = None
    content: str | None = None
    signer: Signer = Signer()
    due_date: date | None = None
    to_places: tuple[str, ...] = ()
    other: OtherInfo = OtherInfo()
    response_for: tuple[Reference, ...] = ()
    steering_type: int | None = None
    task_codes: tuple[str, ...] = ()
    application_type: str | None = None
    trace: tuple[TraceHop, ...] = ()
    business: Business | None = None
    attachments: tuple[Attachment, ...] = ()
    extensions: tuple[Extension, ...] = ()

    @property
    def priority(self) -> Priority:
        """The urgency to act on; what is absent or out of range counts as normal."""
        value = self.other.priority
        known = value is not None and value in Priority.__members__.values()
        return Priority(value) if known and value is not None else Priority.NORMAL

    @property
    def action(self) -> BusinessAction:
        """The business action to act on; a document without one is new."""
        value = self.business.action if self.business else None
        known = value is not None and value in BusinessAction.__members__.values()
        return BusinessAction(value) if known and value is not None else BusinessAction.NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage:
    """One business status about one document; `at` is an aware UTC instant.

    For 01–06, 15 and 16 `response_for.organ_id` is the agency that issued the
    document, for 13 the agency from which it is asked back.
    """

    sender: Organization
    response_for: Reference
    code: StatusCode | None = None
    description: str | None = None
    at: datetime | None = None
    staff: Staff | None = None
    extensions: tuple[Extension, ...] = ()


Message: TypeAlias = Document | StatusMessage
