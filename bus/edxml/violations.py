"""What libxml2 says of a schema violation, in words that a sender can act on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from bus.edxml.rule_table import problem
from bus.model import Problem

_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One schema violation in plain words; `value` is what stands there."""

    message: str
    message_vi: str
    value: str = ""
    expected: str = ""


def as_problem(violation: Violation, *, path: str, line: int) -> Problem:
    """The violation as a reason to refuse the message, rule XSD."""
    return replace(
        problem(
            "XSD",
            path=path,
            line=line,
            value=violation.value[:_LONGEST_VALUE],
            expected=violation.expected,
        ),
        message=violation.message,
        message_vi=violation.message_vi,
    )


def explain(kind: str, text: str, name: str, value: str) -> Violation:
    """Words for one entry of libxml2's log.

    `kind` is its error type name, `text` its own message, `name` the local name of the
    element and `value` the text in it.
    """
    teller = _TELLERS.get(kind.removeprefix("SCHEMAV_"))
    if teller is None:
        return Violation(
            message=f"{name} breaks the schema: {_plain(text)}",
            message_vi=f"{name} vi phạm lược đồ: {_plain(text)}",
            value=value,
        )
    return teller(text, name, value)


def _plain(text: str) -> str:
    """libxml2's words without the element prefix and the namespaces."""
    return re.sub(r"\{[^}]*\}", "", re.sub(r"^Element '[^']*'(?:, attribute '[^']*')?: ", "", text))


def _quoted(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"'([^']*)'", _plain(text)))


def _content(text: str, name: str, _value: str) -> Violation:
    expected = re.findall(r"\}?([\w.*-]+)\s*[,)]", _plain(text).partition("Expected is")[2])
    names = ", ".join(dict.fromkeys(e for e in expected if "*" not in e))
    if "Missing child" in text:
        return Violation(
            message=f"{name} lacks a child element.",
            message_vi=f"{name} thiếu phần tử con.",
            expected=names,
        )
    return Violation(
        message=f"{name} is not allowed in this place.",
        message_vi=f"{name} không được phép ở vị trí này.",
        expected=names,
    )


def _root(_text: str, name: str, _value: str) -> Violation:
    return Violation(
        message=f"{name} is no root element of this format.",
        message_vi=f"{name} không phải phần tử gốc của định dạng này.",
        expected="edXML",
    )


def _stray_text(_text: str, name: str, value: str) -> Violation:
    return Violation(
        message=f"{name} holds text between its elements.",
        message_vi=f"{name} chứa chữ nằm ngoài các phần tử con.",
        value=value,
        expected="elements only",
    )


def _stray_elements(_text: str, name: str, value: str) -> Violation:
    return Violation(
        message=f"{name} holds elements where only text is allowed.",
        message_vi=f"{name} chứa phần tử con trong khi chỉ được chứa chữ.",
        value=value,
        expected="text only",
    )


def _attribute(text: str, name: str, _value: str) -> Violation:
    found = re.search(r"attribute '(?:\{[^}]*\})?([^']*)'", text)
    attribute = found[1] if found else ""
    return Violation(
        message=f"{name} carries the attribute {attribute}, which the schema does not know.",
        message_vi=f"{name} có thuộc tính {attribute} không có trong lược đồ.",
        value=attribute,
    )


def _no_value(text: str, name: str, value: str) -> Violation:
    kind = (_quoted(text) or ("",))[-1].removeprefix("xs:")
    return Violation(
        message=f"The value of {name} cannot be read as its type.",
        message_vi=f"Giá trị của {name} không đúng kiểu dữ liệu.",
        value=value,
        expected=_TYPES.get(kind, kind),
    )


def _pattern(text: str, name: str, value: str) -> Violation:
    pattern = text.partition("by the pattern '")[2].rstrip("'.")
    return Violation(
        message=f"The value of {name} is not written in the form demanded.",
        message_vi=f"Giá trị của {name} không đúng mẫu quy định.",
        value=value,
        expected=_form(pattern),
    )


def _form(pattern: str) -> str:
    """A date pattern as people write it; any other pattern as it is."""
    if not pattern.startswith(("[0-9]{4}/", "([0-9]{4}/")):
        return pattern
    return "yyyy/MM/dd HH:mm:ss" if ":" in pattern else "yyyy/MM/dd"


def _enumeration(text: str, name: str, value: str) -> Violation:
    return Violation(
        message=f"The value of {name} is not in its code list.",
        message_vi=f"Giá trị của {name} không có trong danh mục mã.",
        value=value,
        expected=", ".join(re.findall(r"'([^']*)'", text.rpartition("{")[2])),
    )


def _too_long(text: str, name: str, value: str) -> Violation:
    return Violation(
        message=f"{name} is too long.",
        message_vi=f"{name} quá dài.",
        value=value,
        expected=f"at most {_quoted(text)[-1]} characters",
    )


def _too_short(text: str, name: str, value: str) -> Violation:
    return Violation(
        message=f"{name} must not be empty.",
        message_vi=f"{name} không được để trống.",
        value=value,
        expected=f"at least {_quoted(text)[-1]} character(s)",
    )


def _too_small(text: str, name: str, value: str) -> Violation:
    return Violation(
        message=f"The value of {name} is too small.",
        message_vi=f"Giá trị của {name} quá nhỏ.",
        value=value,
        expected=f"at least {_quoted(text)[-1]}",
    )


def _too_large(text: str, name: str, value: str) -> Violation:
    return Violation(
        message=f"The value of {name} is too large.",
        message_vi=f"Giá trị của {name} quá lớn.",
        value=value,
        expected=f"at most {_quoted(text)[-1]}",
    )


_TYPES = {
    "int": "a whole number",
    "boolean": "true or false",
    "base64Binary": "base64",
    "PriorityCode": "0 to 4",
    "BusinessCode": "0 to 3",
}

_TELLERS: dict[str, Callable[[str, str, str], Violation]] = {
    "ELEMENT_CONTENT": _content,
    "CVC_ELT_1": _root,
    "CVC_COMPLEX_TYPE_2_3": _stray_text,
    "CVC_COMPLEX_TYPE_2_2": _stray_elements,
    "CVC_TYPE_3_1_2": _stray_elements,
    "CVC_COMPLEX_TYPE_3_2_1": _attribute,
    "CVC_COMPLEX_TYPE_3_2_2": _attribute,
    "CVC_TYPE_3_1_1": _attribute,
    "CVC_DATATYPE_VALID_1_2_1": _no_value,
    "CVC_PATTERN_VALID": _pattern,
    "CVC_ENUMERATION_VALID": _enumeration,
    "CVC_MAXLENGTH_VALID": _too_long,
    "CVC_MINLENGTH_VALID": _too_short,
    "CVC_MININCLUSIVE_VALID": _too_small,
    "CVC_MAXINCLUSIVE_VALID": _too_large,
}
