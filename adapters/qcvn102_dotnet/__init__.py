"""QCVN 102:2016 as the .NET SDK of provincial integrators writes it."""

from __future__ import annotations

from bus.edxml.codec import Flavour, Qcvn102, is_serialised_by_dotnet, reordered
from bus.edxml.codec.mapping import DOCUMENT, STATUS

_ORDERS = {
    "MessageHeader": (
        "From", "To", "Code", "PromulgationInfo", "DocumentType", "Subject", "Content",
        "SignerInfo", "DueDate", "ToPlaces", "OtherInfo", "ResponseFor", "SteeringType",
        "ResponseForTask", "ApplicationType", "DocumentId", "StaffInfo", "StatusCode",
        "Description", "Timestamp",
    ),
    "DocumentType": ("Type", "TypeName", "TypeDetail"),
    "Bussiness": (
        "DocumentId", "BussinessDocType", "BussinessDocReason", "BussinessDocumentInfo",
        "ReplacementInfoList", "StaffInfo", "Paper",
    ),
    "StaffInfo": ("Department", "Staff", "Mobile", "Email"),
    "Reference": ("Description", "AttachmentName", "ContentType", "ContentId"),
    "Attachment": (
        "ContentType", "ContentId", "Description", "ContentTransferEncoded", "AttachmentName",
    ),
}  # fmt: skip

FLAVOUR = Flavour(
    document=reordered(DOCUMENT, _ORDERS),
    status=reordered(STATUS, _ORDERS),
    root_namespaces={
        "xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "xsd": "http://www.w3.org/2001/XMLSchema",
    },
    trace_attributes={
        "version": "1.0",
        "mustUnderstand": "1",
        "actor": "http://schemas.xmlsoap.org/soap/actor/next",
    },
    links=True,
    attachment_cid="",
    prefixed_payload=False,
    keeps_zip=False,
)

DIALECT = Qcvn102(name="qcvn102_dotnet", flavour=FLAVOUR, recogniser=is_serialised_by_dotnet)
