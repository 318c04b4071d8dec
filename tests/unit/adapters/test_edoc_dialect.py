"""eDoc 1.0 as it is really written: spellings, gaps, doubles, and messages made to do harm."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adapters
from adapters.edoc_soap import DIALECT
from bus.config import LimitSettings
from bus.edxml import limits, parser
from bus.errors import BusError, Defect, LimitExceeded, SchemaRejected
from bus.model import Document, FieldFate, Problem, Severity
from bus.ports import Parsed, Reading
from tests.support.edoc_client import NS, envelope, letter, manifest, status

LIMITS = LimitSettings()
SAMPLE = (Path(adapters.__file__).parent / "edoc_soap/samples/document_2803.xml").read_bytes()
HEADER = letter("H58.07", "H17")


def read(content: bytes | str) -> tuple[Reading, list[Problem]]:
    """The message and everything said of it, schema and translation."""
    body = content.encode() if isinstance(content, str) else content
    parsed = DIALECT.parse(body)
    reading = DIALECT.read(parsed)
    return reading, [*parsed.problems, *reading.problems]


def files(*items: str) -> str:
    """A list of inline files in the body."""
    return (
        f"<edXML:AllDocument><edXML:Document><edXML:Attach>{''.join(items)}</edXML:Attach>"
        "</edXML:Document></edXML:AllDocument>"
    )


def file(text: str, name: str = "a.txt", **attributes: str) -> str:
    """One inline file; attribute names are written with dashes."""
    more = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return (
        f"<edXML:Attachment{more}><edXML:name>{name}</edXML:name>"
        f"<edXML:value>{text}</edXML:value></edXML:Attachment>"
    )


def document(body: str = "", header: str = HEADER) -> str:
    return envelope(header, f"<edXML:SendDocument>{body}</edXML:SendDocument>")


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"{}",
        b'<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"/>',
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns="http://www.e-doc.vn/Schema/"/>',
        b'<Envelope xmlns="http://www.e-doc.vn/Schema/"/>',
        b'<?xml version="1.0" encoding="utf-7"?><x/>',
    ],
)
def test_nothing_else_is_taken_for_edoc(other: bytes) -> None:
    """Other dialects, other envelopes and other bytes are not recognised."""
    assert not DIALECT.recognises(other)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_edoc_is_recognised_in_every_encoding(encoding: str) -> None:
    """A byte order mark, UTF-16 and comments before the root hide nothing."""
    text = "<!-- một -->\n" + document()
    assert DIALECT.recognises(text.encode(encoding))
    assert DIALECT.recognises(SAMPLE)


def test_a_field_that_stands_twice_is_refused_at_its_place() -> None:
    """Two subjects are one too many: the second is named with its path and kept as lost."""
    twice = HEADER.replace(
        "<edXML:Content/>", "<edXML:Subject>khác</edXML:Subject><edXML:Content/>"
    )
    reading, problems = read(document(header=twice))
    (found,) = [p for p in problems if p.severity is Severity.REJECT]
    assert found.path == "/Envelope/Header/MessageHeader/Subject[2]"
    assert [loss.value for loss in reading.losses] == ["khác"]


def test_places_of_repeated_texts_count_only_what_is_read() -> None:
    """An empty repetition is left out, and what comes after it keeps its own place and line."""
    header = HEADER.replace(
        "<edXML:ToPlaces/>",
        "<edXML:ToPlaces>\n<edXML:Place/>\n<edXML:Place>Lưu</edXML:Place></edXML:ToPlaces>",
    )
    reading, _ = read(document(header=header))
    assert isinstance(reading.message, Document)
    assert reading.message.to_places == ("Lưu",)
    place = ("/Envelope/Header/MessageHeader/ToPlaces/Place[2]", 3)
    assert {at: where for at, where in reading.places.items() if at.startswith("to_places[")} == {
        "to_places[0]": place
    }


def test_what_nobody_knows_is_kept_and_told() -> None:
    """An unknown element becomes an extension at the place edXML would have it."""
    header = HEADER.replace(
        "<edXML:Content/>", '<v:Room xmlns:v="urn:v">A1</v:Room><edXML:Content/>'
    )
    reading, problems = read(document(header=header))
    (extension,) = reading.message.extensions
    assert extension.parent == "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"
    assert extension.xml == b'<v:Room xmlns:v="urn:v">A1</v:Room>'
    assert [p.rule for p in problems] == ["E20"]


def test_signs_that_xml_cannot_hold_are_told_when_they_are_left_out() -> None:
    """A control character from a dialect that allows it is taken out, and the loss says so."""
    message = read(document())[0].message
    written = DIALECT.write(replace(message, subject="Công\x01 văn"))
    assert "<edXML:Subject>Công văn</edXML:Subject>" in written.content.decode()
    (loss,) = [one for one in written.losses if one.fate is FieldFate.ALTERED]
    assert (loss.path, loss.value) == ("/Envelope/Header/MessageHeader/Subject", "Công\x01 văn")


def test_reports_of_other_hubs_are_named_as_lost() -> None:
    """What stands in ErrorList is no part of the document, but it is not dropped in silence."""
    header = HEADER.replace(
        "<edXML:ErrorList/>",
        "<edXML:ErrorList><edXML:Error><edXML:Code>M.Exist</edXML:Code></edXML:Error></edXML:ErrorList>",
    )
    (loss,) = read(document(header=header))[0].losses
    assert (loss.value, loss.fate) == ("M.Exist", FieldFate.LOST)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (manifest(a="x.txt") + files(file("YWJj", Content_ID="a")), [("a", "x.txt", b"abc")]),
        (
            manifest(a="x.txt") + files(file("YWJj", Content_ID="cid:cid:a")),
            [("a", "x.txt", b"abc")],
        ),
        (
            manifest(a="x.txt").replace("cid:a", "cid:&lt;a&gt;")
            + files(file("YWJj", Content_ID="&lt;a&gt;")),
            [("a", "x.txt", b"abc")],
        ),
        (
            manifest(**{"a%40b": "x.txt"}) + files(file("YWJj", Content_ID="a@b")),
            [("a@b", "x.txt", b"abc")],
        ),
        (
            manifest(**{"a%40b": "x.txt"}) + files(file("YWJj", Content_ID="a%40b")),
            [("a%40b", "x.txt", b"abc")],
        ),
        (manifest(a="a.txt") + files(file("YW\n Jj")), [("a", "a.txt", b"abc")]),
        (files(file("YWJj", Content_ID="q")), [("q", "a.txt", b"abc")]),
        (manifest(a="x") + files(file("", Content_ID="a")), [("a", "x", b"")]),
    ],
    ids=[
        "by id",
        "cid twice",
        "brackets",
        "encoded",
        "encoded twice",
        "by name",
        "no manifest",
        "empty",
    ],
)
def test_files_find_their_references(body: str, expected: list[tuple[str, str, bytes]]) -> None:
    """Content ids join files and references, names do where there are no ids."""
    reading, problems = read(document(body))
    assert not problems
    assert isinstance(reading.message, Document)
    found = [(f.content_id, f.name, f.content) for f in reading.message.attachments]
    assert found == expected


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (manifest(a="x"), "Manifest/Reference"),
        (manifest(a="x", b="y") + files(file("YQ==", Content_ID="b")), "Manifest/Reference[1]"),
        (manifest(a="x") + files(file("YQ==", Content_ID="a"), file("YQ==", Content_ID="z")),
         "AllDocument/Document/Attach/Attachment[2]"),
        (manifest(a="x") + files(file("%%%", Content_ID="a")),
         "AllDocument/Document/Attach/Attachment/value"),
        (manifest(a="x") + files(file("YQ==", Content_ID="a", Content_Transfer_Encoding="uuencode")),
         "AllDocument/Document/Attach/Attachment/@Content-Transfer-Encoding"),
    ],
    ids=["no file", "one missing", "one more", "no base64", "encoding"],
)  # fmt: skip
def test_files_that_do_not_fit_are_refused_at_their_place(body: str, place: str) -> None:
    """Every file and every reference without the other is told by rule E14 where it stands."""
    problems = [p for p in read(document(body))[1] if p.severity is Severity.REJECT]
    assert [(p.rule, p.path) for p in problems] == [("E14", f"/Envelope/Body/SendDocument/{place}")]


def test_files_and_references_are_joined_in_one_pass() -> None:
    """As many files and References as a message may have, none of which fit, cost little time."""
    references = "".join(f'<edXML:Reference xlink:href="cid:r{n}"/>' for n in range(4_900))
    one = "".join(f'<edXML:Attachment Content-ID="f{n}"/>' for n in range(4_900))
    attach = f"<edXML:Document><edXML:Attach>{one}</edXML:Attach></edXML:Document>" * 15
    body = f"<edXML:Manifest>{references}</edXML:Manifest><edXML:AllDocument>{attach}</edXML:AllDocument>"
    started = time.monotonic()
    DIALECT.read(DIALECT.parse(document(body).encode()))
    assert time.monotonic() - started < 6.0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            envelope(HEADER, "<edXML:SendDocument/>" + files(file("YQ==")).replace("All", "all")),
            "/Envelope/Body/allDocument",
        ),
        (
            envelope(HEADER, f"<edXML:SendDocument>{manifest()}</edXML:SendDocument>{files(file('YQ=='))}"),
            "/Envelope/Body/AllDocument",
        ),
        (document(file("YQ==") + files(file("YQ=="))), "/Envelope/Body/SendDocument/Attachment"),
        (
            envelope("", status("H58.07", "H17", "1/CV", "inbox") + files(file("YQ=="))),
            "/Envelope/Body/AllDocument/Document/Attach/Attachment",
        ),
    ],
    ids=["beside the wrapper", "beside the manifest", "beside the list", "with a status"],
)  # fmt: skip
def test_a_file_that_nobody_would_get_is_refused(text: str, place: str) -> None:
    """A file outside the list of a document is told by rule E14: none is dropped in silence."""
    problems = [p for p in read(text)[1] if p.severity is Severity.REJECT]
    assert [(p.rule, p.path) for p in problems] == [("E14", place)]


@pytest.mark.parametrize(
    "body",
    [
        "<v:Room xmlns:v='urn:v'><v:N>A1</v:N></v:Room>",
        "<edXML:Manifest><edXML:Room>A1</edXML:Room></edXML:Manifest>",
        manifest(a="a.txt").replace("</edXML:Ref", "<edXML:Room>A1</edXML:Room></edXML:Ref")
        + files(file("YQ==", Content_ID="a")),
        manifest(a="a.txt").replace("</edXML:Ref", "<v:Description xmlns:v='urn:v'>A1</v:Description></edXML:Ref")
        + files(file("YQ==", Content_ID="a")),
        files(file("YQ==</edXML:value><edXML:value>A1")),
        files(file("YQ==")).replace("<edXML:Attach>", "<edXML:Attach><edXML:Room>A1</edXML:Room>"),
    ],
    ids=["body", "manifest", "reference", "another namespace", "a second value", "list"],
)  # fmt: skip
def test_what_stands_around_files_and_manifest_is_told(body: str) -> None:
    """What has no place in the body, the manifest or a file is a loss and rule E20, never silence."""
    reading, problems = read(document(body))
    lost = [loss.value for loss in reading.losses if loss.fate is FieldFate.LOST]
    assert lost == ["A1"]
    assert [p.rule for p in problems] == ["E20"]


def test_attributes_of_the_document_are_told_and_those_of_the_wire_are_not() -> None:
    """An attribute nobody knows is a loss; SOAP's, xlink's and the version of a block are none."""
    header = HEADER.replace("<edXML:Content/>", '<edXML:Content grade="A"/>')
    body = manifest(a="a.txt").replace("xlink:href", 'xlink:type="simple" xlink:href')
    reading, problems = read(document(body + files(file("YQ==", Content_ID="a")), header=header))
    assert not problems
    assert [(loss.path, loss.value) for loss in reading.losses] == [
        ("/Envelope/Header/MessageHeader/Content/@grade", "A")
    ]


def test_a_token_is_no_part_of_a_message() -> None:
    """A token that a sender left in the body is not repeated in any list of losses."""
    reading, problems = read(document("<edXML:Token>s3cret</edXML:Token>"))
    assert not reading.losses
    assert not problems


def test_a_reference_tells_the_type_of_a_file_that_does_not() -> None:
    """The media type comes from the file, else from its Reference."""
    listed = manifest(a="a.pdf", b="b").replace(
        "</edXML:Ref", "<edXML:ContentType>application/pdf</edXML:ContentType></edXML:Ref"
    )
    two = files(file("YQ==", Content_ID="a"), file("YQ==", Content_ID="b", Content_Type="text/x"))
    reading, problems = read(document(listed + two))
    assert not problems
    assert isinstance(reading.message, Document)
    found = [item.content_type for item in reading.message.attachments]
    assert found == ["application/pdf", "text/x"]


def test_a_file_in_a_transport_zip_is_unpacked_within_limits() -> None:
    """A one-entry ZIP around a file is taken off; one that would fill the memory is refused."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.txt", b"\0" * 1_000_000)
    text = base64.b64encode(buffer.getvalue()).decode()
    body = document(files(file(text, Content_ID="a")))
    (item,) = read(body)[0].message.attachments  # type: ignore[union-attr]
    assert (item.zipped, len(item.content)) == (True, 1_000_000)
    small = DIALECT.limited(LimitSettings(unpacked_bytes=1000))
    with pytest.raises(LimitExceeded):
        small.read(small.parse(body.encode()))


