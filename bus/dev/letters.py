"""Sample letters: signed documents with an attachment, and the statuses that answer them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from bus.model import (
    Attachment,
    Business,
    Document,
    DocumentCode,
    DocumentType,
    Organization,
    OtherInfo,
    Promulgation,
    Reference,
    Signer,
    Staff,
    StatusCode,
    StatusMessage,
    TraceHop,
)

HANOI = timezone(timedelta(hours=7))
DESCRIPTIONS = {
    StatusCode.ARRIVED: "Đã đến: phần mềm đã nhận, văn thư chưa xử lý",
    StatusCode.ACCEPTED: "Đã tiếp nhận, vào sổ văn bản đến",
    StatusCode.FINISHED: "Đã hoàn thành xử lý",
}


def letter(
    number: int, sender: Organization, recipients: tuple[Organization, ...], subject: str
) -> Document:
    """A new official letter (công văn) of today with one PDF attached."""
    now = datetime.now(UTC)
    today = now.astimezone(HANOI).date()
    notation = "BNV-VP"
    content = pdf(f"Cong van so {number}/{notation}")
    return Document(
        sender=sender,
        recipients=recipients,
        document_id=f"{sender.organ_id},{today:%Y/%m/%d},{number}/{notation}",
        code=DocumentCode(number=str(number), notation=notation),
        promulgation=Promulgation(place="Hà Nội", issued_on=today),
        document_type=DocumentType(category=2, detail=0, name="Công văn"),
        subject=subject,
        content=subject,
        signer=Signer(
            competence="TL. BỘ TRƯỞNG", position="Chánh Văn phòng", full_name="Văn thư mẫu"
        ),
        other=OtherInfo(priority=0, copies=1, pages=1),
        steering_type=1,
        to_places=tuple(str(recipient.name) for recipient in recipients),
        trace=(TraceHop(organ_id=sender.organ_id, at=now.replace(microsecond=0)),),
        business=Business(action=0, reason="Văn bản điện tử mới", paper=0, staff=_staff()),
        attachments=(
            Attachment(
                content_id="tep-1",
                name=f"cong-van-{number}.pdf",
                content_type="application/pdf",
                content=content,
            ),
        ),
    )


def reply(replier: Organization, document: Document, at: datetime) -> Document:
    """A letter that answers a document and says which attachments came with it."""
    code = f"{document.code.number}/{document.code.notation}"
    number = int(at.timestamp() * 1000) % 1_000_000_000
    made = letter(number, replier, (document.sender,), f"V/v phúc đáp văn bản số {code}")
    names = ", ".join(f"{each.name} ({each.sha256[:12]}…)" for each in document.attachments)
    return replace(
        made,
        content=f"Đã nhận “{document.subject}”. Tệp đính kèm: {names or 'không có'}.",
        response_for=(_about(document),),
    )


def status(
    code: StatusCode, reporter: Organization, document: Document, at: datetime
) -> StatusMessage:
    """What a recipient tells the issuer about a document; `at` to the second."""
    return StatusMessage(
        sender=reporter,
        response_for=_about(document),
        code=code,
        description=DESCRIPTIONS[code],
        at=at.replace(microsecond=0),
        staff=_staff(),
    )


def pdf(text: str) -> bytes:
    """A one-page PDF 1.4 that shows one line of ASCII text."""
    stream = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body = b"%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return body + (
        b"xref\n0 6\n0000000000 65535 f \n%btrailer\n<< /Size 6 /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (table, len(body))
    )


def _about(document: Document) -> Reference:
    return Reference(
        organ_id=document.sender.organ_id,
        code=f"{document.code.number}/{document.code.notation}",
        issued_on=document.promulgation.issued_on,
        document_id=document.document_id,
    )


def _staff() -> Staff:
    return Staff(department="Văn thư", name="Văn thư mẫu", email="vanthu@example.vn")
