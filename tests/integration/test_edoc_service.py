"""Old clients of eDoc 1.0 over real HTTP: a document goes out to QCVN 102, answers come back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import requests
from lxml import etree
from zeep import Client, Settings

from adapters.edoc_soap import DIALECT as EDOC
from adapters.qcvn102_java import DIALECT as JAVA
from bus.model import (
    Document,
    Kind,
    Organization,
    PolicyMode,
    Reference,
    StatusCode,
    StatusMessage,
    TrustPolicy,
)
from tests.support.edoc_client import NS, OldClient, envelope, letter, manifest, post, status
from tests.support.multipart import Piece, include, joined, related
from tests.support.outside import until
from tests.support.running_bus import NATION, RunningBus, agency, running_bus

ROOT = Path(__file__).resolve().parents[2]
SECRET = "mã&bí<mật>"
OTHER = "another"


def token(secret: str) -> TrustPolicy:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return TrustPolicy(mode=PolicyMode.TOKEN, token_sha256=digest)


AGENCIES = (
    *NATION,
    agency("H58.07", dialect="edoc_soap", policy=token(SECRET)),
    agency("H58.01", dialect="edoc_soap", policy=token(OTHER)),
    agency("CLR58", dialect="edoc_soap", policy=token("house"), speaks_for=("H58.01",)),
    agency("H58.02", dialect="edoc_soap", policy=token("once"), channel_options={"traces": "once"}),
)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A whole bus with real sockets."""
    with running_bus(tmp_path_factory.mktemp("edoc"), agencies=AGENCIES) as running:
        yield running


@pytest.fixture
def url(bus: RunningBus) -> str:
    """Where the eDoc service is."""
    return bus.url.replace("/exchange", "/eDoc")


@pytest.fixture
def old(url: str) -> OldClient:
    """The old client of H58.07."""
    return OldClient(url, "H58.07", SECRET)


@pytest.fixture
def neighbour(url: str) -> OldClient:
    """The old client of H58.01."""
    return OldClient(url, "H58.01", OTHER)


def pending(client: OldClient) -> list[str]:
    return client.ask("GetPendingDocumentIds").texts("DocumentId")


def received(bus: RunningBus, code: str, document_id: str, kind: Kind = Kind.DOCUMENT) -> Any:
    """The canonical message that an agency of QCVN 102 finds in its mailbox."""
    client = bus.client(code)

    def find() -> Any:
        listed = client.list_pending(kind=kind, limit=500).items
        return next((one for one in listed if one.document_id == document_id), None)

    item = until(find)
    content = client.get_message(item.message_id, canonical=True).content
    client.acknowledge(item.message_id, done=True)
    return JAVA.read(JAVA.parse(content)).message


def test_a_letter_with_files_reaches_qcvn_and_its_status_comes_back(
    bus: RunningBus, old: OldClient
) -> None:
    """A letter in several parts arrives as edXML with the same bytes; the status about it returns."""
    pdf, raw = b"%PDF-1.4\nb\xe1\xba\xa3n k\xc3\xbd\n", bytes(range(256)) * 40
    sent = old.send(
        letter("H58.07", "H17", number=1, subject="V/v gửi tệp có dấu tiếng Việt"),
        [
            Piece(pdf, "tep-1", "application/pdf", "base64"),
            Piece(raw, "tep.2@x", "application/octet-stream", "binary"),
        ],
        body=manifest(**{"tep-1": "Công văn số 1.pdf", "tep.2@x": "phụ lục.bin"}),
    )
    assert sent.succeeded
    assert (sent.texts("OrganId"), sent.texts("State")) == (["H17"], ["pending"])
    document = received(bus, "H17", "H58.07,2024/03/04,1/CV-ĐT")
    assert isinstance(document, Document)
    assert document.subject == "V/v gửi tệp có dấu tiếng Việt"
    assert [(f.name, f.content_type, f.content) for f in document.attachments] == [
        ("Công văn số 1.pdf", "application/pdf", pdf),
        ("phụ lục.bin", "application/octet-stream", raw),
    ]
    answer = StatusMessage(
        sender=Organization(organ_id="H17", name="Tỉnh Mười Bảy"),
        response_for=Reference(
            organ_id="H58.07", code="1/CV-ĐT", issued_on=document.promulgation.issued_on,
            document_id=document.document_id,
        ),
        code=StatusCode.ACCEPTED,
        description="Đã tiếp nhận",
        at=document.trace[0].at,
    )  # fmt: skip
    bus.client("H17").send_status(bus.app.parts.dialects.get("qcvn102_java").write(answer).content)
    traces = until(lambda: (found := old.ask("GetTraces")).texts("StatusCode") and found)
    assert (traces.texts("StatusCode"), traces.texts("Description")) == (["03"], ["Đã tiếp nhận"])
    assert old.ask("GetTraces").texts("TraceId") == traces.texts("TraceId"), "reading is no taking"
    (number,) = traces.texts("TraceId")
    assert old.ask("ConfirmTraces", TraceId=number).succeeded
    assert old.ask("ConfirmTraces", TraceId=number).succeeded, "a repeat changes nothing"
    assert old.ask("GetTraces").texts("StatusCode") == []


