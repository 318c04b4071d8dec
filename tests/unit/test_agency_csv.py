"""The agency list as an operator edits it."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import agency_csv
from bus.errors import Misconfigured
from bus.model import Agency, AgencyState, CodeSystem, PolicyMode, TrustPolicy

FULL = (
    "\ufeffcode,name,parent,state,qd20,qcvn102,old,tax,policy,require_document_signature,allow_legacy,"
    "legacy_until,token_sha256,dialect,channel,address,options,speaks_for\r\n"
    'G22," Văn phòng ""Chính phủ"", Hà Nội",,live,G22,000.00.00.G22 | 000.00.01.G22,,,signature,yes,,,,'
    "qcvn102_java,soap,https://qlvb.example/ws?wsdl,timeout=5;note=a%3Bb%3D%25,G06 G14\r\n"
    f'H53.13,Sở,H53,,,,"X1 X2",0100109106,TOKEN,no,true,2026-12-31,{"AB" * 32},,,,,\r\n'
)


def refusals(text: str) -> list[tuple[str, int, str]]:
    with pytest.raises(Misconfigured) as caught:
        agency_csv.parse(text)
    assert caught.value.code == "CFG-004"
    assert all(each.message_vi and each.hint_vi for each in caught.value.problems)
    return [(each.rule, each.line, each.path) for each in caught.value.problems]


def test_every_column_is_read() -> None:
    """Every documented column ends in its field, defaults where the cell is empty."""
    office, bureau = agency_csv.parse(FULL)
    assert office == Agency(
        code="G22",
        name='Văn phòng "Chính phủ", Hà Nội',
        codes=(
            (CodeSystem.QD20, "G22"),
            (CodeSystem.QCVN102, "000.00.00.G22"),
            (CodeSystem.QCVN102, "000.00.01.G22"),
        ),
        state=AgencyState.LIVE,
        policy=TrustPolicy(require_document_signature=True),
        dialect="qcvn102_java",
        channel="soap",
        address="https://qlvb.example/ws?wsdl",
        channel_options={"timeout": "5", "note": "a;b=%"},
        speaks_for=("G06", "G14"),
    )
    assert bureau.parent == "H53"
    assert bureau.state is AgencyState.TRIAL
    assert bureau.policy == TrustPolicy(
        mode=PolicyMode.TOKEN,
        allow_legacy_signature=True,
        legacy_until=date(2026, 12, 31),
        token_sha256="ab" * 32,
    )
    assert bureau.codes == (
        (CodeSystem.OLD, "X1"),
        (CodeSystem.OLD, "X2"),
        (CodeSystem.TAX, "0100109106"),
    )


def test_a_short_list_with_semicolons_is_read() -> None:
    """Only code and name are needed, in any order, and Excel's semicolon is understood."""
    (made,) = agency_csv.parse("name;code\nBộ A, B và C;G01\n\n")
    assert (made.code, made.name) == ("G01", "Bộ A, B và C")


def test_a_list_tells_for_whom_it_says_no_policy() -> None:
    """Absent columns and empty cells say nothing; one filled cell says the whole policy."""
    assert agency_csv.parse("code,name\nG01,A\n").without_policy == {"G01"}
    filled = "code,name,policy,allow_legacy\nG01,A,,\nG02,B,signature,\nG03,C,,no\n"
    assert agency_csv.parse(filled).without_policy == {"G01"}


def test_an_empty_list_with_a_header_is_empty() -> None:
    """A header without rows is a list of nobody."""
    assert agency_csv.parse("code,name\n") == ()


@pytest.mark.parametrize(
    "text", ["", "code\nG01\n", "code,name,nmae\nG01,A,B\n", "code,name,code\n1,2,3\n"]
)
def test_a_wrong_header_is_refused(text: str) -> None:
    """Missing, unknown and doubled columns are told by name."""
    assert {rule for rule, _, _ in refusals(text)} == {"A01"}


