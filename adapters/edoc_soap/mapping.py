"""What stands where in eDoc 1.0, as data: fields, old spellings, required tags, status words.

The tables are those of `bus.edxml.codec.mapping` in eDoc's order; reader and writer walk the same
ones. Names and order follow the tag list a hub of the field demands; the spellings of the
draft (CV 512/BTTTT-ƯDCNTT, 2013) are read and never written.
"""

from __future__ import annotations

from types import MappingProxyType

from bus import model
from bus.edxml.codec.mapping import BUSINESS, REFERENCE, STAFF, Field, Group, Kind, Leaf, Wrapper
from bus.model import StatusCode

AGENCY: tuple[Field, ...] = (
    Leaf("OrganId", "organ_id"),
    Leaf("OrganName", "name"),
    Leaf("OrganizationInCharge", "in_charge"),
    Leaf("OrganAdd", "address"),
    Leaf("Email", "email"),
    Leaf("Telephone", "telephone"),
    Leaf("Fax", "fax"),
    Leaf("Website", "website"),
)
MESSAGE_HEADER = Wrapper(
    "MessageHeader",
    (
        Group("From", "sender", model.Organization, AGENCY, always=True, rule="E03"),
        Group("To", "recipients", model.Organization, AGENCY, many=True, rule="E04"),
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
        Wrapper("ToPlaces", (Leaf("Place", "to_places", many=True),)),
        Group(
            "OtherInfo", "other", model.OtherInfo,
            (
                Leaf("Priority", "priority", Kind.INTEGER, "E10"),
                Leaf("SphereOfPromulgation", "sphere"),
                Leaf("TyperNotation", "typist"),
                Leaf("PromulgationAmount", "copies", Kind.INTEGER, "E12"),
                Leaf("PageAmount", "pages", Kind.INTEGER, "E12"),
                Wrapper("Appendixes", (Leaf("Appendix", "appendixes", many=True),)),
            ),
            always=True,
        ),
        Group("ResponseFor", "response_for", model.Reference, REFERENCE, many=True),
        Leaf("SteeringType", "steering_type", Kind.INTEGER, "E11"),
    ),
)  # fmt: skip
TRACE = Wrapper(
    "TraceHeaderList",
    (
        Group(
            "TraceHeader", "trace", model.TraceHop,
            (
                Leaf("OrganId", "organ_id"),
                Leaf("Timestamp", "at", Kind.INSTANT, "E07", lenient=True),
            ),
            many=True,
        ),
        # Not in CV 2803: later builds of a hub carry the block of QCVN 102 here, so that a
        # recall does not travel as a letter.
        Group("Bussiness", "business", model.Business, BUSINESS, rule="E13"),
    ),
)  # fmt: skip
STATUS = Wrapper(
    "Status",
    (
        Group("From", "sender", model.Organization, AGENCY, always=True, rule="E03"),
        Group("ResponseFor", "response_for", model.Reference, REFERENCE, always=True, rule="E17"),
        Group("StaffInfo", "staff", model.Staff, STAFF),
        Leaf("StatusCode", "code", Kind.STATUS, "E17"),
        Leaf("Description", "description"),
        Leaf("Timestamp", "at", Kind.INSTANT, "E17"),
    ),
)

#: Old spellings: (name of the element around it, name met) → the name of today.
SPELLINGS = MappingProxyType(
    {
        ("PromulgationInfo", "Date"): "PromulgationDate",
        ("MessageHeader", "type"): "DocumentType",
        ("DocumentType", "value"): "Type",
        ("DocumentType", "description"): "TypeName",
        ("MessageHeader", "Author"): "SignerInfo",
        ("SignerInfo", "Function"): "Position",
        ("TraceHeader", "Sender"): "OrganId",
        ("TraceHeader", "TimeStamp"): "Timestamp",
        ("Status", "TimeStamp"): "Timestamp",
    }
)
#: Spellings that were still in use under CV 2803, and thus do not make a message one of the draft.
_NOT_OF_THE_DRAFT = frozenset({("TraceHeader", "TimeStamp"), ("Status", "TimeStamp")})
DRAFT_SPELLINGS = frozenset(SPELLINGS) - _NOT_OF_THE_DRAFT

#: Fields that are read where they occur, but have no place in what eDoc 1.0 writes.
UNWRITTEN = frozenset({("To", "OrganizationInCharge"), ("DocumentType", "TypeDetail")})
#: Facts of the canonical message that eDoc 1.0 has no element for.
HOMELESS = (
    "other.is_directive",
    "other.reply_fors",
    "other.reference_codes",
    "task_codes",
    "application_type",
)

_AGENCY_TAGS = tuple(leaf.element for leaf in AGENCY)
#: Tags that must stand there, if empty, in the order a hub looks for them: element → children.
REQUIRED = MappingProxyType(
    {
        "MessageHeader": (
            "From", "To", "Code", "PromulgationInfo", "DocumentType", "Subject", "Content",
            "SignerInfo", "DueDate", "ToPlaces", "OtherInfo",
        ),
        "From": _AGENCY_TAGS,
        "To": tuple(name for name in _AGENCY_TAGS if name != "OrganizationInCharge"),
        "Code": ("CodeNumber", "CodeNotation"),
        "PromulgationInfo": ("Place", "PromulgationDate"),
        "DocumentType": ("Type", "TypeName"),
        "SignerInfo": ("Competence", "FullName", "Position"),
        "OtherInfo": (
            "Priority", "SphereOfPromulgation", "TyperNotation", "PromulgationAmount",
            "PageAmount", "Appendixes",
        ),
    }
)  # fmt: skip

#: What the draft calls secrecy: a document of any other degree must not travel here.
PUBLIC = frozenset({"", "0", "thường", "thuong", "không", "khong", "không mật"})

#: The words and numbers that stand for a business status; any other one is an error, never a guess.
STATUSES = MappingProxyType(
    {
        **{code.value: code for code in StatusCode},
        **{code.value.lstrip("0"): code for code in StatusCode},
        "inbox": StatusCode.ARRIVED,
        "reject": StatusCode.REFUSED,
        "acceptance": StatusCode.ACCEPTED,
        "assignment": StatusCode.ASSIGNED,
        "processing": StatusCode.PROCESSING,
        "finish": StatusCode.FINISHED,
    }
)
