"""The rules E01–E20 on canonical messages, the code lists and the topic words."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus import model
from bus.edxml import code_lists, rules
from bus.edxml.field_paths import edxml_path
from bus.edxml.lengths import LENGTHS, too_long
from bus.model import Problem, Severity
from tests.support import edxml_messages

TODAY = date(2026, 3, 2)
HEAD = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"
TRACE = "/edXML/edXMLEnvelope/edXMLHeader/TraceHeaderList"

DOCUMENT = model.Document(
    sender=model.Organization(organ_id="000.00.00.G22", name="Bộ mẫu"),
    recipients=(model.Organization(organ_id="H53.13"), model.Organization(organ_id="H53.14")),
    document_id="G22-2026-000118",
    code=model.DocumentCode(number="12a", notation="BM-VP"),
    promulgation=model.Promulgation(issued_on=TODAY),
    document_type=model.DocumentType(category=2, name="Công văn"),
    subject="V/v thử quy tắc",
    other=model.OtherInfo(priority=1, copies=3, pages=2),
    steering_type=1,
    attachments=(model.Attachment(content_id="1", manifest=model.ManifestEntry(content_id="1")),),
)
STATUS = model.StatusMessage(
    sender=model.Organization(organ_id="H53.13"),
    response_for=model.Reference(
        organ_id="000.00.00.G22", code="12a/BM-VP", document_id="G22-2026-000118"
    ),
    code=model.StatusCode.REFUSED,
    description="Sai nơi nhận",
    at=datetime(2026, 3, 2, 2, 30, tzinfo=UTC),
)


def check(message: model.Message, **given_: Any) -> tuple[Problem, ...]:
    usual: dict[str, Any] = {"places": {}, "today": TODAY, "own_codes_known": lambda _code: False}
    return rules.check_message(message, **(usual | given_))


def found(message: model.Message, **given_: Any) -> list[tuple[str, str, str]]:
    return [(p.rule, p.severity.value, p.path) for p in check(message, **given_)]


def business(**facts: Any) -> model.Document:
    return replace(DOCUMENT, business=model.Business(**facts))


def test_sound_messages_break_no_rule() -> None:
    """A plain document and a plain status pass without a word."""
    assert check(DOCUMENT) == ()
    assert check(STATUS) == ()


def test_an_empty_document_is_told_everything_at_once() -> None:
    """Everything that is missing is told in one go, each at its usual place and line 0."""
    problems = check(model.Document(sender=model.Organization()))
    assert [(p.rule, p.path) for p in problems] == [
        ("E03", f"{HEAD}/From/OrganId"),
        ("E04", f"{HEAD}/To"),
        ("E05", f"{HEAD}/DocumentId"),
        ("E06", f"{HEAD}/Code"),
        ("E07", f"{HEAD}/PromulgationInfo/PromulgationDate"),
        ("E09", f"{HEAD}/Subject"),
    ]
    assert {(p.severity, p.line, p.value) for p in problems} == {(Severity.REJECT, 0, "")}


def test_an_empty_status_is_told_everything_at_once() -> None:
    """A status names every part it lacks, under the one rule for statuses."""
    problems = check(
        model.StatusMessage(sender=model.Organization(), response_for=model.Reference())
    )
    assert [(p.rule, p.path.removeprefix(HEAD)) for p in problems] == [
        ("E17", "/From/OrganId"),
        ("E17", "/ResponseFor/OrganId"),
        ("E17", "/ResponseFor/Code"),
        ("E17", "/ResponseFor/DocumentId"),
        ("E17", "/StatusCode"),
        ("E17", "/Timestamp"),
    ]
    assert problems[4].expected == "01, 02, 03, 04, 05, 06, 13, 15 or 16"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            replace(
                DOCUMENT,
                recipients=(*DOCUMENT.recipients, model.Organization(organ_id=" H53.13 ")),
            ),
            ("E04", "reject", f"{HEAD}/To[3]/OrganId"),
        ),
        (
            replace(DOCUMENT, recipients=(model.Organization(name="UBND"),)),
            ("E04", "reject", f"{HEAD}/To[1]/OrganId"),
        ),
        (
            replace(DOCUMENT, promulgation=model.Promulgation(issued_on=date(2026, 3, 4))),
            ("E07", "reject", f"{HEAD}/PromulgationInfo/PromulgationDate"),
        ),
        (
            replace(DOCUMENT, document_type=model.DocumentType(category=18)),
            ("E08", "warn", f"{HEAD}/DocumentType/Type"),
        ),
        (
            replace(DOCUMENT, other=model.OtherInfo(priority=5)),
            ("E10", "reject", f"{HEAD}/OtherInfo/Priority"),
        ),
        (replace(DOCUMENT, steering_type=4), ("E11", "warn", f"{HEAD}/SteeringType")),
        (
            replace(DOCUMENT, other=model.OtherInfo(copies=65536)),
            ("E12", "warn", f"{HEAD}/OtherInfo/PromulgationAmount"),
        ),
        (
            replace(DOCUMENT, other=model.OtherInfo(pages=-1)),
            ("E12", "warn", f"{HEAD}/OtherInfo/PageAmount"),
        ),
        (business(action=4), ("E13", "reject", f"{TRACE}/Bussiness/BussinessDocType")),
        (business(action=2), ("E13", "warn", f"{TRACE}/Bussiness/BussinessDocumentInfo")),
        (business(action=3), ("E13", "reject", f"{TRACE}/Bussiness/ReplacementInfoList")),
        (
            business(action=3, replacements=(model.Replacement(organ_ids=("H53",)),)),
            (
                "E13",
                "reject",
                f"{TRACE}/Bussiness/ReplacementInfoList/ReplacementInfo[1]/DocumentId",
            ),
        ),
        (
            replace(DOCUMENT, attachments=DOCUMENT.attachments * 2),
            ("E14", "reject", "/edXML/AttachmentEncoded/Attachment[2]"),
        ),
        (
            replace(DOCUMENT, attachments=(model.Attachment(content_id=""),)),
            ("E14", "reject", "/edXML/AttachmentEncoded/Attachment[1]/ContentId"),
        ),
        (
            replace(DOCUMENT, sender=model.Organization(organ_id="28.22.H17")),
            ("E16", "warn", f"{HEAD}/From/OrganId"),
        ),
        (
            replace(STATUS, response_for=replace(STATUS.response_for, organ_id="7816/VPCP")),
            ("E16", "warn", f"{HEAD}/ResponseFor/OrganId"),
        ),
        (replace(STATUS, at=None), ("E17", "reject", f"{HEAD}/Timestamp")),
        (replace(STATUS, description=None), ("E18", "warn", f"{HEAD}/Description")),
    ],
)  # fmt: skip
def test_each_rule_finds_its_breach(message: model.Message, expected: tuple[str, str, str]) -> None:
    """One fault in a sound message gives exactly one finding with its rule, severity and place."""
    assert found(message) == [expected]


@pytest.mark.parametrize(
    "message",
    [
        replace(DOCUMENT, code=model.DocumentCode(notation="BM-VP")),
        replace(DOCUMENT, promulgation=model.Promulgation(issued_on=date(2026, 3, 3))),
        replace(DOCUMENT, other=model.OtherInfo(), document_type=model.DocumentType()),
        replace(DOCUMENT, steering_type=0),
        replace(DOCUMENT, attachments=()),
        business(),
        business(action=0),
        business(action=1),
        business(action=2, update=model.UpdateInfo(document_changed=1)),
        business(action=3, replacements=(model.Replacement(document_id="cũ"),)),
        replace(STATUS, code=model.StatusCode.ARRIVED, description=None),
    ],
)
def test_what_the_field_leaves_out_breaks_nothing(message: model.Message) -> None:
    """Optional facts may be absent, and a sender's clock may be a day ahead."""
    assert check(message) == ()