def test_an_identity_is_supplied_only_from_what_is_there() -> None:
    """Without number, date or sender no DocumentId is made up."""
    bare = HEADER.replace("<edXML:DocumentId>H58.07,2024/03/04,1/CV-ĐT</edXML:DocumentId>", "")
    reading = read(document(header=bare))[0]
    assert isinstance(reading.message, Document)
    assert reading.message.document_id == "H58.07,2024/03/04,1/CV-ĐT"
    assert [loss.fate for loss in reading.losses] == [FieldFate.SUPPLIED]
    dateless = bare.replace("<edXML:PromulgationDate>04/03/2024", "<edXML:PromulgationDate>")
    message = read(document(header=dateless))[0].message
    assert isinstance(message, Document)
    assert message.document_id is None


def test_an_envelope_without_a_message_cannot_be_read() -> None:
    """No MessageHeader and no Status: rule E02, since nothing is left to say."""
    for body in (envelope("", ""), envelope("<edXML:ErrorList/>", "<edXML:Manifest/>"), "<x/>"):
        with pytest.raises(SchemaRejected) as refused:
            DIALECT.parse(body.encode())
        assert [p.rule for p in refused.value.problems] == ["E02"]


@pytest.mark.parametrize(
    "text",
    [
        envelope(HEADER + letter("H58.01", "H17"), "<edXML:Manifest/>"),
        envelope(HEADER + "<MessageHeader/>", "<edXML:Manifest/>"),
        envelope(
            HEADER, "<edXML:Manifest/><edXML:SendDocument><edXML:Manifest/></edXML:SendDocument>"
        ),
        envelope(HEADER, "<edXML:SendDocument><Status/></edXML:SendDocument>"),
        envelope("<Status/>", "<edXML:UpdateTraces><edXML:Status/></edXML:UpdateTraces>"),
        document(files() + files()),
    ],
    ids=[
        "two headers",
        "two namespaces",
        "two manifests",
        "a status, too",
        "two statuses",
        "two lists",
    ],
)
def test_two_messages_in_one_are_refused(text: str) -> None:
    """What was checked must be what a recipient reads: no block may stand twice."""
    with pytest.raises(SchemaRejected) as refused:
        DIALECT.parse(text.encode())
    assert [p.rule for p in refused.value.problems] == ["E02"]