def test_a_sender_learns_of_a_copy_that_was_given_up(bus: RunningBus, old: OldClient) -> None:
    """What a recipient's system refuses comes back beside the statuses until it is confirmed."""
    assert old.send(letter("H58.07", "H57", number=2)).succeeded
    client = bus.client("H57")
    (item,) = until(lambda: client.list_pending().items)
    client.acknowledge(item.message_id, done=False, reason="Sai nơi nhận")
    told = until(lambda: (found := old.ask("GetTraces")).texts("Reason") and found)
    assert told.texts("OrganId") == ["H57"]
    assert told.texts("DocumentId") == ["H58.07,2024/03/04,2/CV-ĐT"]
    assert "Sai nơi nhận" in told.texts("Reason")[0]
    assert old.ask("ConfirmTraces", TraceId=told.text("TraceId")).succeeded
    assert old.ask("GetTraces").texts("Reason") == []


def test_a_clearing_house_reads_for_whom_it_speaks(url: str, bus: RunningBus) -> None:
    """Named in the header, a clearing-house opens the mailboxes of its agencies and no others."""
    house = OldClient(url, "CLR58", "house")
    sent = house.send(letter("H58.01", "H17", number=3))
    assert sent.succeeded, sent.texts("Description")
    body = "<GetPendingDocumentIds><OrganId>{}</OrganId></GetPendingDocumentIds>"
    for code, codes in (("H58.01", []), ("H58.07", ["M.CheckPermission"])):
        header = envelope(house.key_info(), body.format(code))
        answer = house.post("GetPendingDocumentIds", header)
        assert answer.texts("Code") == codes
    received(bus, "H17", "H58.01,2024/03/04,3/CV-ĐT")


def test_a_letter_of_qcvn_is_fetched_in_parts_and_confirmed(
    bus: RunningBus, old: OldClient
) -> None:
    """A signed edXML letter arrives as header blocks, manifest and MIME parts, until confirmed."""
    document = bus.letter("G09", "H58.07", number=7)
    bus.client("G09").send_document(bus.signed(document))
    (number,) = until(lambda: pending(old))
    fetched = old.ask("GetDocument", DocumentId=number)
    assert fetched.payload.tag == f"{{{NS}}}Manifest"
    header = fetched.payload.getparent().getprevious()
    assert [etree.QName(block).localname for block in header] == [
        "MessageHeader", "TraceHeaderList", "ErrorList",
    ]  # fmt: skip
    assert fetched.text("Subject") == document.subject
    links = [one.get("{http://www.w3.org/1999/xlink}href") for one in fetched.payload]
    files = [fetched.files[link.removeprefix("cid:")][1] for link in links]
    assert files == [item.content for item in document.attachments]
    assert pending(old) == [number]
    assert old.ask("ConfirmReceived", DocumentId=number).succeeded
    assert old.ask("ConfirmReceived", DocumentId=number).succeeded
    assert pending(old) == []


def test_a_status_of_an_old_client_reaches_the_issuer(bus: RunningBus, old: OldClient) -> None:
    """A status in no namespace, its code a word, arrives as edXML at who issued the document."""
    document = bus.letter("G09", "H58.07", number=8)
    bus.client("G09").send_document(bus.signed(document))
    until(lambda: pending(old))
    code = f"{document.code.number}/{document.code.notation}"
    told = old.update(status("H58.07", "G09", code, "processing", str(document.document_id)))
    assert told.succeeded, told.texts("Description")
    message = received(bus, "G09", str(document.document_id), Kind.STATUS)
    assert isinstance(message, StatusMessage)
    assert (message.code, message.description) == (StatusCode.PROCESSING, "Đã vào sổ")
    assert message.staff is not None
    assert message.staff.name == "Lý Văn Cẩn"
    for number in pending(old):
        old.ask("ConfirmReceived", DocumentId=number)