@pytest.mark.parametrize("at", ["business", "response_for", "document"])
def test_a_recall_needs_one_id_to_go_by(at: str) -> None:
    """A recall is refused only when none of the three places names a document."""
    bare = replace(DOCUMENT, document_id=None, business=model.Business(action=1))
    assert ("E13", "reject", f"{TRACE}/Bussiness/DocumentId") in found(bare)
    named = {
        "business": replace(bare, business=model.Business(action=1, document_id="x")),
        "response_for": replace(bare, response_for=(model.Reference(document_id="x"),)),
        "document": replace(bare, document_id="x"),
    }[at]
    assert "E13" not in {rule for rule, _, _ in found(named)}


def test_a_registered_code_is_not_questioned() -> None:
    """A code of any shape passes when the directory has it; others are warned of one by one."""
    odd = replace(
        DOCUMENT,
        sender=model.Organization(organ_id="vxp.saas.03"),
        recipients=(model.Organization(organ_id="001.00.20.TT2"),),
    )
    assert [p.value for p in check(odd)] == ["vxp.saas.03", "001.00.20.TT2"]
    assert [p.value for p in check(odd, own_codes_known="vxp.saas.03".__eq__)] == ["001.00.20.TT2"]


@pytest.mark.parametrize(
    ("length", "expected"), [(500, []), (501, ["warn"]), (5000, ["warn"]), (5001, ["reject"])]
)
def test_length_warns_first_and_refuses_ten_times_later(length: int, expected: list[str]) -> None:
    """A long abstract is a warning up to ten times its length, under its own rule."""
    problems = check(replace(DOCUMENT, subject="đ" * length))
    assert [(p.rule, p.severity.value) for p in problems] == [("E09", s) for s in expected]
    assert all(len(p.value) <= 200 for p in problems)