def test_too_many_children_are_not_looked_at() -> None:
    """A header of ten thousand recipients is refused before each is read."""
    many = HEADER.replace("<edXML:DocumentId>", "<edXML:To/>" * 10_000 + "<edXML:DocumentId>")
    with pytest.raises(SchemaRejected) as refused:
        DIALECT.parse(document(header=many).encode())
    assert refused.value.path == "/Envelope/Header/MessageHeader"


def test_what_another_dialect_parsed_is_a_defect() -> None:
    """Parts of different dialects are never mixed up in silence."""
    with pytest.raises(Defect):
        DIALECT.read(Parsed(content=object()))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_mutation_brings_anything_but_a_verdict(data: st.DataObject) -> None:
    """Cut, doubled and changed messages are read or refused; nothing else ever happens."""
    content = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        upto = min(len(content), at + data.draw(st.integers(1, 80)))
        how = data.draw(st.sampled_from(["cut", "double", "swap", "byte"]))
        if how == "cut":
            del content[at:upto]
        elif how == "double":
            content[at:at] = content[at:upto]
        elif how == "swap":
            content[at:upto] = content[at:upto][::-1]
        else:
            content[at] = data.draw(st.integers(0, 255))
        if not content:
            break
    try:
        trimmed, _ = parser.trim(bytes(content), LIMITS)
        limits.check(trimmed, LIMITS)
        DIALECT.recognises(trimmed)
        reading = DIALECT.read(DIALECT.parse(trimmed))
        DIALECT.write(reading.message)
    except Defect:
        raise
    except BusError:
        pass


