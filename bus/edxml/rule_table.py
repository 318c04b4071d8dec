"""Every rule an edXML message is held to, as one table for people and for `bus explain`.

Ids are stable. E01–E20 follow the tables of QCVN 102:2016 and the checks that hubs of the
field are known to make; LEN and XSD are ours. Severities are the usual ones: a caller may
soften a single finding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

from bus.model import Problem, Severity

_REJECT = Severity.REJECT
_WARN = Severity.WARN


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what a breach of it means, how to mend it, and what should stand there."""

    id: str
    severity: Severity
    text: str
    text_vi: str
    hint: str
    hint_vi: str
    expected: str = ""


_TABLE = (
    Rule(
        "E01",
        _REJECT,
        "The XML is not well-formed UTF-8 without a DOCTYPE.",
        "XML không đúng cú pháp, không phải UTF-8 hoặc có DOCTYPE.",
        "Write plain UTF-8 XML that begins with '<'.",
        "Hãy ghi XML dạng UTF-8, bắt đầu bằng dấu '<'.",
        "well-formed UTF-8 XML",
    ),
    Rule(
        "E02",
        _REJECT,
        "The root is not edXML with exactly one edXMLEnvelope.",
        "Phần tử gốc không phải edXML chứa đúng một edXMLEnvelope.",
        "Use the namespace http://www.mic.gov.vn/TBT/QCVN_102_2016; any prefix will do.",
        "Hãy dùng không gian tên http://www.mic.gov.vn/TBT/QCVN_102_2016; tiền tố tùy ý.",
        "edXML/edXMLEnvelope, once",
    ),
    Rule(
        "E03",
        _REJECT,
        "The sending agency is not named exactly once with its code.",
        "Cơ quan gửi không được nêu đúng một lần kèm mã định danh.",
        "Fill From/OrganId with your agency's code.",
        "Hãy điền mã định danh của cơ quan vào From/OrganId.",
        "one From with a non-empty OrganId",
    ),
    Rule(
        "E04",
        _REJECT,
        "The receiving agencies are not all named, or one is named twice.",
        "Thiếu mã cơ quan nhận hoặc một cơ quan nhận bị lặp lại.",
        "Give one To per recipient, each with its own OrganId.",
        "Mỗi nơi nhận cần một phần tử To với OrganId riêng.",
        "one To or more, each with its own OrganId",
    ),
    Rule(
        "E05",
        _REJECT,
        "The document has no identifier.",
        "Văn bản không có mã định danh.",
        "Fill DocumentId; the same document keeps the same id when it is sent again.",
        "Hãy điền DocumentId; gửi lại cùng văn bản thì giữ nguyên mã.",
        "a non-empty DocumentId",
    ),
    Rule(
        "E06",
        _REJECT,
        "The document has neither a number nor a notation.",
        "Văn bản không có số và cũng không có ký hiệu.",
        "Fill Code/CodeNumber or Code/CodeNotation.",
        "Hãy điền Code/CodeNumber hoặc Code/CodeNotation.",
        "CodeNumber or CodeNotation",
    ),
    Rule(
        "E07",
        _REJECT,
        "A date is missing, is no day of the calendar, or lies in the future.",
        "Ngày bị thiếu, không có thật hoặc nằm trong tương lai.",
        "Write the date as yyyy/MM/dd in Vietnam time.",
        "Hãy ghi ngày theo mẫu yyyy/MM/dd, giờ Việt Nam.",
        "yyyy/MM/dd",
    ),
    Rule(
        "E08",
        _WARN,
        "The category of the document type is unusual.",
        "Nhóm loại văn bản khác thường.",
        "Write 1 for legal and 2 for administrative documents; TypeName decides.",
        "Ghi 1 cho văn bản quy phạm pháp luật, 2 cho văn bản hành chính; TypeName quyết định.",
        "1 or 2",
    ),
    Rule(
        "E09",
        _REJECT,
        "The abstract is missing or too long.",
        "Trích yếu bị thiếu hoặc quá dài.",
        "Fill Subject with the abstract, at most 500 characters.",
        "Hãy điền trích yếu vào Subject, tối đa 500 ký tự.",
        "1 to 500 characters",
    ),
    Rule(
        "E10",
        _REJECT,
        "The urgency is not in the code list.",
        "Mức độ khẩn không có trong danh mục.",
        "0 thường, 1 khẩn, 2 thượng khẩn, 3 hỏa tốc, 4 hỏa tốc hẹn giờ.",
        "0 thường, 1 khẩn, 2 thượng khẩn, 3 hỏa tốc, 4 hỏa tốc hẹn giờ.",
        "0 to 4",
    ),
    Rule(
        "E11",
        _WARN,
        "The steering type is not in the code list.",
        "Loại chỉ đạo không có trong danh mục.",
        "1 no directive, 2 directive, 3 report on a directive.",
        "1 không phải văn bản chỉ đạo, 2 văn bản chỉ đạo, 3 báo cáo thực hiện chỉ đạo.",
        "0 to 3",
    ),
    Rule(
        "E12",
        _WARN,
        "The number of copies or pages is impossible.",
        "Số bản phát hành hoặc số trang không hợp lý.",
        "Write a whole number, or leave the element out.",
        "Hãy ghi số nguyên hoặc bỏ phần tử này.",
        "0 to 65535",
    ),
    Rule(
        "E13",
        _REJECT,
        "The business action is unknown, or what it acts on is not named.",
        "Loại nghiệp vụ không hợp lệ hoặc thiếu văn bản mà nghiệp vụ tác động.",
        "0 new; 1 recall with the recalled id; 2 update with BussinessDocumentInfo; "
        "3 replace with ReplacementInfoList.",
        "0 mới; 1 thu hồi kèm mã văn bản; 2 cập nhật kèm BussinessDocumentInfo; "
        "3 thay thế kèm ReplacementInfoList.",
        "0 to 3 with its own block",
    ),
    Rule(
        "E14",
        _REJECT,
        "The manifest and the attachments do not match, or an attachment is no base64.",
        "Danh mục tệp và tệp đính kèm không khớp hoặc tệp không phải base64.",
        "Give each Reference exactly one Attachment with the same ContentId.",
        "Mỗi Reference cần đúng một Attachment có cùng ContentId.",
        "one Reference and one Attachment per ContentId",
    ),
    Rule(
        "E15",
        _WARN,
        "An empty element was taken as absent.",
        "Phần tử rỗng được coi như không có.",
        "Nothing needs mending.",
        "Không cần sửa.",
    ),
    Rule(
        "E16",
        _WARN,
        "The agency code is registered here by nobody and has no known form.",
        "Mã cơ quan chưa đăng ký và không đúng dạng đã biết.",
        "Use the code of the directory, like 000.00.00.G22 or H53.13.",
        "Hãy dùng mã trong danh bạ, ví dụ 000.00.00.G22 hoặc H53.13.",
        "000.00.00.G22, H53.13 or an enterprise number",
    ),
    Rule(
        "E17",
        _REJECT,
        "The status message lacks a part, or its code or instant cannot be read.",
        "Thông điệp trạng thái thiếu thành phần, hoặc mã hay thời gian không đọc được.",
        "Fill From/OrganId, ResponseFor (OrganId, Code, DocumentId), StatusCode and Timestamp.",
        "Hãy điền From/OrganId, ResponseFor (OrganId, Code, DocumentId), StatusCode và Timestamp.",
        "a complete status message",
    ),
    Rule(
        "E18",
        _WARN,
        "A refusal or recall gives no reason.",
        "Từ chối hoặc lấy lại văn bản mà không nêu lý do.",
        "Write the reason into Description.",
        "Hãy ghi lý do vào Description.",
        "a non-empty Description",
    ),
    Rule(
        "E19",
        _WARN,
        "The signature element is in the wrong namespace and proves nothing.",
        "Chữ ký nằm sai không gian tên nên không có giá trị xác thực.",
        "Sign with ds:Signature of http://www.w3.org/2000/09/xmldsig#.",
        "Hãy ký bằng ds:Signature thuộc http://www.w3.org/2000/09/xmldsig#.",
        "ds:Signature",
    ),
    Rule(
        "E20",
        _WARN,
        "The element is unknown; it is kept as it came.",
        "Phần tử không có trong quy định; được giữ nguyên như khi gửi.",
        "Use an element of the standard if there is one.",
        "Hãy dùng phần tử của tiêu chuẩn nếu có.",
    ),
    Rule(
        "LEN",
        _WARN,
        "The text is longer than the standard allows.",
        "Nội dung dài hơn mức tiêu chuẩn cho phép.",
        "Shorten the text; more than ten times the length is refused.",
        "Hãy rút gọn; dài hơn mười lần mức cho phép sẽ bị từ chối.",
    ),
    Rule(
        "XSD",
        _REJECT,
        "The message breaks its schema.",
        "Thông điệp vi phạm lược đồ.",
        "Compare the element with the schema that the bus publishes.",
        "Hãy đối chiếu phần tử với lược đồ mà trục công bố.",
    ),
)

#: The rules by id.
RULES = {rule.id: rule for rule in _TABLE}


class Facts(TypedDict, total=False):
    """What is said of one breach; None leaves a fact as the table has it."""

    path: str
    line: int
    column: int
    value: str
    expected: str | None
    severity: Severity | None


def problem(rule_id: str, **facts: Unpack[Facts]) -> Problem:
    """A breach of one rule at one place, in the table's words.

    `path`, `line` and `column` point into the sender's document; `expected` and `severity`
    stand for those of the table where they are given. Raises KeyError for an id that is not
    in the table.
    """
    rule = RULES[rule_id]
    usual = Problem(
        rule=rule.id,
        severity=rule.severity,
        expected=rule.expected,
        message=rule.text,
        message_vi=rule.text_vi,
        hint=rule.hint,
        hint_vi=rule.hint_vi,
    )
    given: dict[str, Any] = {name: fact for name, fact in facts.items() if fact is not None}
    return replace(usual, **given)