def test_between_old_clients_no_token_travels(
    bus: RunningBus, old: OldClient, neighbour: OldClient
) -> None:
    """The recipient of the same dialect gets the sender's blocks; nothing kept holds the token."""
    file = Piece(b"<Token>no secret, a file</Token>", "t", "text/xml", "8bit")
    sent = old.send(letter("H58.07", "H58.01", number=30), [file], body=manifest(t="t.xml"))
    (number,) = until(lambda: pending(neighbour))
    assert number == sent.text("DocumentId")
    fetched = neighbour.ask("GetDocument", DocumentId=number)
    assert fetched.texts("PromulgationDate") == ["04/03/2024"], "the sender's own words"
    assert fetched.files["t"] == ("text/xml", file.content)
    assert fetched.root.find(".//{*}Token") is None
    assert "mustUnderstand" not in etree.tostring(fetched.root, encoding="unicode")
    store = bus.app.database.store
    stored = store.numbered(int(number))
    assert stored is not None
    evidence, media = store.evidence(stored.message_id)
    wire = "mã&amp;bí&lt;mật&gt;".encode()
    assert wire not in evidence
    assert b"<Token>" + b"*" * len(wire) + b"</Token>" in evidence
    assert file.content in evidence
    assert media.startswith("multipart/related")
    for kept in (store.body(stored.message_id), evidence):
        assert SECRET.encode() not in kept
    neighbour.ask("ConfirmReceived", DocumentId=number)


def test_inline_files_of_the_draft_get_names_on_the_way(
    old: OldClient, neighbour: OldClient
) -> None:
    """A file that had neither part nor Reference goes out as a part that the manifest refers to."""
    files = (
        "<edXML:Manifest/><edXML:AllDocument><edXML:Document><edXML:Attach><edXML:Attachment "
        'Content-Type="text/plain"><name>a.txt</name><value>YWJj</value></edXML:Attachment>'
        "</edXML:Attach></edXML:Document></edXML:AllDocument>"
    )
    assert old.send(letter("H58.07", "H58.01", number=31), body=files).succeeded
    (number,) = until(lambda: pending(neighbour))
    fetched = neighbour.ask("GetDocument", DocumentId=number)
    (reference,) = fetched.payload
    link = reference.get("{http://www.w3.org/1999/xlink}href").removeprefix("cid:")
    assert fetched.files[link] == ("text/plain", b"abc")
    assert fetched.texts("AttachmentName") == ["a.txt"]
    neighbour.ask("ConfirmReceived", DocumentId=number)


@pytest.mark.parametrize(
    ("number", "written", "link"),
    [(32, "<tep@1>", "&lt;tep@1&gt;"), (33, "<tep@1>", "tep%401"), (34, "tệp", "tệp")],
)
def test_links_to_files_lead_to_them_on_the_way_out(
    old: OldClient, neighbour: OldClient, number: int, written: str, link: str
) -> None:
    """Each Reference of a fetched document names one part, however its sender spelt the link."""
    inline = (
        f"{manifest(x='a.txt').replace('cid:x', f'cid:{link}')}<edXML:AllDocument><edXML:Document>"
        f'<edXML:Attach><edXML:Attachment Content-Type="text/plain" Content-ID="{escape(written)}">'
        "<name>a.txt</name><value>YWJj</value></edXML:Attachment></edXML:Attach></edXML:Document>"
        "</edXML:AllDocument>"
    )
    sent = old.send(letter("H58.07", "H58.01", number=number), body=inline)
    assert sent.succeeded, sent.texts("Description")
    until(lambda: sent.text("DocumentId") in pending(neighbour))
    fetched = neighbour.ask("GetDocument", DocumentId=sent.text("DocumentId"))
    (reference,) = fetched.payload
    link = reference.get("{http://www.w3.org/1999/xlink}href").removeprefix("cid:")
    assert fetched.files == {link: ("text/plain", b"abc")}
    neighbour.ask("ConfirmReceived", DocumentId=sent.text("DocumentId"))


def test_a_mailbox_may_be_registered_to_be_read_once(
    bus: RunningBus, old: OldClient, url: str
) -> None:
    """For a client that knows no ConfirmTraces, reading takes the statuses, if its operator says so."""
    once = OldClient(url, "H58.02", "once")
    assert once.send(letter("H58.02", "H58.07", number=1)).succeeded
    number = until(lambda: pending(old))
    told = status("H58.07", "H58.02", "1/CV-ĐT", "finish", "H58.02,2024/03/04,1/CV-ĐT")
    assert old.update(told).succeeded
    read = until(lambda: once.ask("GetTraces").texts("StatusCode"))
    assert read == ["06"]
    assert once.ask("GetTraces").texts("StatusCode") == []
    for one in number:
        old.ask("ConfirmReceived", DocumentId=one)


