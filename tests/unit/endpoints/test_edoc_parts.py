"""The pieces of the eDoc service by themselves: packing, evidence, reports, requests."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from bus import errors
from bus.config import LimitSettings
from bus.edxml import parser
from bus.edxml.rules import RULES, problem
from bus.endpoints.edoc import packing, reports, requests
from bus.endpoints.edoc.evidence import masked
from bus.endpoints.edoc.wsdl import wsdl
from bus.envelope import soap
from bus.envelope.media_type import read_media_type
from bus.envelope.package import Attachments, open_package
from bus.error_catalogue import CATALOGUE
from bus.model import Severity
from tests.support.edoc_client import NS, OldClient, envelope, letter, manifest
from tests.support.multipart import Piece, joined, related

SECRET = "s3cret-token"
CLIENT = OldClient("http://127.0.0.1/none", "H58.07", SECRET)
HEADER = letter("H58.07", "H17") + CLIENT.key_info()


def parts(*pieces: Piece) -> Attachments:
    root = Piece(b"<root/>", "root", "text/xml")
    body, media = joined([root, *pieces]), read_media_type(related(start="root"))
    return open_package(body, media, LimitSettings()).attachments


def test_packing_keeps_lines_and_leaves_credentials_out() -> None:
    """A place in the packed form has the line that the sender sees, however much was taken out."""
    xml = (
        '<?xml version="1.0"?>\n\n'
        + envelope(
            "<Signature>\n<KeyInfo>\n<Token>s3cret-token</Token></KeyInfo>\n</Signature>\n"
            '<w:Security xmlns:w="urn:x">\n<w:A/></w:Security>\n' + letter("H58.07", "H17"),
            "\n<edXML:Manifest/>",
        )
    ).encode()
    root = parser.parse(xml)
    before = {str(e.tag): e.sourceline for e in root.iter(etree.Element)}
    packed = packing.pack(root, None)
    after = {str(e.tag): e.sourceline for e in parser.parse(packed).iter(etree.Element)}
    assert SECRET.encode() not in packed
    assert not {"Signature", "KeyInfo", "Token", "{urn:x}Security"} & set(after)
    assert after.items() <= before.items()
    assert f"{{{NS}}}Manifest" in after


@pytest.mark.parametrize(
    "body",
    [
        f"<edXML:SendDocument><edXML:Token>{SECRET}</edXML:Token>\n<edXML:Manifest/></edXML:SendDocument>",
        f"<SendDocument><a><Token>{SECRET}</Token>\n</a><edXML:Manifest/></SendDocument>",
    ],
    ids=["an argument", "deeper, in no namespace"],
)
def test_packing_leaves_tokens_of_the_body_out(body: str) -> None:
    """A token that came with the arguments stays at the door; what stood behind it keeps its line."""
    root = parser.parse(envelope(letter("H58.07", "H17"), body).encode())
    packed = packing.pack(root, None)
    assert SECRET.encode() not in packed
    manifest_ = parser.parse(packed).find(f".//{{{NS}}}Manifest")
    assert manifest_ is not None
    assert manifest_.sourceline == 2


@pytest.mark.parametrize(
    ("blocks", "body"),
    [
        ("<a>\n</a>\n" * 90_000, "<edXML:Manifest/>"),
        ("", "<edXML:SendDocument>" + "<Token>\n</Token>\n" * 90_000 + "</edXML:SendDocument>"),
    ],
    ids=["blocks", "tokens"],
)
def test_what_is_left_out_costs_no_more_than_reading_it(blocks: str, body: str) -> None:
    """As many unwanted elements as a message may have are taken out in bounded time."""
    root = parser.parse(envelope(letter("H58.07", "H17") + blocks, body).encode())
    started = time.monotonic()
    packed = packing.pack(root, None)
    assert time.monotonic() - started < 5.0
    assert packed.count(b"\n") >= 180_000


def test_parts_come_back_as_they_were() -> None:
    """What is packed and unpacked is the same files, by the same names and types."""
    sent = {"a": b"\x00\xff" * 50, "ô b": b"", "c@d": b"%PDF"}
    pieces = [
        Piece(content, cid, "application/pdf") for cid, content in sent.items() if cid != "ô b"
    ]
    root = parser.parse(envelope(HEADER, manifest(a="1.pdf")).encode())
    packed = packing.pack(root, parts(*pieces))
    unpacked = packing.unpack(packed)
    assert [block.tag.rpartition("}")[2] for block in unpacked.blocks] == [
        "MessageHeader", "TraceHeaderList", "ErrorList",
    ]  # fmt: skip
    assert [(f.content_id, f.media, f.content) for f in unpacked.files] == [
        (piece.cid, "application/pdf", piece.content) for piece in pieces
    ]


@pytest.mark.parametrize(
    ("content_id", "safe"),
    [
        ("a.b-c@d", "a.b-c@d"),
        ("x\r\nX-Evil: 1", "x%0D%0AX-Evil%3A%201"),
        ("tệp<1>", "t%E1%BB%87p%3C1%3E"),
    ],
)
def test_a_content_id_can_begin_no_header(content_id: str, safe: str) -> None:
    """Content ids that a stranger chose are encoded before they stand in MIME headers."""
    assert packing.safe_id(content_id) == safe


@pytest.mark.parametrize(
    "written",
    [
        f"<Token>{SECRET}</Token>",
        f"<a:Token xmlns:a='urn:a' x='>'>{SECRET}</a:Token>".replace("x='>'", "x='1'"),
        f"<Token><![CDATA[{SECRET}]]></Token>",
        f"<Token>\n  {SECRET}\n</Token>",
    ],
)
def test_evidence_is_the_request_without_the_token(written: str) -> None:
    """Every byte of the request is kept but those of the token, in any spelling of it."""
    xml = envelope(letter("H58.07", "H17") + written, "<edXML:Manifest/>").encode()
    raw = b"--b\r\n\r\n" + xml + b"\r\n--b--"
    kept = masked(raw, xml, parser.parse(xml))
    assert kept is not None
    assert len(kept) == len(raw)
    assert SECRET.encode() not in kept
    assert kept.replace(b"*", b"").startswith(raw[: raw.index(b"Token")])


@pytest.mark.parametrize(
    "written",
    [
        "<Token>s3cret<!-- -->-token</Token>",
        f"<!--<Token>x</Token>--><Token><!-- -->{SECRET}</Token>",
        "<Token>&#115;3cret-token</Token>" + "<x><Token/></x>" * 20,
    ],
)
def test_a_token_that_cannot_be_found_keeps_the_request_out(written: str) -> None:
    """Where stars cannot be put surely, the raw request is no evidence; the packed form is."""
    xml = envelope(letter("H58.07", "H17") + written, "<edXML:Manifest/>").encode()
    assert masked(xml, xml, parser.parse(xml)) is None


@pytest.mark.parametrize(
    "decoy",
    ["<!--<Token>x</Token>-->", "<n><![CDATA[<Token>x</Token>]]></n>", "<?n <Token>x</Token>?>"],
)
def test_what_only_looks_like_a_token_stands_for_none(decoy: str) -> None:
    """A decoy is no token found, whatever letters and bytes the real one is written with."""
    written = decoy + "<Token><!-- -->bí&#7853;t</Token>"
    declared = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    xml = (declared + envelope(written, "<edXML:Manifest/>")).encode("iso-8859-1")
    assert masked(xml, xml, parser.parse(xml)) is None
    plain = xml.replace(b"<!-- -->", b"")
    kept = masked(plain, plain, parser.parse(plain))
    assert kept is not None
    assert b"<Token>**********</Token>" in kept
    assert decoy.encode() in kept


def test_looking_for_tokens_takes_no_time() -> None:
    """A request made to look like tokens everywhere is searched in bounded time."""
    trap = "<![CDATA[" + "<Token><![CDATA[" * 200_000 + "]]>"
    xml = envelope(f"<Token>x</Token><n>{trap}</n>", "<edXML:Manifest/>").encode()
    root = parser.parse(xml)
    started = time.monotonic()
    masked(xml, xml, root)
    assert time.monotonic() - started < 2.0


def test_every_error_has_a_name_in_reports() -> None:
    """Whatever the bus can say has a report code of the four kinds, a text and no empty report."""
    for cls in (errors.Rejected, errors.ProtocolRejected, errors.LimitExceeded, errors.Conflict,
                errors.NotWellFormed, errors.SchemaRejected, errors.StoreUnavailable, errors.Defect,
                errors.NotFound, errors.NotAuthorised):  # fmt: skip
        for code in CATALOGUE:
            for operation in requests.OPERATIONS:
                (entry,) = reports.entries(cls("detail", code=code), operation)
                assert entry.code[:2] in {"N.", "R.", "M.", "T."}
                assert len(entry.code) > 2
                assert entry.text


def test_every_rule_has_a_name_in_reports() -> None:
    """A breach of any rule is told under the place in dots, without indexes and wrappers."""
    for rule in RULES:
        found = problem(
            rule,
            path="/Envelope/Header/MessageHeader/To[2]/OrganAdd",
            value="x",
            severity=Severity.REJECT,
        )
        error = errors.SchemaRejected("", problems=(found,))
        (entry,) = reports.entries(error, "SendDocument")
        assert entry.code[2:] == "MessageHeader.To.OrganAdd"


def test_our_own_troubles_are_not_described() -> None:
    """What is wrong inside is no business of strangers."""
    (entry,) = reports.entries(errors.Defect("path /secret"), "GetDocument")
    assert entry.code == "M.System"
    assert "/secret" not in entry.text


@pytest.mark.parametrize(
    ("payload", "action", "operation"),
    [
        ("<GetTraces/>", "GetTraces", "GetTraces"),
        ("<GetTraces/>", '"http://www.e-doc.vn/Schema/GetTraces"', "GetTraces"),
        ("<edXML:GetTraces/>", "", "GetTraces"),
        ("<edXML:Manifest/>", "SendDocument", "SendDocument"),
        ("<edXML:Manifest/>", "", "SendDocument"),
        ("<Status/>", "UpdateTraces", "UpdateTraces"),
        ("", "SendDocument", "SendDocument"),
        ("<edXML:Manifest/><edXML:AllDocument/>", "", "SendDocument"),
    ],
)
def test_the_operation_is_found_in_every_spelling(
    payload: str, action: str, operation: str
) -> None:
    """SOAPAction, wrapper or content name the operation, whichever the client writes."""
    root = parser.parse(envelope("", payload).encode())
    requests.gather(root, requests.operation_named(action))
    assert requests.read(soap.read(root), action).operation == operation


@pytest.mark.parametrize(
    ("payload", "action", "code"),
    [
        ("<GetTraces/>", "GetDocument", "SVC-012"),
        ("<x:GetTraces xmlns:x='urn:other'/>", "", "SVC-004"),
        ("<Shutdown/>", "GetDocument", "SVC-004"),
    ],
)
def test_what_names_no_operation_is_refused(payload: str, action: str, code: str) -> None:
    """An unknown operation and two different ones are misuse of SOAP."""
    root = parser.parse(envelope("", payload).encode())
    with pytest.raises(errors.ProtocolRejected) as refused:
        requests.read(soap.read(root), action)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "number"),
    [("17", 17), (" 0017\n", 17), (str(2**63 - 1), 2**63 - 1), ("0" * 19 + "17", 17)],
)
def test_a_number_means_what_is_written(text: str, number: int) -> None:
    """Every digit counts, however many zeros stand in front."""
    assert requests.number(_confirming(text)) == number


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.0", "٣", str(2**63), "1" + "0" * 20, "9" * 5000]
)
def test_what_is_no_number_of_a_document_is_refused_at_its_place(text: str) -> None:
    """A number is never guessed: what is none, or too large, names its place."""
    with pytest.raises(errors.ProtocolRejected) as refused:
        requests.number(_confirming(text))
    assert (refused.value.code, refused.value.path) == (
        "SVC-006",
        "/Envelope/Body/ConfirmReceived/DocumentId",
    )


def _confirming(text: str) -> requests.Asked:
    xml = envelope("", f"<ConfirmReceived><DocumentId>{text}</DocumentId></ConfirmReceived>")
    return requests.read(soap.read(parser.parse(xml.encode())), "")


def test_the_wsdl_describes_every_operation_once() -> None:
    """One SOAP 1.1 port, SOAPAction equal to the operation, header parts beside wrapped bodies."""
    w, s = "{http://schemas.xmlsoap.org/wsdl/}", "{http://schemas.xmlsoap.org/wsdl/soap/}"
    root = etree.fromstring(wsdl("http://h/services/eDoc"))
    binding = root.find(f"{w}binding")
    assert [one.get("name") for one in binding.iterfind(f"{w}operation")] == list(
        requests.OPERATIONS
    )
    assert [one.get("soapAction") for one in binding.iter(f"{s}operation")] == list(
        requests.OPERATIONS
    )
    messages = {one.get("name"): one for one in root.iterfind(f"{w}message")}
    for header in binding.iter(f"{s}header"):
        message = messages[header.get("message").removeprefix("edoc:")]
        assert header.get("part") in {part.get("name") for part in message}
    assert len(root.findall(f"{w}types/*")) == 1
