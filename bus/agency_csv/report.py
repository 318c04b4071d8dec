"""What can be wrong with an agency list, in words an operator can act on."""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.model import Problem, Severity


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one rule, English and Vietnamese."""

    message: str
    message_vi: str
    hint: str
    hint_vi: str


RULES = {
    "A01": Words(
        "The header row is wrong.",
        "Dòng tiêu đề không đúng.",
        "Start with a row of column names; code and name are needed, unknown ones are refused.",
        "Dòng đầu là tên cột; bắt buộc có code và name, không dùng cột lạ.",
    ),
    "A02": Words(
        "The row has more or fewer cells than the header, or cannot be read.",
        "Dòng có số ô khác dòng tiêu đề, hoặc không đọc được.",
        "Quote cells that hold the separator or line breaks.",
        "Đặt trong ngoặc kép các ô có dấu phân cách hoặc xuống dòng.",
    ),
    "A03": Words(
        "A cell that is needed is empty.",
        "Ô bắt buộc đang để trống.",
        "Fill it in.",
        "Hãy điền giá trị.",
    ),
    "A04": Words(
        "This is no agency code.",
        "Mã cơ quan không hợp lệ.",
        "Codes have no blanks, quotes, commas, semicolons, colons, * or #, and at most 64 characters.",
        "Mã không chứa khoảng trắng, ngoặc kép, dấu phẩy, chấm phẩy, hai chấm, * hay #, tối đa 64 ký tự.",
    ),
    "A05": Words(
        "Two agencies have this code.",
        "Hai cơ quan cùng dùng mã này.",
        "A code names one agency in all code systems together; correct one of the rows.",
        "Mỗi mã chỉ thuộc một cơ quan trong mọi hệ thống mã; hãy sửa một trong hai dòng.",
    ),
    "A06": Words(
        "The agency is above itself in the tree.",
        "Cơ quan nằm trên chính nó trong cây tổ chức.",
        "Mend the parent column of the rows named.",
        "Hãy sửa cột parent của các dòng đã nêu.",
    ),
    "A07": Words(
        "This value is not one of those allowed.",
        "Giá trị không nằm trong danh sách cho phép.",
        "Use one of the values expected.",
        "Hãy dùng một trong các giá trị cho phép.",
    ),
    "A08": Words(
        "This is no SHA-256 of a token; the value is not repeated here, since it may be the token.",
        "Đây không phải mã băm SHA-256 của token; không hiển thị lại vì có thể là chính token.",
        "Write 64 hex digits (printf %s TOKEN | sha256sum), and change the token if it stood here.",
        "Ghi 64 chữ số hex (printf %s TOKEN | sha256sum), và đổi token nếu đã ghi ở đây.",
    ),
    "A09": Words(
        "Mode token needs token_sha256.",
        "Chế độ token cần có token_sha256.",
        "Add the digest, or use another mode.",
        "Hãy bổ sung mã băm, hoặc dùng chế độ khác.",
    ),
    "A10": Words(
        "This is no list of options.",
        "Danh sách tùy chọn không hợp lệ.",
        "Write key=value;key=value.",
        "Ghi theo dạng key=value;key=value.",
    ),
    "A11": Words(
        "Secrets do not belong into the agency list.",
        "Không ghi bí mật vào danh sách cơ quan.",
        "Keep it in a file of the channel with mode 0600.",
        "Hãy lưu trong tệp riêng của kênh với quyền 0600.",
    ),
}


@dataclass(slots=True)
class Report:
    """Collects every problem of one list."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, rule: str, line: int, column: str, value: str = "", expected: str = "") -> None:
        """Note one problem."""
        words = RULES[rule]
        self.problems.append(
            Problem(
                rule=rule,
                severity=Severity.REJECT,
                path=column,
                line=line,
                value=value[:200],
                expected=expected,
                message=words.message,
                message_vi=words.message_vi,
                hint=words.hint,
                hint_vi=words.hint_vi,
            )
        )