def test_a_repeat_gets_the_same_report(bus: RunningBus, old: OldClient) -> None:
    """Sent again, a document is answered alike to the byte and not delivered twice."""
    first, second = (old.send(letter("H58.07", "H17", number=40)) for _ in range(2))
    assert first.succeeded
    assert etree.tostring(first.payload) == etree.tostring(second.payload)
    changed = old.send(letter("H58.07", "H17", number=40, subject="Nội dung khác"))
    assert (changed.succeeded, changed.codes) == (False, ["M.Exist"])
    received(bus, "H17", "H58.07,2024/03/04,40/CV-ĐT")
    waiting = bus.client("H17").list_pending(limit=500).items
    assert "H58.07,2024/03/04,40/CV-ĐT" not in [item.document_id for item in waiting]


def test_recipients_nobody_knows_are_kept_and_told(old: OldClient) -> None:
    """A document to an unknown agency is accepted and parked, and the answer says so."""
    sent = old.send(letter("H58.07", "H17", "H99.99", number=41))
    assert sent.succeeded
    assert sent.texts("State") == ["pending", "parked"]
    assert sent.texts("Reason")[-1] == "RTE-002"


def test_the_draft_of_2013_is_read(bus: RunningBus, old: OldClient) -> None:
    """A message in the spellings of the draft, its file inline beside the body, reaches QCVN 102."""
    blocks = (
        f'<MessageHeader xmlns="{NS}"><From><OrganId>H58.07</OrganId></From>'
        "<To><OrganId>H17</OrganId></To><Code><CodeNumber>88</CodeNumber>"
        "<CodeNotation>TB</CodeNotation></Code><PromulgationInfo><Date>17/05/2013</Date>"
        "</PromulgationInfo><type><value>2</value><description>Thông báo</description></type>"
        "<Subject>Lịch trực</Subject><Author><Function>Giám đốc</Function></Author></MessageHeader>"
        f'<TraceHeaderList xmlns="{NS}"><TraceHeader><Sender>H58.07</Sender></TraceHeader>'
        "</TraceHeaderList>"
    )
    files = (
        f'<Manifest xmlns="{NS}"/><document xmlns="{NS}"><attach><attachment Content-Type='
        '"text/plain"><name>lich.txt</name><value>TOG7i2No</value></attachment></attach></document>'
    )
    sent = old.send(blocks, body=files)
    assert sent.succeeded, sent.texts("Description")
    document = received(bus, "H17", "H58.07,2013/05/17,88/TB")
    assert (document.signer.position, document.document_type.name) == ("Giám đốc", "Thông báo")
    assert [(f.name, f.content) for f in document.attachments] == [("lich.txt", "Lịch".encode())]


@pytest.fixture
def typed(url: str) -> Client:
    """A client that zeep makes from the WSDL the service gives out, strict about replies."""
    return Client(f"{url}?wsdl", settings=Settings(strict=True, xml_huge_tree=True))


def typed_letter(client: Client, number: int) -> dict[str, Any]:
    """The header blocks of a letter in the types of the WSDL."""
    make = client.type_factory(NS)
    empty = dict.fromkeys(("OrganAdd", "Email", "Telephone", "Fax", "Website"), "")
    header = make.MessageHeader(
        From=make.Sender(
            OrganId="H58.07", OrganName="Sở Mẫu", OrganizationInCharge="UBND tỉnh", **empty
        ),
        To=[make.Receiver(OrganId="H17", OrganName="Tỉnh Mười Bảy", **empty)],
        DocumentId=f"H58.07,2024/03/04,{number}/CV-Z",
        Code=make.DocumentCode(CodeNumber=str(number), CodeNotation="CV-Z"),
        PromulgationInfo=make.Promulgation(Place="Tỉnh Mẫu", PromulgationDate="2024/03/04"),
        DocumentType=make.DocumentKind(Type=2, TypeName="Công văn"),
        Subject="Về việc dùng máy khách sinh từ WSDL",
        Content="",
        SignerInfo=make.Signer(Competence="", Position="", FullName="Đỗ Thị Ánh"),
        DueDate="",
        ToPlaces=make.Places(),
        OtherInfo=make.OtherInformation(
            Priority="1", SphereOfPromulgation="", TyperNotation="", PromulgationAmount=1,
            PageAmount=1, Appendixes=make.AppendixList(),
        ),
    )  # fmt: skip
    hop = make.TraceHeader(OrganId="H58.07", Timestamp="2024/03/04 08:15:00")
    login = make.Authentication(KeyInfo=make.AccessKey(OrganId="H58.07", Token=SECRET))
    return {
        "MessageHeader": header,
        "TraceHeaderList": make.TraceHeaders(TraceHeader=[hop]),
        "ErrorList": make.Errors(),
        "Signature": login,
    }


