"""What can be wrong with a topic table, in words an operator can act on."""

from __future__ import annotations

from dataclasses import dataclass

from bus.model import Problem, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """The words for one rule, English and Vietnamese."""

    severity: Severity
    message: str
    message_vi: str
    hint: str
    hint_vi: str


_REJECT, _WARN = Severity.REJECT, Severity.WARN

RULES: dict[str, Rule] = {
    "R01": Rule(
        _REJECT,
        "The file is not valid TOML.",
        "Tệp không đúng cú pháp TOML.",
        "Mend the place named.",
        "Hãy sửa tại vị trí đã nêu.",
    ),
    "R02": Rule(
        _REJECT,
        "This key is unknown.",
        "Khóa này không được hỗ trợ.",
        "A table holds [[route]] rows with topic, priority, sender, recipient, one decision, note.",
        "Bảng chỉ gồm các dòng [[route]] với topic, priority, sender, recipient, một quyết định, note.",
    ),
    "R03": Rule(
        _REJECT,
        "This is no topic pattern.",
        "Mẫu chủ đề không hợp lệ.",
        "Use lower-case words with dots, * for one word, # for the rest: edoc.*.cong-van, edoc.#",
        "Dùng từ chữ thường nối bằng dấu chấm, * thay một từ, # thay phần còn lại: edoc.*.cong-van, edoc.#",
    ),
    "R04": Rule(
        _REJECT,
        "This is no priority.",
        "Độ khẩn không hợp lệ.",
        'Use a number 0 to 4, a list of them, or ">=2".',
        'Dùng một số từ 0 đến 4, danh sách các số, hoặc ">=2".',
    ),
    "R05": Rule(
        _REJECT,
        "This names no agency.",
        "Giá trị này không chỉ ra cơ quan nào.",
        'Use a code, "under:CODE", a list of these, or "*" alone.',
        'Dùng một mã, "under:MÃ", danh sách các mã, hoặc riêng "*".',
    ),
    "R06": Rule(
        _REJECT,
        "A row must decide exactly one thing.",
        "Mỗi dòng phải có đúng một quyết định.",
        "Keep one of: deliver = true, via, redirect_to, hold = true, reject, copy_to.",
        "Giữ lại đúng một trong: deliver = true, via, redirect_to, hold = true, reject, copy_to.",
    ),
    "R07": Rule(
        _REJECT,
        "The row pairs too many senders with too many recipients.",
        "Dòng ghép quá nhiều nơi gửi với nơi nhận.",
        'Split the row, or use "under:CODE".',
        'Hãy tách dòng, hoặc dùng "under:MÃ".',
    ),
    "R08": Rule(
        _REJECT,
        "This value has the wrong type.",
        "Giá trị sai kiểu.",
        "Compare the row with the examples in conf/routes.toml.",
        "Hãy đối chiếu với ví dụ trong conf/routes.toml.",
    ),
    "R10": Rule(
        _REJECT,
        "This agency is not in the directory.",
        "Cơ quan này không có trong danh bạ.",
        "Mend the code, or register the agency first: bus agencies register.",
        "Hãy sửa mã, hoặc đăng ký cơ quan trước: bus agencies register.",
    ),
    "R11": Rule(
        _REJECT,
        "This channel or peer does not exist.",
        "Kênh hoặc trục này không tồn tại.",
        "Use the name of an installed channel: bus adapters list.",
        "Dùng tên kênh đã cài đặt: bus adapters list.",
    ),
    "R12": Rule(
        _REJECT,
        "The row can never match: earlier rows take everything it asks for and decide otherwise.",
        "Dòng không bao giờ được dùng: các dòng trước đã nhận hết và quyết định khác.",
        "Move it above the rows named, or remove it.",
        "Hãy chuyển dòng này lên trước các dòng đã nêu, hoặc bỏ đi.",
    ),
    "R13": Rule(
        _WARN,
        "The row is superfluous: earlier rows decide the same.",
        "Dòng thừa: các dòng trước đã quyết định giống như vậy.",
        "Remove it.",
        "Có thể bỏ dòng này.",
    ),
    "R14": Rule(
        _REJECT,
        "Redirects go round in a circle.",
        "Chuyển hướng vòng tròn.",
        "Let one of the rows named deliver instead.",
        "Hãy cho một trong các dòng đã nêu chuyển phát thay vì chuyển hướng.",
    ),
    "R15": Rule(
        _REJECT,
        "The row redirects an agency to itself.",
        "Dòng chuyển hướng một cơ quan về chính nó.",
        "Redirect to the agency that took over, or use deliver = true.",
        "Hãy chuyển đến cơ quan tiếp nhận, hoặc dùng deliver = true.",
    ),
    "R16": Rule(
        _WARN,
        "No row lets anything reach this connected agency; what is sent to it will be parked.",
        "Không có dòng nào cho phép gửi đến cơ quan đã kết nối này; văn bản gửi đến sẽ bị giữ chờ.",
        "Add a row for it, or a last row that delivers everything.",
        "Hãy thêm dòng cho cơ quan, hoặc một dòng cuối chuyển phát tất cả.",
    ),
    "R17": Rule(
        _WARN,
        "More than 1,000 rows name neither a sender nor a recipient.",
        "Có hơn 1.000 dòng không nêu nơi gửi lẫn nơi nhận.",
        "Name the recipient in most rows, so that people can still read the table.",
        "Hãy nêu nơi nhận ở phần lớn các dòng để bảng còn đọc được.",
    ),
    "R18": Rule(
        _WARN,
        "No topic of the bus fits this pattern.",
        "Không chủ đề nào của trục khớp mẫu này.",
        "Topics are edoc.<action>.<type>, status.<code> and notice.dead.",
        "Chủ đề có dạng edoc.<nghiệp vụ>.<loại>, status.<mã> và notice.dead.",
    ),
    "R19": Rule(
        _WARN,
        "The row sends to a locked agency; what it takes will be parked.",
        "Dòng gửi đến cơ quan đang bị khóa; văn bản sẽ bị giữ chờ.",
        "Unlock the agency, or name the one that took over.",
        "Hãy mở khóa, hoặc nêu cơ quan tiếp nhận.",
    ),
    "R20": Rule(
        _WARN,
        "The redirected code is not in the directory; it is compared as written.",
        "Mã bị chuyển hướng không có trong danh bạ; trục so sánh đúng như đã viết.",
        "Keep abolished agencies in the directory as locked, with all their codes.",
        "Nên giữ cơ quan đã giải thể trong danh bạ ở trạng thái locked, kèm mọi mã cũ.",
    ),
}


def problem(
    rule: str, *, path: str, line: int = 0, value: object = "", expected: str = ""
) -> Problem:
    """One problem in the words of its rule; `path` names the row and the key."""
    words = RULES[rule]
    return Problem(
        rule=rule,
        severity=words.severity,
        path=path,
        line=line,
        value=str(value)[:200],
        expected=expected,
        message=words.message,
        message_vi=words.message_vi,
        hint=words.hint,
        hint_vi=words.hint_vi,
    )


def summary(problems: list[Problem]) -> str:
    """One line for a refusal: how many problems, and the first."""
    first = problems[0]
    at = f"line {first.line}, " if first.line else ""
    value = f" ({first.value})" if first.value else ""
    more = f"; {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{at}{first.path}: {first.message}{value}{more}"
