"""The codec: what the wild does to edXML, and what becomes of every word of it."""

from __future__ import annotations

import base64
import io
import zipfile
from datetime import UTC, date, datetime

import pytest
from lxml import etree

from adapters.qcvn102_java import DIALECT
from bus.config import LimitSettings
from bus.edxml.codec import JAVA, write
from bus.edxml.digest import content_digest
from bus.errors import Defect, LimitExceeded, SchemaRejected
from bus.model import (
    Attachment,
    Document,
    FieldFate,
    Organization,
    Problem,
    Severity,
    StatusMessage,
)
from bus.ports import Parsed, Reading
from tests.support.edxml_messages import NAMESPACE, body

MESSAGE = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"
WHO = "<From><OrganId>H58.07</OrganId></From><To><OrganId>H58.01</OrganId></To>"
REFERENCE = "<Reference><ContentId>cid:1</ContentId></Reference>"


def read(content: bytes) -> Reading:
    return DIALECT.read(DIALECT.parse(content))


def document(header: str, **parts: str) -> tuple[Document, Reading]:
    reading = read(body(WHO + header, **parts))
    assert isinstance(reading.message, Document)
    return reading.message, reading


def told(problems: tuple[Problem, ...]) -> list[tuple[str, Severity, str]]:
    return [(item.rule, item.severity, item.path) for item in problems]


def attached(content: bytes, name: str = "a.txt", content_id: str = "cid:1") -> str:
    text = base64.b64encode(content).decode()
    return (
        f"<Attachment><ContentId>{content_id}</ContentId><AttachmentName>{name}</AttachmentName>"
        f"<ContentTransferEncoded>{text}</ContentTransferEncoded></Attachment>"
    )


def test_any_order_and_any_prefix_mean_the_same() -> None:
    """Order and prefixes change nothing: names count by namespace and local name."""
    plain, _ = document("<Subject>V/v họp</Subject><DocumentId>x</DocumentId>")
    wild = (
        f'<q:edXML xmlns:q="{NAMESPACE}"><q:edXMLEnvelope><q:edXMLHeader><z:MessageHeader '
        f'xmlns:z="{NAMESPACE}"><z:DocumentId>x</z:DocumentId><q:To><z:OrganId>H58.01</z:OrganId>'
        "</q:To><q:Subject>V/v họp</q:Subject><z:From><q:OrganId>H58.07</q:OrganId></z:From>"
        "</z:MessageHeader></q:edXMLHeader></q:edXMLEnvelope></q:edXML>"
    )
    reading = read(wild.encode())
    assert reading.message == plain
    assert (reading.problems, reading.losses) == ((), ())


def test_empty_elements_are_absent() -> None:
    """Empty and blank elements say nothing, at any depth, and are no problem."""
    message, reading = document(
        "<ResponseFor/><DueDate> </DueDate><Content></Content><ToPlaces><Place/></ToPlaces>"
        "<OtherInfo><Priority/><Appendixes><Appendix> </Appendix></Appendixes></OtherInfo>"
        "<SignerInfo><FullName>\n</FullName></SignerInfo>",
        trace="<TraceHeaderList><TraceHeader/><Bussiness><StaffInfo/></Bussiness></TraceHeaderList>",
    )
    assert message == Document(
        sender=Organization(organ_id="H58.07"), recipients=(Organization(organ_id="H58.01"),)
    )
    assert (reading.problems, reading.losses) == ((), ())


def test_text_is_kept_to_the_last_blank() -> None:
    """Text keeps its blanks and its spelling; numbers, dates and codes shed theirs."""
    message, reading = document(
        "<Subject> V/v\n họp </Subject><SteeringType> 1\n</SteeringType><DueDate> 2024/03/08 </DueDate>"
        "<Code><CodeNumber>012a </CodeNumber><CodeNotation>12/2020/NĐ-CP</CodeNotation></Code>"
        "<Content>\u00a0</Content>"
    )
    assert message.subject == " V/v\n họp "
    assert (message.steering_type, message.due_date) == (1, date(2024, 3, 8))
    assert (message.code.number, message.code.notation) == ("012a ", "12/2020/NĐ-CP")
    assert message.content == "\u00a0"
    assert reading.losses == ()