def test_a_generated_client_sends_lists_fetches_and_confirms(
    bus: RunningBus, typed: Client
) -> None:
    """From the served WSDL alone: a letter with a megabyte inline goes out, another comes in."""
    make, service = typed.type_factory(NS), typed.service
    content = bytes(range(256)) * 4096
    file = make.InlineFile(name="tệp.bin", value=content, **{"Content-ID": "f1"})
    sent = service.SendDocument(
        Manifest=make.Manifest(
            Reference=[
                make.ManifestReference(
                    AttachmentName="tệp.bin",
                    _attr_1={"{http://www.w3.org/1999/xlink}href": "cid:f1"},
                )
            ]
        ),
        AllDocument={"Document": [{"Attach": {"Attachment": [file]}}]},
        _soapheaders=typed_letter(typed, 50),
    )
    assert sent.Report.IsSuccess, sent.Report
    document = received(bus, "H17", "H58.07,2024/03/04,50/CV-Z")
    assert document.subject == "Về việc dùng máy khách sinh từ WSDL"
    assert [f.content for f in document.attachments] == [content]
    back = bus.letter("G09", "H58.07", number=51)
    bus.client("G09").send_document(bus.signed(back))
    access = {"Token": SECRET, "OrganId": "H58.07"}
    (number,) = until(
        lambda: getattr(service.GetPendingDocumentIds(**access).DocumentIds, "DocumentId", None)
    )
    fetched = service.GetDocument(**access, DocumentId=number)
    assert fetched.header.MessageHeader.Subject == back.subject
    (attach,) = fetched.body.AllDocument.Document
    assert [f.value for f in attach.Attach.Attachment] == [f.content for f in back.attachments]
    assert service.ConfirmReceived(**access, DocumentId=number).IsSuccess
    assert service.GetPendingDocumentIds(**access).DocumentIds is None


def test_a_generated_client_reports_and_reads_statuses(bus: RunningBus, typed: Client) -> None:
    """UpdateTraces takes a typed status; a business error of it is a typed report."""
    make = typed.type_factory(NS)
    document = bus.letter("G09", "H58.07", number=52)
    bus.client("G09").send_document(bus.signed(document))
    until(lambda: typed.service.GetPendingDocumentIds(Token=SECRET, OrganId="H58.07").DocumentIds)
    nobody = dict.fromkeys(
        ("OrganizationInCharge", "OrganAdd", "Email", "Telephone", "Fax", "Website"), ""
    )
    told = make.MessageStatus(
        From=make.Organization(OrganId="H58.07", OrganName="Sở Mẫu", **nobody),
        ResponseFor=make.AnsweredDocument(
            OrganId="G09", Code="x", PromulgationDate="2024/03/04", DocumentId=document.document_id
        ),
        StatusCode="01",
        Timestamp="2024/03/05 09:30:00",
    )
    login = {"Signature": typed_letter(typed, 1)["Signature"]}
    assert typed.service.UpdateTraces(Status=told, _soapheaders=login).IsSuccess
    assert received(bus, "G09", str(document.document_id), Kind.STATUS).code is StatusCode.ARRIVED
    told.StatusCode = "07"
    refused = typed.service.UpdateTraces(Status=told, _soapheaders=login)
    assert not refused.IsSuccess
    assert [one.Code for one in refused.ErrorList.Error] == ["M.Status.StatusCode"]
    unknown = typed.service.ConfirmTraces(Token=SECRET, OrganId="H58.07", TraceId=[999_999])
    assert [one.Code for one in unknown.ErrorList.Error] == ["M.TraceId"]


def test_what_is_given_out_is_the_frozen_contract(url: str) -> None:
    """The WSDL differs from the frozen file in the address alone; the schema is one and complete."""
    given = requests.get(f"{url}?wsdl", timeout=10).content
    frozen = (ROOT / "wsdl" / "edoc-1.0.wsdl").read_bytes()
    assert given == frozen.replace(b"http://localhost:8080/services/eDoc", url.encode())
    schema = etree.XMLSchema(etree.fromstring(requests.get(f"{url}?xsd", timeout=10).content))
    assert schema is not None


def without(blocks: str, tag: str) -> str:
    """The blocks without one element, the first of its name."""
    root = etree.fromstring(f'<r xmlns:edXML="{NS}" xmlns:SOAP-ENV="u">{blocks}</r>')
    found = root.find(f".//{{{NS}}}{tag}")
    found.getparent().remove(found)
    return "".join(etree.tostring(one, encoding="unicode") for one in root).replace(
        ' xmlns:SOAP-ENV="u"', ""
    )


