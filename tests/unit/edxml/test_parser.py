"""The hardened parser: what it trims, what it refuses, and where it says the fault is."""

from __future__ import annotations

import threading

import pytest

from bus.config import LimitSettings
from bus.edxml import parser
from bus.errors import NotWellFormed
from bus.model import Severity

LIMITS = LimitSettings()
DECLARED = b'<?xml version="1.0" encoding="UTF-8"?>\n<a>\n<b/></a>'


def refusal(body: bytes) -> NotWellFormed:
    with pytest.raises(NotWellFormed) as caught:
        parser.parse(body)
    return caught.value


def test_clean_bodies_are_not_copied() -> None:
    """A body without junk passes as the same object, without a warning."""
    trimmed, warnings = parser.trim(DECLARED, LIMITS)
    assert trimmed is DECLARED
    assert warnings == ()


@pytest.mark.parametrize(
    ("junk", "values"),
    [
        (b"\xef\xbb\xbf", ["byte order mark"]),
        (b"1212", ["1212"]),
        (b"\xef\xbb\xbf12", ["byte order mark", "12"]),
        (b"  ", ["  "]),
    ],
)
def test_junk_is_trimmed_with_a_warning_each(junk: bytes, values: list[str]) -> None:
    """A byte order mark and short junk go, and each is named in an E01 warning."""
    trimmed, warnings = parser.trim(junk + DECLARED, LIMITS)
    assert trimmed == DECLARED
    assert [warning.value for warning in warnings] == values
    assert {(warning.rule, warning.severity) for warning in warnings} == {("E01", Severity.WARN)}


@pytest.mark.parametrize("body", [DECLARED, b"<a>\n<b/></a>"])
def test_lines_stay_those_of_the_sender(body: bytes) -> None:
    """Line feeds in trimmed junk still count, with and without an XML declaration."""
    expected = parser.parse(body).find("b").sourceline + 2
    trimmed, _ = parser.trim(b"x\n\n" + body, LIMITS)
    assert parser.parse(trimmed).find("b").sourceline == expected


def test_white_space_before_a_root_is_xml() -> None:
    """Blank lines before a root without a declaration are legal and stay, however many."""
    body = b"\n" * 500 + b"<a/>"
    assert parser.trim(body, LIMITS) == (body, ())


@pytest.mark.parametrize("body", [b"x" * 65 + b"<a/>", b"nothing at all", b"\n" * 65 + DECLARED])
def test_longer_junk_is_refused(body: bytes) -> None:
    """More junk than the limit, or no markup at all, is not well-formed."""
    with pytest.raises(NotWellFormed) as caught:
        parser.trim(body, LIMITS)
    assert (caught.value.code, caught.value.line) == ("XML-001", 1)


def test_an_empty_body_has_its_own_code() -> None:
    """No bytes at all is said to be empty, not broken."""
    with pytest.raises(NotWellFormed) as caught:
        parser.trim(b"", LIMITS)
    assert caught.value.code == "RCV-005"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read(codec: str) -> None:
    """UTF-16 is read with a byte order mark, and without one by its declaration."""
    body = '<?xml version="1.0" encoding="UTF-16"?><a>Nghị định</a>'.encode(codec)
    trimmed, warnings = parser.trim(body, LIMITS)
    assert warnings == ()
    assert parser.parse(trimmed).text == "Nghị định"


def test_comments_and_instructions_leave_no_trace() -> None:
    """Text around a comment is one text, as exclusive C14N without comments has it."""
    root = parser.parse(b"<a>G<!-- x -->2<?pi y?>2<![CDATA[.H]]>1</a>")
    assert root.text == "G22.H1"
    assert len(root) == 0


def test_large_text_is_read() -> None:
    """One text node may be longer than ten million characters."""
    root = parser.parse(b"<a>" + b"QUJD" * 3_000_000 + b"</a>")
    assert len(root.text or "") == 12_000_000


@pytest.mark.parametrize(
    ("body", "code", "line", "column"),
    [
        (b"<a>\n<b>\n", "XML-001", 3, 1),
        (b"<a>\n  <b></c></a>", "XML-001", 2, 10),
        (b"<a>&auml;</a>", "XML-001", 1, 10),
        (b"<p:a/>", "XML-001", 1, 5),
        (b"<!DOCTYPE a><a/>", "XML-002", 1, 1),
        (b'<?xml version="1.0" encoding="UTF-8"?>\n<a>\xc3\x28</a>', "XML-003", 2, 4),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "XML-003", 1, 1),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "XML-003", 1, 1),
        (b'<?xml version="1.0" encoding=UTF-8?><a/>', "XML-001", 1, 1),
        ("<a/>".encode("utf-32"), "XML-003", 1, 1),
    ],
)
def test_refusals_name_the_place(body: bytes, code: str, line: int, column: int) -> None:
    """Every refusal carries its code with line and column."""
    error = refusal(body)
    assert (error.code, error.line, error.column) == (code, line, column)


def test_details_are_not_repeated() -> None:
    """The parser's own words come without the position they end in."""
    assert refusal(b"<a><b></a>").detail.startswith("Opening and ending tag mismatch")
    assert ", line 1, column" not in refusal(b"<a><b></a>").detail


def test_every_thread_has_its_own_parser() -> None:
    """Parsers are not shared between threads, and are kept within one."""
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append((parser._parser(), parser._parser())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0][0] is found[0][1]
    assert found[0][0] is not found[1][0]