@pytest.mark.parametrize(
    ("element", "rule", "severity"),
    [
        ("<DueDate>2014/02/30</DueDate>", "E07", Severity.REJECT),
        ("<DueDate>30/10/2020</DueDate>", "E07", Severity.REJECT),
        ("<SteeringType>một</SteeringType>", "E11", Severity.WARN),
        ("<OtherInfo><Priority>khẩn</Priority></OtherInfo>", "E10", Severity.REJECT),
        ("<OtherInfo><PageAmount>2.5</PageAmount></OtherInfo>", "E12", Severity.WARN),
        ("<OtherInfo><Direction>có</Direction></OtherInfo>", "E20", Severity.WARN),
        ("<DocumentType><Type>CV</Type></DocumentType>", "E08", Severity.WARN),
    ],
)
def test_what_cannot_be_read_is_told_and_counted(
    element: str, rule: str, severity: Severity
) -> None:
    """An unreadable value breaks its rule at its place, stays out of the model and is a loss."""
    _, reading = document(f"\n{element}")
    (found,) = reading.problems
    leaf = etree.fromstring(element)
    text = "".join(leaf.itertext())
    path = f"{MESSAGE}/" + "/".join(item.tag for item in leaf.iter())
    assert (found.rule, found.severity, found.path) == (rule, severity, path)
    assert (found.line, found.value) == (2, text)
    (loss,) = reading.losses
    assert (loss.path, loss.fate, loss.value) == (path, FieldFate.LOST, text)
    assert reading.message == document("")[0]


def test_timestamps_of_hops_only_warn() -> None:
    """A hop with an unreadable time stays, without the time."""
    message, reading = document(
        "",
        trace="<TraceHeaderList><TraceHeader><OrganId>null</OrganId>"
        "<Timestamp>04/03/2024</Timestamp></TraceHeader></TraceHeaderList>",
    )
    assert [(hop.organ_id, hop.at) for hop in message.trace] == [("null", None)]
    assert [(item.rule, item.severity) for item in reading.problems] == [("E07", Severity.WARN)]


def test_a_repeated_single_element_is_refused() -> None:
    """Of what may stand once, the first counts; the second is refused and counted as lost."""
    message, reading = document("<Subject>một</Subject><Subject>hai</Subject>")
    assert message.subject == "một"
    assert told(reading.problems) == [("E09", Severity.REJECT, f"{MESSAGE}/Subject[2]")]
    assert [loss.value for loss in reading.losses] == ["hai"]


def test_a_repeated_sender_is_refused() -> None:
    """Two From blocks are E03, and every word of the second is a loss."""
    reading = read(body(WHO + "<From><OrganId>X</OrganId><OrganName>Y</OrganName></From>"))
    assert reading.message.sender.organ_id == "H58.07"
    assert told(reading.problems) == [("E03", Severity.REJECT, f"{MESSAGE}/From[2]")]
    assert [loss.value for loss in reading.losses] == ["X", "Y"]


def test_unknown_elements_are_kept_raw() -> None:
    """What the model has no home for is kept as it came, warned of, and written back."""
    vendor = '<v:Hold xmlns:v="urn:v"><v:Box a="1">7</v:Box></v:Hold>'
    message, reading = document(f"{vendor}<Secret>no</Secret>")
    assert told(reading.problems) == [
        ("E20", Severity.WARN, f"{MESSAGE}/Hold"),
        ("E20", Severity.WARN, f"{MESSAGE}/Secret"),
    ]
    assert [item.xml for item in message.extensions] == [
        vendor.encode(),
        f'<Secret xmlns="{NAMESPACE}">no</Secret>'.encode(),
    ]
    assert {item.parent for item in message.extensions} == {MESSAGE}
    assert read(write(message, flavour=JAVA).content).message == message


RECALL = "<Bussiness><BussinessDocType>1</BussinessDocType></Bussiness>"


@pytest.mark.parametrize(
    ("header", "path"),
    [
        (RECALL, f"{MESSAGE}/Bussiness"),
        (RECALL.replace("<Bussiness>", '<Bussiness xmlns="">'), f"{MESSAGE}/Bussiness"),
        (f"<TraceHeaders>{RECALL}</TraceHeaders>", f"{MESSAGE}/TraceHeaders"),
    ],
)
def test_a_business_block_in_the_wrong_place_is_refused(header: str, path: str) -> None:
    """A recall that is not understood as one must not travel as a new document."""
    _, reading = document(f"\n{header}")
    found = next(item for item in reading.problems if item.rule == "E13")
    assert (found.severity, found.path, found.line) == (Severity.REJECT, path, 2)
    assert "TraceHeaderList" in found.hint
    assert "TraceHeaderList" in found.hint_vi