GOOD = letter("H58.07", "H17", number=90)


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        *((without(GOOD, tag), f"N.MessageHeader.{tag}") for tag in (
            "From", "To", "Code", "PromulgationInfo", "DocumentType", "Subject", "Content",
            "SignerInfo", "DueDate", "ToPlaces", "OtherInfo", "TraceHeaderList", "ErrorList",
        )),
        (without(GOOD, "MessageHeader"), "N.MessageHeader"),
        (without(GOOD, "Website"), "N.MessageHeader.From.Website"),
        (without(GOOD, "Appendixes"), "N.MessageHeader.OtherInfo.Appendixes"),
        (GOOD.replace(">Về việc nối mạng<", "><"), "N.MessageHeader.Subject"),
        (GOOD.replace("Về việc", "việc " * 1200), "R.MessageHeader.Subject"),
        (GOOD.replace("04/03/2024<", "03/30/2024<"), "M.PromulgationDate"),
        (GOOD.replace("04/03/2024<", "04/03/2099<"), "M.PromulgationDate"),
        (GOOD.replace("Priority>0", "Priority>9"), "M.MessageHeader.OtherInfo.Priority"),
        (GOOD.replace("Priority>0", "Priority>cao"), "T.MessageHeader.OtherInfo.Priority"),
        (letter("H58.07", "H17", "H17", number=91), "N.MessageHeader.To.OrganId"),
        (letter("H58.01", "H17", number=92), "M.MessageHeader.From.OrganId"),
        (letter("H00.00", "H17", number=93), "M.MessageHeader.From.OrganId"),
        (GOOD.replace("<edXML:Priority>", "<edXML:Secret>Tối mật</edXML:Secret><edXML:Priority>"),
         "M.MessageHeader.OtherInfo.Secret"),
    ],
)  # fmt: skip
def test_a_bad_document_is_told_by_code_and_place(old: OldClient, blocks: str, code: str) -> None:
    """Whatever is missing, invalid, too long or of the wrong type is reported at its place."""
    answer = old.send(blocks)
    assert not answer.succeeded
    assert answer.status == 200
    assert answer.codes == [code]
    assert all(answer.texts("Description"))


@pytest.mark.parametrize("more", [(), (Piece(b"?", "nobody"),)], ids=["whole", "one more"])
def test_optimised_files_are_put_back(old: OldClient, more: tuple[Piece, ...]) -> None:
    """A file that MTOM took out of the envelope is one of the document, and no part is one too many."""
    inline = (
        f"<edXML:SendDocument>{manifest(f='a.bin')}<edXML:AllDocument><edXML:Document><edXML:Attach>"
        '<edXML:Attachment Content-ID="f" Content-Type="text/plain"><edXML:name>a.bin</edXML:name>'
        f"<edXML:value>{include('p1')}</edXML:value></edXML:Attachment></edXML:Attach>"
        "</edXML:Document></edXML:AllDocument></edXML:SendDocument>"
    )
    xml = envelope(letter("H58.07", "H57", number=98) + old.key_info(), inline)
    root = Piece(xml.encode(), "r", 'application/xop+xml; type="text/xml"')
    body = joined([root, Piece(b"\x00\x01", "p1"), *more])
    answer = post(
        old.url, body, related(start="r", start_info="text/xml"), SOAPAction="SendDocument"
    )
    assert answer.texts("Code") == (["N.Manifest.Reference"] if more else [])


def test_every_problem_is_told_at_once(old: OldClient) -> None:
    """A document with three mistakes gets three errors, each told once."""
    answer = old.send(
        without(GOOD, "Fax").replace("Priority>0", "Priority>9").replace(">2<", ">x<")
    )
    assert set(answer.codes) >= {
        "N.MessageHeader.From.Fax", "M.MessageHeader.OtherInfo.Priority",
    }  # fmt: skip
    assert len(set(answer.codes)) == len(answer.codes)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CheckPermission", "M.CheckPermission"),
        ("GetPendingDocumentIds", "M.CheckPermission"),
        ("GetDocument", "M.CheckPermission"),
        ("ConfirmReceived", "M.CheckPermission"),
        ("GetTraces", "M.CheckPermission"),
        ("ConfirmTraces", "M.CheckPermission"),
        ("GetOrganizations", "M.CheckPermission"),
        ("UpdateTraces", "M.CheckSignature"),
        ("SendDocument", "M.CheckSignature"),
    ],
)
@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_token_is_always_reported(url: str, operation: str, code: str, secret: str) -> None:
    """Every operation answers a wrong or absent token with a report that says so, never nothing."""
    client = OldClient(url, "H58.07", secret)
    if operation == "SendDocument":
        answer = client.send(GOOD)
    elif operation == "UpdateTraces":
        answer = client.update(status("H58.07", "G09", "1/X", "01"))
    else:
        answer = client.ask(operation, DocumentId=1)
    assert not answer.succeeded
    assert answer.codes == [code]


