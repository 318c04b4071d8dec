"""The checks of the bus, as one writes them over the dictionary that xmlschema decodes."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import io
import re
import zipfile
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

QCVN = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"
HANOI = timezone(timedelta(hours=7))
CODE = re.compile(
    r"^(?:[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}|[A-Z][0-9]{2}(?:\.[0-9A-Z]{1,4}){0,6})$"
)
LENGTHS = {
    "OrganizationInCharge": 200, "OrganName": 200, "OrganAdd": 250, "Email": 100,
    "Telephone": 20, "Fax": 20, "Website": 100, "CodeNumber": 11, "CodeNotation": 30,
    "Place": 150, "TypeName": 100, "Subject": 500, "Content": 500, "Competence": 100,
    "Position": 100, "FullName": 50, "SphereOfPromulgation": 100, "TyperNotation": 10,
    "Appendix": 250, "AttachmentName": 200, "BussinessDocReason": 500, "Department": 300,
    "Staff": 300, "Mobile": 30, "DocumentId": 100,
}  # fmt: skip


def plain(value: Any) -> Any:
    """The decoded document with local names, lists where there are several."""
    if isinstance(value, dict):
        return {name.rpartition("}")[2]: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def problems(document: dict[str, Any]) -> list[str]:
    """Every broken rule of one decoded document."""
    header = document["edXMLEnvelope"]["edXMLHeader"]
    message = header["MessageHeader"]
    found = [*_identity(message), *_values(message), *_lengths("", document)]
    business = (header.get("TraceHeaderList") or {}).get("Bussiness") or {}
    action = business.get("BussinessDocType", 0)
    if action not in range(4):
        found.append("E13")
    if action == 3 and not business.get("ReplacementInfoList"):
        found.append("E13")
    return [*found, *_attachments(document)]


def content_digest(document: dict[str, Any]) -> str:
    """What the document says, for telling a repeat from other content under the same identifier."""
    message = dict(document["edXMLEnvelope"]["edXMLHeader"]["MessageHeader"])
    message.pop("To", None)
    return hashlib.sha256(repr(sorted(message.items(), key=str)).encode()).hexdigest()


def route(rows: list[Any], topic: str, sender: str, recipient: str) -> Any:
    """The first row whose patterns fit."""
    for row in rows:
        fits = fnmatch.fnmatch(topic, row.topic) and fnmatch.fnmatch(sender, row.sender)
        if fits and fnmatch.fnmatch(recipient, row.recipient):
            return row
    raise LookupError(recipient)


def fresh(created: str, expires: str) -> bool:
    """Whether the Timestamp of a call is of now."""
    now = datetime.now(UTC)
    start, end = datetime.fromisoformat(created), datetime.fromisoformat(expires)
    return start - timedelta(seconds=60) <= now <= end + timedelta(seconds=60)


def _identity(message: dict[str, Any]) -> list[str]:
    codes = [to.get("OrganId") for to in message.get("To", [])]
    found = [] if message["From"].get("OrganId") else ["E03"]
    if not codes or not all(codes) or len({str(code).casefold() for code in codes}) < len(codes):
        found.append("E04")
    if not message.get("DocumentId"):
        found.append("E05")
    if not any(message.get("Code", {}).values()):
        found.append("E06")
    if not all(CODE.match(code or "") for code in (message["From"].get("OrganId"), *codes)):
        found.append("E16")
    return found


def _values(message: dict[str, Any]) -> list[str]:
    found = []
    issued = _date(message["PromulgationInfo"]["PromulgationDate"])
    if issued is None or issued > datetime.now(HANOI).date() + timedelta(days=1):
        found.append("E07")
    if message.get("DueDate") and _date(message["DueDate"]) is None:
        found.append("E07")
    if message["DocumentType"].get("Type") not in {1, 2}:
        found.append("E08")
    if not message.get("Subject"):
        found.append("E09")
    other = message.get("OtherInfo") or {}
    if other.get("Priority", 0) not in range(5):
        found.append("E10")
    if message.get("SteeringType", 0) not in range(4):
        found.append("E11")
    if any(not 0 <= other.get(name, 1) <= 65535 for name in ("PromulgationAmount", "PageAmount")):
        found.append("E12")
    return found


def _lengths(name: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [each for inner, part in value.items() for each in _lengths(inner, part)]
    if isinstance(value, list):
        return [each for part in value for each in _lengths(name, part)]
    limit = LENGTHS.get(name)
    return ["LEN"] if limit and isinstance(value, str) and len(value) > limit else []


def _attachments(document: dict[str, Any]) -> list[str]:
    manifest = document["edXMLEnvelope"]["edXMLBody"]["edXMLManifest"]
    named = {part["ContentId"].removeprefix("cid:") for part in manifest.get("Reference") or ()}
    carried = (document.get("AttachmentEncoded") or {}).get("Attachment") or ()
    if named != {part["ContentId"].removeprefix("cid:") for part in carried}:
        return ["E14"]
    for part in carried:
        content = base64.b64decode(part["ContentTransferEncoded"])
        if content.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(archive.infolist()[0])
        hashlib.sha256(content).hexdigest()
    return []


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y/%m/%d").replace(tzinfo=HANOI).date()
    except ValueError:
        return None