def test_signatures_are_no_content() -> None:
    """Signatures of either namespace stay out of the model and are no loss; the wrong one warns."""
    good = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>x</SignedInfo></Signature>'
    plain, _ = document("")
    message, reading = document("", trace=f"{good}<DigitalSignature/>")
    assert (message, reading.problems, reading.losses) == (plain, (), ())
    message, reading = document("", trace="<Signature><SignedInfo>x</SignedInfo></Signature>")
    assert (message, reading.losses) == (plain, ())
    assert [item.rule for item in reading.problems] == ["E19"]


def test_stray_words_are_counted() -> None:
    """Text between elements and attributes nobody knows are losses, not silence."""
    _, reading = document("<SignerInfo mat='A'>ký thay<FullName>Đặng Tuấn</FullName></SignerInfo>")
    assert [(loss.path, loss.value) for loss in reading.losses] == [
        (f"{MESSAGE}/SignerInfo/@mat", "A"),
        (f"{MESSAGE}/SignerInfo", "ký thay"),
    ]


def test_elements_inside_text_are_kept() -> None:
    """An element inside a leaf is an extension; the text around it stays the leaf's."""
    message, reading = document("<Subject>a<b>x</b>c</Subject>")
    assert message.subject == "ac"
    assert [item.parent for item in message.extensions] == [f"{MESSAGE}/Subject"]
    assert reading.losses == ()


def test_reference_codes_may_stand_bare() -> None:
    """ReferenceCodes and ReplyFors are read as lists and, as some clients write them, as text."""
    message, reading = document(
        "<OtherInfo><ReferenceCodes>A-1</ReferenceCodes>"
        "<ReplyFors><ReplyFor>B</ReplyFor><ReplyFor>C</ReplyFor></ReplyFors></OtherInfo>"
    )
    assert message.other.reference_codes == ("A-1",)
    assert message.other.reply_fors == ("B", "C")
    assert reading.losses == ()


def test_places_lead_back_to_the_sender() -> None:
    """Canonical paths lead to the sender's path and line, also of what is absent."""
    content = body(
        "<From><OrganId>A</OrganId></From>\n<To><OrganId>B</OrganId></To>\n"
        "<To><OrganName>C</OrganName></To>\n<ResponseFor><DocumentId>d</DocumentId></ResponseFor>"
        "<OtherInfo><Priority>9</Priority></OtherInfo><ToPlaces><Place>p</Place></ToPlaces>",
        manifest=REFERENCE,
        files="\n" + attached(b"x"),
    )
    places = read(content).places
    assert places["sender.organ_id"] == (f"{MESSAGE}/From/OrganId", 1)
    assert places["recipients[0].organ_id"] == (f"{MESSAGE}/To[1]/OrganId", 2)
    assert places["recipients[1]"] == (f"{MESSAGE}/To[2]", 3)
    assert places["recipients[1].organ_id"] == (f"{MESSAGE}/To[2]/OrganId", 3)
    assert places["response_for[0].document_id"] == (f"{MESSAGE}/ResponseFor/DocumentId", 4)
    assert places["other.priority"] == (f"{MESSAGE}/OtherInfo/Priority", 4)
    assert places["to_places[0]"] == (f"{MESSAGE}/ToPlaces/Place", 4)
    assert places["code.number"] == (f"{MESSAGE}/Code/CodeNumber", 1)
    assert places["document_id"] == (f"{MESSAGE}/DocumentId", 1)
    assert places["attachments[0]"] == ("/edXML/AttachmentEncoded/Attachment", 5)