@pytest.mark.parametrize("code", ["H17", "H29", "H99", "G22"])
def test_a_token_is_good_for_its_own_agency_alone(url: str, code: str) -> None:
    """A right token under another code, of whatever kind, is a wrong token."""
    answer = OldClient(url, code, SECRET).ask("GetPendingDocumentIds")
    assert (answer.succeeded, answer.codes) == (False, ["M.CheckPermission"])


def test_nobody_reads_anothers_mailbox(
    bus: RunningBus, old: OldClient, neighbour: OldClient
) -> None:
    """A number of somebody else's document names nothing here; the document stays where it was."""
    sent = old.send(letter("H58.07", "H17", number=95))
    number = sent.text("DocumentId")
    for operation in ("GetDocument", "ConfirmReceived"):
        answer = neighbour.ask(operation, DocumentId=number)
        assert answer.codes == ["M.DOCUMENT"]
    assert neighbour.ask("ConfirmTraces", TraceId=number).codes == ["M.TraceId"]
    received(bus, "H17", "H58.07,2024/03/04,95/CV-ĐT")


def test_a_number_is_taken_only_by_the_operation_of_its_kind(
    old: OldClient, neighbour: OldClient
) -> None:
    """ConfirmTraces takes no document out of the mailbox, and ConfirmReceived no status."""
    sent = old.send(letter("H58.07", "H58.01", number=197))
    document = sent.text("DocumentId")
    until(lambda: document in pending(neighbour))
    assert neighbour.ask("ConfirmTraces", TraceId=document).codes == ["M.TraceId"]
    assert document in pending(neighbour)
    told = status("H58.01", "H58.07", "197/CV-ĐT", "inbox", "H58.07,2024/03/04,197/CV-ĐT")
    assert neighbour.update(told).succeeded
    (trace,) = until(lambda: old.ask("GetTraces").texts("TraceId"))
    for operation in ("GetDocument", "ConfirmReceived"):
        assert old.ask(operation, DocumentId=trace).codes == ["M.DOCUMENT"]
    assert old.ask("GetTraces").texts("TraceId") == [trace]
    assert old.ask("ConfirmTraces", TraceId=trace).succeeded
    assert neighbour.ask("ConfirmReceived", DocumentId=document).succeeded


def test_parts_of_a_status_are_refused(old: OldClient) -> None:
    """A file sent with a status, which has none, is told where it stands: none is dropped."""
    told = status("H58.07", "G09", "1/X", "01")
    answer = old.post(
        "UpdateTraces", envelope(old.key_info(), told), [Piece(b"x", "a", "text/plain")]
    )
    assert answer.codes == ["M.AllDocument.Document.Attach.Attachment"]


@pytest.mark.parametrize("number", ["", "abc", "0", "-1", "9" * 30, "１２"])
def test_a_number_that_is_none_is_reported(old: OldClient, number: str) -> None:
    """What is no document number is an invalid DocumentId."""
    assert old.ask("GetDocument", DocumentId=number).codes == ["M.DocumentId"]


@pytest.mark.parametrize(
    ("files", "body", "code"),
    [
        ([], manifest(x="mất.pdf"), "N.Manifest.Reference"),
        ([Piece(b"x", "y")], manifest(x="a.pdf"), "N.Manifest.Reference"),
        ([Piece(b"x", "x", encoding="uuencode")], manifest(x="a.pdf"), "M.Attachment-Encoding"),
        ([Piece(b"x", "x"), Piece(b"y", "x")], manifest(x="a.pdf"), "M.Attachment"),
        ([Piece(b"x", "x\x01")], manifest(x="a.pdf"), "M.Envelope"),
        ([Piece(b"x", "x", "text/\x01")], manifest(x="a.pdf"), "M.Envelope"),
    ],
    ids=["no part", "another part", "unknown encoding", "one id twice", "no id", "no type"],
)
def test_files_that_do_not_fit_the_manifest_are_reported(
    old: OldClient, files: list[Piece], body: str, code: str
) -> None:
    """A missing part, a foreign one and one that cannot be decoded are told by their codes."""
    answer = old.send(letter("H58.07", "H17", number=96), files, body=body)
    assert not answer.succeeded
    assert code in answer.codes