def test_lengths_hold_deep_inside_the_message() -> None:
    """Texts in lists and blocks are measured too, and told where they stand."""
    long = replace(
        DOCUMENT,
        code=model.DocumentCode(number="1" * 14),
        other=model.OtherInfo(appendixes=("ngắn", "d" * 2501)),
        business=model.Business(action=0, staff=model.Staff(mobile="8" * 31)),
    )
    assert found(long) == [
        ("LEN", "warn", f"{HEAD}/Code/CodeNumber"),
        ("LEN", "reject", f"{HEAD}/OtherInfo/Appendixes/Appendix[2]"),
        ("LEN", "warn", f"{TRACE}/Bussiness/StaffInfo/Mobile"),
    ]


def test_places_are_the_senders_own() -> None:
    """A finding points to where the sender wrote the value, not to where we would."""
    places = {
        "recipients[1].organ_id": ("/edXML/Nhan[7]/Ma", 41),
        "other.priority": ("/edXML/Khan", 52),
        "subject": ("/edXML/TrichYeu", 60),
    }
    broken = replace(
        DOCUMENT,
        recipients=(DOCUMENT.recipients[0], model.Organization()),
        other=model.OtherInfo(priority=9),
        subject=None,
    )
    told = [(p.path, p.line, p.value) for p in check(broken, places=places)]
    assert told == [
        ("/edXML/Nhan[7]/Ma", 41, ""),
        ("/edXML/TrichYeu", 60, ""),
        ("/edXML/Khan", 52, "9"),
    ]


def test_what_was_told_in_reading_is_not_told_again() -> None:
    """A value that could not be read is not reported as missing, nor any finding twice."""
    date_path = f"{HEAD}/PromulgationInfo/PromulgationDate"
    file_path = "/edXML/AttachmentEncoded/Attachment[1]"
    already = (
        rules.problem("E07", path=date_path, line=9, value="30/02/2026"),
        rules.problem("E14", path=file_path),
    )
    broken = replace(
        DOCUMENT,
        promulgation=model.Promulgation(),
        attachments=(model.Attachment(content_id=""),),
        subject=None,
    )
    assert found(broken, already=already) == [("E09", "reject", f"{HEAD}/Subject")]
    assert check(DOCUMENT, already=already) == ()


def test_the_table_has_every_rule_in_both_languages() -> None:
    """E01 to E20, LEN and XSD stand in the table with text and cure in English and Vietnamese."""
    wanted = [f"E{n:02}" for n in range(1, 21)] + ["LEN", "XSD"]
    assert list(rules.RULES) == wanted
    for rule in rules.RULES.values():
        assert rule.text.endswith(".")
        assert rule.text_vi.endswith(".")
        assert rule.hint
        assert rule.hint_vi
        assert rule.text != rule.text_vi


def test_a_problem_takes_the_words_of_its_rule() -> None:
    """Texts come from the table; place, value, form and severity from the caller."""
    plain = rules.problem("E10", path="/a", line=3, column=4, value="9")
    assert (plain.severity, plain.expected) == (Severity.REJECT, "0 to 4")
    assert (plain.path, plain.line, plain.column, plain.value) == ("/a", 3, 4, "9")
    assert plain.message_vi == "Mức độ khẩn không có trong danh mục."
    soft = rules.problem("E10", expected="số", severity=Severity.WARN)
    assert (soft.severity, soft.expected) == (Severity.WARN, "số")
    with pytest.raises(KeyError):
        rules.problem("E99")


def test_every_length_belongs_to_a_text_of_the_model() -> None:
    """The length table has no path that no message could have, and each has its place in edXML."""
    for field in LENGTHS:
        kinds = [_type_at(kind, field) for kind in (model.Document, model.StatusMessage)]
        assert "str" in "".join(kinds), field
        assert edxml_path(field.replace("[]", "[0]"), status=kinds[0] == "") != HEAD, field


def _type_at(kind: type, field: str) -> str:
    """The annotation of a field by its canonical path; "" when there is no such field."""
    name, _, rest = field.partition(".")
    types = {f.name: str(f.type) for f in dataclasses.fields(kind)}
    found_ = types.get(name.removesuffix("[]"), "")
    if not found_ or name.endswith("[]") != found_.startswith("tuple["):
        return ""
    if not rest:
        return found_
    inner = found_.removeprefix("tuple[").partition(" | ")[0].partition(",")[0]
    record = getattr(model, inner, None)
    return _type_at(record, rest) if dataclasses.is_dataclass(record) else ""