def test_every_problem_is_told_at_once_with_its_line() -> None:
    """One bad list tells all it has wrong; lines count within quoted cells too."""
    text = (
        "code,name,state,policy,allow_legacy,legacy_until,token_sha256,options,qd20\n"
        '"G 1","two\nlines",sleeping,kerberos,perhaps,tomorrow,hunter2,a,b*\n'
        ",,,,,,,,\n"
        "G2,,,token,,,,password=x,\n"
        "G3,C,,\n"
    )
    assert refusals(text) == [
        ("A04", 2, "code"),
        ("A04", 2, "qd20"),
        ("A07", 2, "state"),
        ("A07", 2, "policy"),
        ("A08", 2, "token_sha256"),
        ("A07", 2, "allow_legacy"),
        ("A07", 2, "legacy_until"),
        ("A10", 2, "options"),
        ("A03", 5, "name"),
        ("A09", 5, "token_sha256"),
        ("A11", 5, "options"),
        ("A02", 6, ""),
    ]


def test_a_raw_token_is_never_repeated() -> None:
    """What stands in place of a digest may be the secret itself and is not shown."""
    with pytest.raises(Misconfigured) as caught:
        agency_csv.parse("code,name,policy,token_sha256\nG1,A,token,hunter2\n")
    assert "hunter2" not in repr((caught.value.problems, str(caught.value)))


def test_an_unfinished_quote_is_refused() -> None:
    """A list that no CSV reader can read is refused with a line."""
    assert refusals('code,name\nG1,"open\n')[0][0] == "A02"


def test_one_code_names_one_agency() -> None:
    """A code stands for one agency in all systems together, however it is written."""
    assert refusals("code,name,qcvn102\nG22,A,000.00.00.G22\nG06,B,000.00.00.g22\ng22,C,\n") == [
        ("A05", 3, "code"),
        ("A05", 4, "code"),
    ]
    assert len(agency_csv.parse("code,name,qd20\nG22,A,g22 G22\n")) == 1


def test_circles_of_parents_are_refused() -> None:
    """No agency stands above itself, by whatever code its parent is named."""
    text = "code,name,parent,qcvn102\nA,A,1.B,\nB,B,C,1.B\nC,C,A,\nD,D,A,\nE,E,E,\n"
    assert refusals(text) == [("A06", 2, "parent"), ("A06", 6, "parent")]


def test_a_parent_outside_the_list_is_allowed() -> None:
    """A list may be a part of the directory."""
    assert agency_csv.parse("code,name,parent\nH53.13,Sở,H53\n")[0].parent == "H53"


plain = (
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)
    .map(lambda text: unicodedata.normalize("NFC", text.strip()))
    .filter(lambda text: text and text == text.strip())
)
code = st.from_regex(r"[A-Z][0-9]{2}(\.[0-9A-Z]{1,4}){0,2}", fullmatch=True)


@st.composite
def directories(draw: st.DrawFn) -> list[Agency]:
    pool = draw(st.lists(code, min_size=1, max_size=12, unique_by=str.casefold))
    agencies: list[Agency] = []
    while pool:
        own, pool = pool[: draw(st.integers(1, 3))], pool[3:]
        systems = sorted(
            draw(
                st.lists(
                    st.sampled_from(list(CodeSystem)), min_size=len(own) - 1, max_size=len(own) - 1
                )
            ),
            key=list(CodeSystem).index,
        )
        mode = draw(st.sampled_from(list(PolicyMode)))
        agencies.append(
            Agency(
                code=own[0],
                name=draw(plain),
                codes=tuple(zip(systems, own[1:], strict=True)),
                parent=draw(st.sampled_from([None, *(each.code for each in agencies)])),
                state=draw(st.sampled_from(list(AgencyState))),
                policy=TrustPolicy(
                    mode=mode,
                    require_document_signature=draw(st.booleans()),
                    allow_legacy_signature=draw(st.booleans()),
                    legacy_until=draw(st.none() | st.dates()),
                    token_sha256="0f" * 32 if mode is PolicyMode.TOKEN else None,
                ),
                dialect=draw(st.none() | st.just("qcvn102_java")),
                channel=draw(st.none() | st.just("soap")),
                address=draw(st.none() | plain),
                channel_options=draw(st.dictionaries(st.sampled_from(["a", "b.c"]), plain)),
                speaks_for=tuple(draw(st.lists(code, max_size=2, unique=True))),
            )
        )
    return agencies


@given(directories())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back(agencies: list[Agency]) -> None:
    """Writing and reading a directory gives the same agencies in the same order."""
    assert list(agency_csv.parse(agency_csv.write(agencies))) == agencies