def test_misuse_of_soap_is_a_fault_with_the_report_in_it(url: str) -> None:
    """Unknown operations and SOAP 1.2 get SOAP 1.1 faults whose detail is a report."""
    plain = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{}</e:Body></e:Envelope>'
    v12 = plain.replace(
        "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
    )
    for body, media, code in (
        (plain.format("<DropTable/>"), "text/xml", "Client"),
        (plain.format(f'<GetTraces xmlns="{NS}"/>'), "text/xml", "Client"),
        (v12.format("<GetTraces/>"), "application/soap+xml", "VersionMismatch"),
        (plain, "text/plain", "Client"),
    ):
        action = {"SOAPAction": '"GetDocument"'} if "GetTraces xmlns" in body else {}
        answer = post(url, body.encode(), media, **action)
        assert answer.root.findtext(".//faultcode") == f"soap:{code}"
        assert answer.text("IsSuccess") == "false"
        assert answer.codes


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<Envelope", "M.Envelope"),
        (
            b'<!DOCTYPE e [<!ENTITY a "b">]>' + envelope("", "<edXML:Manifest/>").encode(),
            "M.Envelope",
        ),
        (envelope(GOOD, "<a>" * 200 + "</a>" * 200).encode(), "R.Envelope"),
        (envelope(GOOD, "<a/>" * 200_000).encode(), "R.Envelope"),
    ],
    ids=["cut", "doctype", "deep", "many"],
)
def test_bytes_that_may_not_be_read_are_reported(url: str, body: bytes, code: str) -> None:
    """Where the SOAPAction says what was meant, even bytes nobody may parse get the report of it."""
    answer = post(url, body, "text/xml", SOAPAction="SendDocument")
    assert answer.payload.tag == f"{{{NS}}}SendDocumentResponse"
    assert answer.codes == [code]


def test_parallel_clients_never_see_each_other(
    bus: RunningBus, old: OldClient, neighbour: OldClient
) -> None:
    """Letters sent at the same time arrive each with its own subject, file and number."""

    def send(number: int) -> tuple[int, str | None]:
        client, code = ((old, "H58.07"), (neighbour, "H58.01"))[number % 2]
        sent = client.send(
            letter(code, "H57", number=number, subject=f"Văn bản {number}"),
            [Piece(f"nội dung {number}".encode(), "f", "text/plain", "8bit")],
            body=manifest(f=f"{number}.txt"),
        )
        return number, sent.text("DocumentId")

    with ThreadPoolExecutor(16) as pool:
        numbers = dict(pool.map(send, range(500, 580)))
    assert len(set(numbers.values())) == 80
    store = bus.app.database.store
    for number, given in numbers.items():
        stored = store.numbered(int(str(given)))
        assert stored is not None
        message = EDOC.read(EDOC.parse(store.body(stored.message_id))).message
        assert isinstance(message, Document)
        assert message.sender.organ_id == stored.sender == ("H58.07", "H58.01")[number % 2]
        (item,) = message.attachments
        assert (message.subject, item.name, item.content) == (
            f"Văn bản {number}", f"{number}.txt", f"nội dung {number}".encode(),
        )  # fmt: skip


def test_a_message_beyond_the_limit_is_reported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An oversized request is told as out of range, at the door and behind it, and stores nothing."""
    limits = {"body_bytes": 200_000}
    folder = tmp_path_factory.mktemp("small")
    with running_bus(folder, agencies=AGENCIES, limits=limits) as bus:
        client = OldClient(bus.url.replace("/exchange", "/eDoc"), "H58.07", SECRET)
        for size in (150_000, 190_000):
            # The first fits as it is sent, but not as one message with its file inline.
            big = Piece(b"\0" * size, "x", encoding="binary")
            answer = client.send(GOOD, [big], body=manifest(x="a.bin"))
            assert (answer.succeeded, answer.codes) == (False, ["R.Envelope"]), size
        answer = client.send(GOOD, [Piece(b"\0" * 400_000, "x")], body=manifest(x="a.bin"))
        assert (answer.succeeded, answer.codes) == (False, ["R.Envelope"])
        assert bus.app.database.store.counts()["messages"] == 0
        assert client.ask("CheckPermission").succeeded


def test_the_packed_form_is_a_message_of_the_dialect(bus: RunningBus, old: OldClient) -> None:
    """What is stored of a request is one document that the dialect reads by itself."""
    sent = old.send(
        letter("H58.07", "H17", number=97), [Piece(b"abc", "x")], body=manifest(x="a.txt")
    )
    stored = bus.app.database.store.numbered(int(str(sent.text("DocumentId"))))
    assert stored is not None
    body = bus.app.database.store.body(stored.message_id)
    message = EDOC.read(EDOC.parse(body)).message
    assert isinstance(message, Document)
    assert [(f.name, f.content) for f in message.attachments] == [("a.txt", b"abc")]
    received(bus, "H17", str(message.document_id))
