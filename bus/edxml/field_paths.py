"""Where each fact of the canonical message stands in edXML, for messages that lack the element."""

from __future__ import annotations

import re
from types import MappingProxyType

_HEADER = "/edXML/edXMLEnvelope/edXMLHeader"
_MESSAGE = f"{_HEADER}/MessageHeader"
_TRACE = f"{_HEADER}/TraceHeaderList"
_BUSINESS = f"{_TRACE}/Bussiness"
_MANIFEST = "/edXML/edXMLEnvelope/edXMLBody/edXMLManifest/Reference[]"
_ATTACHMENT = "/edXML/AttachmentEncoded/Attachment[]"

_PARTS = {
    "organ_id": "OrganId",
    "in_charge": "OrganizationInCharge",
    "address": "OrganAdd",
    "telephone": "Telephone",
    "fax": "Fax",
    "website": "Website",
    "email": "Email",
    "mobile": "Mobile",
    "department": "Department",
    "department_id": "DepartmentId",
    "staff_id": "StaffId",
    "document_id": "DocumentId",
    "content_id": "ContentId",
    "content_type": "ContentType",
    "description": "Description",
    "issued_on": "PromulgationDate",
    "code": "Code",
    "at": "Timestamp",
    "number": "CodeNumber",
    "notation": "CodeNotation",
    "place": "Place",
    "competence": "Competence",
    "position": "Position",
    "full_name": "FullName",
}
_COMMON = {"sender": f"{_MESSAGE}/From", "sender.name": f"{_MESSAGE}/From/OrganName"}
_DOCUMENT = MappingProxyType(
    {
        **_COMMON,
        "recipients": f"{_MESSAGE}/To",
        "recipients[]": f"{_MESSAGE}/To[]",
        "recipients[].name": f"{_MESSAGE}/To[]/OrganName",
        "document_id": f"{_MESSAGE}/DocumentId",
        "code": f"{_MESSAGE}/Code",
        "promulgation": f"{_MESSAGE}/PromulgationInfo",
        "document_type": f"{_MESSAGE}/DocumentType",
        "document_type.category": f"{_MESSAGE}/DocumentType/Type",
        "document_type.detail": f"{_MESSAGE}/DocumentType/TypeDetail",
        "document_type.name": f"{_MESSAGE}/DocumentType/TypeName",
        "subject": f"{_MESSAGE}/Subject",
        "content": f"{_MESSAGE}/Content",
        "signer": f"{_MESSAGE}/SignerInfo",
        "due_date": f"{_MESSAGE}/DueDate",
        "to_places[]": f"{_MESSAGE}/ToPlaces/Place[]",
        "other": f"{_MESSAGE}/OtherInfo",
        "other.priority": f"{_MESSAGE}/OtherInfo/Priority",
        "other.sphere": f"{_MESSAGE}/OtherInfo/SphereOfPromulgation",
        "other.typist": f"{_MESSAGE}/OtherInfo/TyperNotation",
        "other.copies": f"{_MESSAGE}/OtherInfo/PromulgationAmount",
        "other.pages": f"{_MESSAGE}/OtherInfo/PageAmount",
        "other.appendixes[]": f"{_MESSAGE}/OtherInfo/Appendixes/Appendix[]",
        "other.reply_fors[]": f"{_MESSAGE}/OtherInfo/ReplyFors/ReplyFor[]",
        "other.reference_codes[]": f"{_MESSAGE}/OtherInfo/ReferenceCodes/ReferenceCode[]",
        "response_for[]": f"{_MESSAGE}/ResponseFor[]",
        "steering_type": f"{_MESSAGE}/SteeringType",
        "task_codes[]": f"{_MESSAGE}/ResponseForTask/TaskCode[]",
        "application_type": f"{_MESSAGE}/ApplicationType",
        "trace[]": f"{_TRACE}/TraceHeader[]",
        "business": _BUSINESS,
        "business.action": f"{_BUSINESS}/BussinessDocType",
        "business.reason": f"{_BUSINESS}/BussinessDocReason",
        "business.update": f"{_BUSINESS}/BussinessDocumentInfo",
        "business.update.receivers[]": f"{_BUSINESS}/BussinessDocumentInfo/ReceiverList/Receiver[]",
        "business.replacements": f"{_BUSINESS}/ReplacementInfoList",
        "business.replacements[]": f"{_BUSINESS}/ReplacementInfoList/ReplacementInfo[]",
        "business.replacements[].organ_ids[]": f"{_BUSINESS}/ReplacementInfoList/ReplacementInfo[]/OrganIdList/OrganId[]",
        "business.staff": f"{_BUSINESS}/StaffInfo",
        "business.staff.name": f"{_BUSINESS}/StaffInfo/Staff",
        "attachments[]": _ATTACHMENT,
        "attachments[].name": f"{_ATTACHMENT}/AttachmentName",
        "attachments[].manifest": _MANIFEST,
        "attachments[].manifest.name": f"{_MANIFEST}/AttachmentName",
    }
)
_STATUS = MappingProxyType(
    {
        **_COMMON,
        "response_for": f"{_MESSAGE}/ResponseFor",
        "staff": f"{_MESSAGE}/StaffInfo",
        "staff.name": f"{_MESSAGE}/StaffInfo/Staff",
        "code": f"{_MESSAGE}/StatusCode",
        "description": f"{_MESSAGE}/Description",
        "at": f"{_MESSAGE}/Timestamp",
    }
)


def edxml_path(field: str, *, status: bool = False) -> str:
    """The usual edXML path of a canonical path: `recipients[1].organ_id` → `/edXML/…/To[2]/OrganId`.

    Indexes count from 0 in the canonical path and from 1 in edXML. A field without a place
    of its own answers the place of what it belongs to.
    """
    table = _STATUS if status else _DOCUMENT
    pattern = re.sub(r"\[\d+\]", "[]", field)
    whole = table.get(pattern)
    if whole is None:
        parent, _, name = pattern.rpartition(".")
        above = table.get(parent, _MESSAGE)
        whole = f"{above}/{_PARTS[name]}" if name in _PARTS else above
    for index in re.findall(r"\[(\d+)\]", field):
        whole = whole.replace("[]", f"[{int(index) + 1}]", 1)
    return whole
