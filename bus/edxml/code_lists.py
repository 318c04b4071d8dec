"""The closed lists of QCVN 102 with their names, agency code forms, and topic slugs."""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType
from typing import NamedTuple

from bus.model import BusinessAction, Priority, StatusCode


class Term(NamedTuple):
    """The name of one code in both languages."""

    vi: str
    en: str


#: Urgency, OtherInfo/Priority.
PRIORITIES = MappingProxyType(
    {
        Priority.NORMAL: Term("Thường", "normal"),
        Priority.URGENT: Term("Khẩn", "urgent"),
        Priority.VERY_URGENT: Term("Thượng khẩn", "very urgent"),
        Priority.EXPRESS: Term("Hỏa tốc", "express"),
        Priority.EXPRESS_TIMED: Term("Hỏa tốc hẹn giờ", "express, timed"),
    }
)

#: SteeringType; 0 and 1 both mean "none" in the field, 1 is what official samples write.
STEERING_TYPES = MappingProxyType(
    {
        0: Term("Không phải văn bản chỉ đạo", "no directive"),
        1: Term("Không phải văn bản chỉ đạo", "no directive"),
        2: Term("Văn bản chỉ đạo", "directive"),
        3: Term("Báo cáo thực hiện chỉ đạo", "report on a directive"),
    }
)

#: Bussiness/BussinessDocType.
BUSINESS_ACTIONS = MappingProxyType(
    {
        BusinessAction.NEW: Term("Văn bản mới", "new"),
        BusinessAction.REVOKE: Term("Thu hồi", "revoke"),
        BusinessAction.UPDATE: Term("Cập nhật", "update"),
        BusinessAction.REPLACE: Term("Thay thế", "replace"),
    }
)

#: StatusCode of a business status message; 07–12 and 14 are unknown and refused.
STATUS_CODES = MappingProxyType(
    {
        StatusCode.ARRIVED: Term("Đã đến", "arrived"),
        StatusCode.REFUSED: Term("Từ chối tiếp nhận", "refused"),
        StatusCode.ACCEPTED: Term("Đã tiếp nhận", "accepted"),
        StatusCode.ASSIGNED: Term("Phân công xử lý", "assigned"),
        StatusCode.PROCESSING: Term("Đang xử lý", "in progress"),
        StatusCode.FINISHED: Term("Hoàn thành", "finished"),
        StatusCode.RECALL_REQUESTED: Term("Yêu cầu lấy lại", "recall requested"),
        StatusCode.CHANGE_ACCEPTED: Term("Đồng ý cập nhật, lấy lại", "update or recall agreed"),
        StatusCode.CHANGE_REFUSED: Term(
            "Không đồng ý cập nhật, lấy lại", "update or recall refused"
        ),
    }
)

#: Legal documents, list A of Sửa đổi 1:2022 QCVN 102, numbered from 1.
LEGAL_TYPES = (
    Term("Hiến pháp", "constitution"),
    Term("Luật", "law"),
    Term("Pháp lệnh", "ordinance"),
    Term("Lệnh", "order"),
    Term("Nghị quyết", "resolution"),
    Term("Nghị quyết liên tịch", "joint resolution"),
    Term("Nghị định", "decree"),
    Term("Quyết định", "decision"),
    Term("Thông tư", "circular"),
    Term("Thông tư liên tịch", "joint circular"),
    Term("Chỉ thị (UBND)", "directive of a People's Committee"),
    Term("Bộ luật", "code of law"),
    Term(
        "Văn bản quy phạm pháp luật của chính quyền đơn vị hành chính - kinh tế đặc biệt",
        "legal document of a special administrative-economic unit",
    ),
)

#: Administrative documents, list B of Sửa đổi 1:2022 QCVN 102, numbered from 1.
ADMINISTRATIVE_TYPES = (
    Term("Nghị quyết (cá biệt)", "individual resolution"),
    Term("Quyết định (cá biệt)", "individual decision"),
    Term("Chỉ thị", "directive"),
    Term("Quy chế", "statute"),
    Term("Quy định", "regulation"),
    Term("Thông cáo", "communiqué"),
    Term("Thông báo", "notice"),
    Term("Hướng dẫn", "guidance"),
    Term("Chương trình", "programme"),
    Term("Kế hoạch", "plan"),
    Term("Phương án", "scheme"),
    Term("Đề án", "proposal"),
    Term("Dự án", "project"),
    Term("Báo cáo", "report"),
    Term("Biên bản", "minutes"),
    Term("Tờ trình", "submission"),
    Term("Hợp đồng", "contract"),
    Term("Công văn", "official letter"),
    Term("Công điện", "official telegram"),
    Term("Bản ghi nhớ", "memorandum"),
    Term("Bản cam kết", "commitment"),
    Term("Bản thỏa thuận", "agreement"),
    Term("Giấy chứng nhận", "certificate"),
    Term("Giấy ủy quyền", "power of attorney"),
    Term("Giấy mời", "invitation"),
    Term("Giấy giới thiệu", "letter of introduction"),
    Term("Giấy nghỉ phép", "leave permit"),
    Term("Giấy đi đường", "travel permit"),
    Term("Giấy biên nhận hồ sơ", "receipt of files"),
    Term("Phiếu gửi", "dispatch slip"),
    Term("Phiếu chuyển", "transfer slip"),
    Term("Thư công", "official note"),
)

#: The topic of a document whose type has no name.
OTHER_TYPE = "khac"
_LONGEST_SLUG = 60

# QCVN 102:2016, four groups, most general last: 000.00.13.H53.
_QCVN_CODE = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")
# QĐ 20/2020/QĐ-TTg art. 4, from general to particular: H53.13.02; letters occur (H37.DN.001).
_QD20_CODE = re.compile(r"[A-Z][0-9]{2}(\.[0-9A-Z]{1,4}){0,6}")
# QĐ 20/2020/QĐ-TTg art. 5: enterprises use their enterprise number.
_ENTERPRISE_CODE = re.compile(r"[0-9]{10}(-?[0-9]{3})?")


def is_agency_code(code: str) -> bool:
    """Whether `code` has one of the three known forms of an agency identifier."""
    forms = (_QCVN_CODE, _QD20_CODE, _ENTERPRISE_CODE)
    return any(form.fullmatch(code.strip()) for form in forms)


def topic_type(name: str | None) -> str:
    """The last word of a document's topic, from the name of its type: `Công văn` → `cong-van`.

    Lower-case ASCII letters, digits and hyphens, at most 60 characters; what stands in
    brackets (`Quyết định (cá biệt)`) does not count. `khac` for no name or one without letters.
    """
    bare = re.sub(r"\([^)]*\)", " ", name or "")
    ascii_ = "".join(
        c for c in unicodedata.normalize("NFD", bare.casefold()) if c.isascii() or c == "đ"
    )
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_.replace("đ", "d"))[:_LONGEST_SLUG].strip("-")
    return slug or OTHER_TYPE