def test_statuses_are_told_from_documents() -> None:
    """StatusCode makes a status; an unknown code is E17 and None, never a default."""
    parts = (
        "<From><OrganId>H58.01</OrganId></From><ResponseFor><OrganId>H58.07</OrganId>"
        "<Code>215/GM</Code><DocumentId>d</DocumentId></ResponseFor>"
        "<Timestamp>2024/03/04 09:15:00</Timestamp>"
    )
    known = read(body(f"{parts}<StatusCode>03</StatusCode>")).message
    assert isinstance(known, StatusMessage)
    assert (known.code, known.at) == ("03", datetime(2024, 3, 4, 2, 15, tzinfo=UTC))
    for wrong in ("07", "3"):
        reading = read(body(f"{parts}<StatusCode>{wrong}</StatusCode>"))
        assert isinstance(reading.message, StatusMessage)
        assert reading.message.code is None
        assert [(item.rule, item.value) for item in reading.problems if item.rule == "E17"] == [
            ("E17", wrong)
        ]
    assert isinstance(read(body(parts)).message, StatusMessage)


def test_attachments_meet_their_references() -> None:
    """ContentIds match after any number of `cid:`; the manifest keeps its own words."""
    message, reading = document(
        "",
        manifest="<Reference><ContentId>cid:cid:1</ContentId><ContentType>t/p</ContentType></Reference>",
        files=attached(b"abc", content_id="1"),
    )
    (found,) = message.attachments
    assert (found.content_id, found.content, found.zipped) == ("1", b"abc", False)
    assert found.manifest is not None
    assert (found.manifest.content_id, found.manifest.content_type) == ("1", "t/p")
    assert (reading.problems, reading.losses) == ((), ())


def test_what_stands_alone_is_refused() -> None:
    """A Reference without Attachment and an Attachment without Reference are both E14."""
    message, reading = document("", manifest=REFERENCE, files=attached(b"x", content_id="cid:2"))
    assert [item.content_id for item in message.attachments] == ["2"]
    assert {(item.rule, item.path.rpartition("/")[2]) for item in reading.problems} == {
        ("E14", "Reference"),
        ("E14", "Attachment"),
    }
    assert [loss.value for loss in reading.losses] == ["1"]


def test_twins_are_refused() -> None:
    """Two Attachments of one ContentId are E14, and neither is dropped."""
    message, reading = document(
        "", manifest=REFERENCE, files=attached(b"x") + attached(b"y", content_id="1")
    )
    assert [item.content for item in message.attachments] == [b"x", b"y"]
    assert [item.rule for item in reading.problems] == ["E14", "E14"]


def test_bad_base64_is_refused_at_its_line() -> None:
    """An attachment that is no base64 is E14 at its element, and a loss."""
    broken = attached(b"x").replace("eA==", "\nnot base64!")
    message, reading = document("", manifest=REFERENCE, files=f"\n{broken}")
    assert message.attachments[0].content == b""
    found = next(item for item in reading.problems if item.path.endswith("ContentTransferEncoded"))
    assert (found.rule, found.severity, found.line) == ("E14", Severity.REJECT, 2)
    assert reading.problems == (found,)
    assert [loss.path.rpartition("/")[2] for loss in reading.losses] == ["ContentTransferEncoded"]


def test_a_missing_payload_is_refused() -> None:
    """An Attachment without ContentTransferEncoded is E14 where that should stand."""
    bare = "<Attachment><ContentId>cid:1</ContentId></Attachment>"
    _, reading = document("", manifest=REFERENCE, files=bare)
    path = "/edXML/AttachmentEncoded/Attachment/ContentTransferEncoded"
    assert told(reading.problems) == [("E14", Severity.REJECT, path)]


def test_zips_are_known_by_their_bytes() -> None:
    """A ZIP labelled as text is unpacked, with both digests; a label alone makes no ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("../0.edxml", "nội dung")
    message, reading = document("", manifest=REFERENCE, files=attached(buffer.getvalue()))
    (found,) = message.attachments
    assert (found.content.decode(), found.zipped) == ("nội dung", True)
    assert found.sha256 != found.wire_sha256
    assert reading.problems == ()


def test_a_zip_bomb_is_refused() -> None:
    """A message whose ZIP unpacks beyond the operator's limit is refused at its attachment."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", b"0" * 100_000)
    dialect = DIALECT.limited(LimitSettings(unpacked_bytes=99_999))
    content = body(WHO, manifest=REFERENCE, files=attached(buffer.getvalue()))
    with pytest.raises(LimitExceeded) as caught:
        dialect.read(dialect.parse(content))
    assert caught.value.path == "/edXML/AttachmentEncoded/Attachment"


