"""The mapping between edXML elements and the canonical message, as data.

One table per block, in the order the Java SDK writes (QCVN 102:2016 tables, measured on
published messages). Reader and writer walk the same tables, so neither knows a field the other
does not. Wire spellings such as `Bussiness` live here and nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bus import model

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"
XLINK = "http://www.w3.org/1999/xlink"


class Kind(enum.Enum):
    """What the text of a leaf is, with the form a sender is told to use."""

    TEXT = "text"
    INTEGER = "a whole number"
    DATE = "yyyy/MM/dd"
    INSTANT = "yyyy/MM/dd HH:mm:ss"
    BOOLEAN = "true or false"
    STATUS = "01, 02, 03, 04, 05, 06, 13, 15 or 16"
    CONTENT_ID = "content id"
    PAYLOAD = "base64"


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """An element with text: one attribute of the record."""

    element: str
    attribute: str
    kind: Kind = Kind.TEXT
    #: Rule that a value which cannot be read breaks.
    rule: str = "E20"
    many: bool = False
    #: Whether an unreadable value only warns.
    lenient: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """An element that is a record of its own: one attribute of the record around it."""

    element: str
    attribute: str
    record: Callable[..., object]
    fields: tuple[Field, ...]
    many: bool = False
    #: Whether the record stands in the model even when the element is absent.
    always: bool = False
    rule: str = "E20"


@dataclass(frozen=True, slots=True, eq=False)
class Wrapper:
    """An element without a record: its fields belong to the record around it."""

    element: str
    fields: tuple[Field, ...]
    rule: str = "E02"
    #: Whether text standing directly in it is read as one item of its only, repeated leaf.
    inline: bool = False


Field: TypeAlias = Leaf | Group | Wrapper


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFile:
    """An Attachment element as it stands in the message; `payload` is the decoded base64."""

    content_id: str | None = None
    name: str | None = None
    description: str | None = None
    content_type: str | None = None
    payload: bytes | None = None


ORGANIZATION: tuple[Field, ...] = (
    Leaf("OrganId", "organ_id"),
    Leaf("OrganizationInCharge", "in_charge"),
    Leaf("OrganName", "name"),
    Leaf("OrganAdd", "address"),
    Leaf("Email", "email"),
    Leaf("Telephone", "telephone"),
    Leaf("Fax", "fax"),
    Leaf("Website", "website"),
)
REFERENCE: tuple[Field, ...] = (
    Leaf("OrganId", "organ_id"),
    Leaf("Code", "code"),
    Leaf("PromulgationDate", "issued_on", Kind.DATE, "E07"),
    Leaf("DocumentId", "document_id"),
)
STAFF: tuple[Field, ...] = (
    Leaf("Department", "department"),
    Leaf("Staff", "name"),
    Leaf("Email", "email"),
    Leaf("Mobile", "mobile"),
    Leaf("DepartmentId", "department_id"),
    Leaf("StaffId", "staff_id"),
)
#: A status names the mobile before the mail address.
STATUS_STAFF: tuple[Field, ...] = (*STAFF[:2], STAFF[3], STAFF[2], *STAFF[4:])
OTHER_INFO: tuple[Field, ...] = (
    Leaf("Priority", "priority", Kind.INTEGER, "E10"),
    Leaf("SphereOfPromulgation", "sphere"),
    Leaf("TyperNotation", "typist"),
    Leaf("PromulgationAmount", "copies", Kind.INTEGER, "E12"),
    Leaf("PageAmount", "pages", Kind.INTEGER, "E12"),
    Wrapper("ReplyFors", (Leaf("ReplyFor", "reply_fors", many=True),), inline=True),
    Leaf("Direction", "is_directive", Kind.BOOLEAN, lenient=True),
    Wrapper("ReferenceCodes", (Leaf("ReferenceCode", "reference_codes", many=True),), inline=True),
    Wrapper("Appendixes", (Leaf("Appendix", "appendixes", many=True),)),
)
RECEIVER: tuple[Field, ...] = (
    Leaf("OrganId", "organ_id"),
    Leaf("ReceiverType", "kind", Kind.INTEGER, "E13"),
)
UPDATE: tuple[Field, ...] = (
    Leaf("DocumentInfo", "document_changed", Kind.INTEGER, "E13"),
    Leaf("DocumentReceiver", "receivers_changed", Kind.INTEGER, "E13"),
    Wrapper(
        "ReceiverList",
        (Group("Receiver", "receivers", model.ReceiverChange, RECEIVER, many=True, rule="E13"),),
        rule="E13",
    ),
)
REPLACEMENT: tuple[Field, ...] = (
    Leaf("DocumentId", "document_id"),
    Wrapper("OrganIdList", (Leaf("OrganId", "organ_ids", many=True),), rule="E13"),
)
BUSINESS: tuple[Field, ...] = (
    Leaf("DocumentId", "document_id"),
    Leaf("BussinessDocType", "action", Kind.INTEGER, "E13"),
    Leaf("BussinessDocReason", "reason"),
    Leaf("Paper", "paper", Kind.INTEGER, "E13", lenient=True),
    Group("BussinessDocumentInfo", "update", model.UpdateInfo, UPDATE, rule="E13"),
    Wrapper(
        "ReplacementInfoList",
        (
            Group(
                "ReplacementInfo", "replacements", model.Replacement, REPLACEMENT, many=True,
                rule="E13",
            ),
        ),
        rule="E13",
    ),
    Group("StaffInfo", "staff", model.Staff, STAFF),
)  # fmt: skip
DOCUMENT_HEADER: tuple[Field, ...] = (
    Group("From", "sender", model.Organization, ORGANIZATION, always=True, rule="E03"),
    Group("To", "recipients", model.Organization, ORGANIZATION, many=True, rule="E04"),
    Leaf("DocumentId", "document_id", rule="E05"),
    Group(
        "Code", "code", model.DocumentCode,
        (Leaf("CodeNumber", "number"), Leaf("CodeNotation", "notation")),
        always=True, rule="E06",
    ),
    Group(
        "PromulgationInfo", "promulgation", model.Promulgation,
        (Leaf("Place", "place"), Leaf("PromulgationDate", "issued_on", Kind.DATE, "E07")),
        always=True, rule="E07",
    ),
    Group(
        "DocumentType", "document_type", model.DocumentType,
        (
            Leaf("Type", "category", Kind.INTEGER, "E08"),
            Leaf("TypeDetail", "detail", Kind.INTEGER, "E08"),
            Leaf("TypeName", "name"),
        ),
        always=True, rule="E08",
    ),
    Leaf("Subject", "subject", rule="E09"),
    Leaf("Content", "content"),
    Group(
        "SignerInfo", "signer", model.Signer,
        (
            Leaf("Competence", "competence"),
            Leaf("Position", "position"),
            Leaf("FullName", "full_name"),
        ),
        always=True,
    ),
    Leaf("DueDate", "due_date", Kind.DATE, "E07"),
    Group("OtherInfo", "other", model.OtherInfo, OTHER_INFO, always=True),
    Group("ResponseFor", "response_for", model.Reference, REFERENCE, many=True),
    Leaf("SteeringType", "steering_type", Kind.INTEGER, "E11"),
    Wrapper("ResponseForTask", (Leaf("TaskCode", "task_codes", many=True),)),
    Leaf("ApplicationType", "application_type"),
    Wrapper("ToPlaces", (Leaf("Place", "to_places", many=True),)),
)  # fmt: skip
STATUS_HEADER: tuple[Field, ...] = (
    Group("From", "sender", model.Organization, ORGANIZATION, always=True, rule="E03"),
    Group("ResponseFor", "response_for", model.Reference, REFERENCE, always=True, rule="E17"),
    Group("StaffInfo", "staff", model.Staff, STATUS_STAFF),
    Leaf("StatusCode", "code", Kind.STATUS, "E17"),
    Leaf("Description", "description"),
    Leaf("Timestamp", "at", Kind.INSTANT, "E17"),
)
TRACE: tuple[Field, ...] = (
    Group(
        "TraceHeader", "trace", model.TraceHop,
        (
            Leaf("OrganId", "organ_id"),
            Leaf("Timestamp", "at", Kind.INSTANT, "E07", lenient=True),
        ),
        many=True,
    ),
    Group("Bussiness", "business", model.Business, BUSINESS, rule="E13"),
)  # fmt: skip
MANIFEST: tuple[Field, ...] = (
    Leaf("ContentId", "content_id", Kind.CONTENT_ID, "E14"),
    Leaf("ContentType", "content_type"),
    Leaf("Description", "description"),
    Leaf("AttachmentName", "name"),
)
FILE: tuple[Field, ...] = (
    Leaf("ContentId", "content_id", Kind.CONTENT_ID, "E14"),
    Leaf("AttachmentName", "name"),
    Leaf("Description", "description"),
    Leaf("ContentType", "content_type"),
    Leaf("ContentTransferEncoded", "payload", Kind.PAYLOAD, "E14"),
)
DOCUMENT = Wrapper(
    "edXML",
    (
        Wrapper(
            "edXMLEnvelope",
            (
                Wrapper(
                    "edXMLHeader",
                    (Wrapper("MessageHeader", DOCUMENT_HEADER), Wrapper("TraceHeaderList", TRACE)),
                ),
                Wrapper(
                    "edXMLBody",
                    (
                        Wrapper(
                            "edXMLManifest",
                            (Group("Reference", "manifest", model.ManifestEntry, MANIFEST, many=True),),
                        ),
                    ),
                ),
            ),
        ),
        Wrapper(
            "AttachmentEncoded",
            (Group("Attachment", "attachments", EncodedFile, FILE, many=True),),
        ),
    ),
)  # fmt: skip
STATUS = Wrapper(
    "edXML",
    (
        Wrapper(
            "edXMLEnvelope",
            (Wrapper("edXMLHeader", (Wrapper("MessageHeader", STATUS_HEADER),)),),
        ),
    ),
)