def _texts(part: object, path: str = "", pattern: str = "") -> Iterator[tuple[str, str, str]]:
    """Every text in a message, the plain way."""
    if isinstance(part, str):
        yield path, pattern, part
    elif isinstance(part, tuple):
        for index, item in enumerate(part):
            yield from _texts(item, f"{path}[{index}]", f"{pattern}[]")
    elif dataclasses.is_dataclass(part):
        dot = "." if path else ""
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            yield from _texts(value, f"{path}{dot}{field.name}", f"{pattern}{dot}{field.name}")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(edxml_messages.documents(zipped=False), st.integers(1, 40))
def test_no_long_text_escapes_the_walk(message: model.Document, factor: int) -> None:
    """What a plain walk over all texts finds too long, the planned one finds, and nothing else."""
    long = replace(
        message,
        subject=(message.subject or "đ") * factor * 100,
        task_codes=("x" * factor * 10, "y"),
        recipients=tuple(replace(r, name="n" * factor * 20) for r in message.recipients),
    )
    wanted = [
        each for each in _texts(long) if each[1] in LENGTHS and len(each[2]) > LENGTHS[each[1]]
    ]
    assert sorted(too_long(long)) == sorted(wanted)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Công văn", "cong-van"),
        ("Quyết định", "quyet-dinh"),
        ("QUYẾT ĐỊNH (cá biệt)", "quyet-dinh"),
        ("Cong van", "cong-van"),
        ("  Tờ   trình ", "to-trinh"),
        ("Điều lệ Đảng", "dieu-le-dang"),
        ("Báo cáo – quý 3.2026", "bao-cao-quy-3-2026"),
        ("", "khac"),
        ("(nội bộ)", "khac"),
        ("***", "khac"),
        (None, "khac"),
    ],
)
def test_topics_speak_ascii(name: str | None, slug: str) -> None:
    """A type name becomes one word of a topic: no diacritics, đ becomes d, brackets dropped."""
    assert code_lists.topic_type(name) == slug


@given(st.text())
def test_any_name_gives_one_word_of_a_topic(name: str) -> None:
    """Whatever a sender writes, the word has only a-z, 0-9 and single hyphens inside."""
    word = code_lists.topic_type(name)
    assert 1 <= len(word) <= 60
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", word)


def test_all_listed_types_have_topics_of_their_own() -> None:
    """Within one list no two document types share a topic."""
    for terms in (code_lists.LEGAL_TYPES, code_lists.ADMINISTRATIVE_TYPES):
        slugs = [code_lists.topic_type(term.vi) for term in terms]
        assert len(set(slugs)) == len(slugs)
        assert "khac" not in slugs
    assert (len(code_lists.LEGAL_TYPES), len(code_lists.ADMINISTRATIVE_TYPES)) == (13, 32)


def test_code_lists_name_every_member_of_their_enums() -> None:
    """Each urgency, action and status has a Vietnamese and an English name."""
    assert set(code_lists.PRIORITIES) == set(model.Priority)
    assert set(code_lists.BUSINESS_ACTIONS) == set(model.BusinessAction)
    assert set(code_lists.STATUS_CODES) == set(model.StatusCode)
    assert set(code_lists.STEERING_TYPES) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("code", "known"),
    [
        ("000.00.00.G22", True),
        ("001.01.07.H53", True),
        ("G22", True),
        ("H53.13.02", True),
        ("H37.DN.001", True),
        ("H44.24.10.10", True),
        ("0101234567", True),
        ("0101234567-001", True),
        ("28.22.H17", False),
        ("001.00.20.TT2", False),
        ("vxp.saas.03", False),
        ("000.1137.H53", False),
        ("null", False),
        ("", False),
    ],
)
def test_the_three_code_forms_are_told_from_the_rest(code: str, *, known: bool) -> None:
    """Old codes, new codes and enterprise numbers are known; what the field bends is not."""
    assert code_lists.is_agency_code(code) is known


def test_the_published_directory_is_known_but_for_one_row(samples: Path) -> None:
    """All old-form codes of a hub's directory pass, the malformed one does not."""
    file = next((samples / "codes").glob("*.csv"))
    with file.open(encoding="utf-8-sig", newline="") as stream:
        codes = [cell for row in csv.reader(stream) for cell in row if cell.count(".") >= 2]
    odd = {code for code in codes if not code_lists.is_agency_code(code)}
    assert len(codes) > 400
    assert odd == {"000.1137.H53"}