def test_the_field_is_read(samples: Path) -> None:
    """Messages of the field read with their known gaps: a file that travels beside, no DocumentId."""
    body = (samples / "vendors" / "edocvn_03_SendDocument_2803.xml").read_bytes()
    assert DIALECT.recognises(body)
    reading, problems = read(body)
    assert [(p.rule, p.path) for p in problems] == [("E14", "/Envelope/Body/Manifest/Reference")]
    assert isinstance(reading.message, Document)
    assert reading.message.document_id == "000.00.10.H19,2015/09/30,125/SM-VP"
    assert [hop.organ_id for hop in reading.message.trace] == ["000.00.10.H19", "000.00.11.H19"]


def test_the_draft_files_of_the_field_are_read(samples: Path) -> None:
    """The separate file list of the draft reads when it stands in the body."""
    path = samples / "vendors" / "edocvn_04_AllDocument_512_attachments.xml"
    listed = path.read_text(encoding="utf-8")
    reading, problems = read(document(listed))
    assert not problems
    (item,) = reading.message.attachments  # type: ignore[union-attr]
    assert (item.name, item.content[:5]) == ("125-SM-VP.pdf", b"%PDF-")


def test_our_samples_speak_the_namespace() -> None:
    """Each sample of this dialect names eDoc's namespace and no secret."""
    for path in (Path(adapters.__file__).parent / "edoc_soap" / "samples").iterdir():
        content = path.read_text(encoding="utf-8")
        assert NS in content
        assert "Token" not in content