def test_reading_changes_nothing() -> None:
    """One parsed message can be read twice, with the same result."""
    parsed = DIALECT.parse(body(WHO + "<X/>", manifest=REFERENCE, files=attached(b"abc")))
    assert DIALECT.read(parsed) == DIALECT.read(parsed)


@pytest.mark.parametrize(
    "content",
    [
        b"<edXML/>",
        b'<edxml xmlns="%s"/>',
        b'<edXML xmlns="%s"/>',
        b'<edXML xmlns="%s"><edXMLEnvelope/></edXML>',
        b'<edXML xmlns="%s"><edXMLEnvelope><edXMLHeader/></edXMLEnvelope></edXML>',
        b'<edXML xmlns="%s"><edXMLEnvelope/><edXMLEnvelope/></edXML>',
    ],
)
def test_without_a_message_header_nothing_is_read(content: bytes) -> None:
    """A root without exactly one envelope, header and MessageHeader is refused at once, E02."""
    with pytest.raises(SchemaRejected) as caught:
        DIALECT.parse(content.replace(b"%s", NAMESPACE.encode()))
    assert [(item.rule, item.line) for item in caught.value.problems] == [("E02", 1)]


def test_schema_violations_come_with_the_sender_s_place() -> None:
    """What the tolerant schema refuses is told, and the rest is read all the same."""
    parsed = DIALECT.parse(body(f"{WHO}\n<Code>12/NĐ-CP</Code>"))
    assert [(item.rule, item.path, item.line) for item in parsed.problems] == [
        ("XSD", f"{MESSAGE}/Code", 2)
    ]
    reading = DIALECT.read(parsed)
    assert [loss.value for loss in reading.losses] == ["12/NĐ-CP"]


def test_parsed_of_another_family_is_our_defect() -> None:
    """A dialect reads only what its own family parsed."""
    with pytest.raises(Defect):
        DIALECT.read(Parsed(content="something else"))


def test_what_xml_cannot_carry_is_altered_openly() -> None:
    """Control characters from other dialects are taken out and named as a loss."""
    written = DIALECT.write(Document(sender=Organization(organ_id="A"), subject="a\x00b\x0bc"))
    assert [(loss.path, loss.fate) for loss in written.losses] == [
        (f"{MESSAGE}/Subject", FieldFate.ALTERED)
    ]
    message = read(written.content).message
    assert isinstance(message, Document)
    assert message.subject == "abc"


def test_nothing_is_invented() -> None:
    """A document that says nothing but its sender is written as just that."""
    content = DIALECT.write(Document(sender=Organization(organ_id="A"))).content
    root = etree.fromstring(content)
    assert [item.text for item in root.iter() if item.text] == ["A"]
    assert root.find("{*}AttachmentEncoded") is None


def test_an_attachment_without_manifest_words_is_described_by_itself() -> None:
    """A file from a dialect without manifests still gets its Reference."""
    item = Attachment(content_id="7", name="a.txt", content_type="text/plain", content=b"x")
    written = DIALECT.write(Document(sender=Organization(organ_id="A"), attachments=(item,)))
    reading = read(written.content)
    assert reading.problems == ()
    assert isinstance(reading.message, Document)
    (found,) = reading.message.attachments
    assert found.manifest is not None
    assert (found.manifest.name, found.manifest.content_type) == ("a.txt", "text/plain")


def test_an_empty_file_is_a_file() -> None:
    """A file of no bytes survives, with a warning that it is empty."""
    message, reading = document("", manifest=REFERENCE, files=attached(b""))
    assert message.attachments[0].content == b""
    assert [(item.rule, item.severity) for item in reading.problems] == [("E14", Severity.WARN)]


def test_the_digest_follows_content_only() -> None:
    """Packing, labels and recipients leave the digest alone; a changed byte does not."""
    plain = Attachment(content_id="1", name="a.txt", content=b"x")
    packed = Attachment(
        content_id="uuid", name="a.txt", content=b"x", zipped=True, content_type="application/zip"
    )
    other = Attachment(content_id="1", name="a.txt", content=b"y")
    digests = [
        content_digest(Document(sender=Organization(organ_id="A"), attachments=(item,)))
        for item in (plain, packed, other)
    ]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
