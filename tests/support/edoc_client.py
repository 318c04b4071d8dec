"""Requests as old clients of eDoc 1.0 write them, by hand; none of them knows a WSDL."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import requests
from lxml import etree

from tests.support.multipart import Piece, joined, related
from tests.support.soap_edge import SOAP11

NS = "http://www.e-doc.vn/Schema/"
XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Answered:
    """One answer; `files` are MIME parts by content id."""

    status: int
    headers: Mapping[str, str]
    root: etree._Element
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @property
    def payload(self) -> etree._Element:
        """The child of the Body."""
        body = self.root.find(f"{{{SOAP11}}}Body")
        assert body is not None
        assert len(body) == 1
        return body[0]

    def text(self, name: str) -> str | None:
        """The text of the first element of that name in eDoc's namespace."""
        return self.root.findtext(f".//{{{NS}}}{name}")

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of that name."""
        return [one.text or "" for one in self.root.iter(f"{{{NS}}}{name}")]

    @property
    def succeeded(self) -> bool:
        """What the report says."""
        return self.text("IsSuccess") == "true"

    @property
    def codes(self) -> list[str]:
        """The codes of the report, whose correlation id must be that of the reply."""
        assert self.text("CorrelationId") == self.headers["X-Correlation-Id"]
        return self.texts("Code")


@dataclass(frozen=True)
class OldClient:
    """A client of the hub of old: arguments in no namespace, every request in several parts."""

    url: str
    code: str
    token: str
    boundary: str = "Boundary"

    def ask(self, operation: str, **arguments: object) -> Answered:
        """An operation with token and code in the body, as the directory tool writes them."""
        more = "".join(f"<{name}>{value}</{name}>" for name, value in arguments.items())
        payload = (
            f"<{operation}><Token>{escape(self.token)}</Token>"
            f"<OrganId>{self.code}</OrganId>{more}</{operation}>"
        )
        header = f'<Token xmlns="http://e-doc.vn/xsd">{escape(self.token)}</Token>'
        return self.post(operation, envelope(header, payload))

    def send(self, blocks: str, files: Iterable[Piece] = (), *, body: str = "") -> Answered:
        """SendDocument with the blocks in the header and a manifest in the body."""
        header = blocks + self.key_info()
        return self.post("SendDocument", envelope(header, body or "<edXML:Manifest/>"), files)

    def update(self, status: str) -> Answered:
        """UpdateTraces with the status directly in the body."""
        return self.post("UpdateTraces", envelope(self.key_info(), status))

    def key_info(self) -> str:
        """The login in the header, in no namespace."""
        return (
            f"<Signature><KeyInfo><OrganId>{self.code}</OrganId>"
            f"<Token>{escape(self.token)}</Token></KeyInfo></Signature>"
        )

    def post(self, action: str, xml: str, files: Iterable[Piece] = ()) -> Answered:
        """Any envelope with its files, as multipart/related."""
        root = Piece(xml.encode(), "Start", "text/xml; charset=utf-8", "8bit")
        body = joined([root, *files], boundary=self.boundary)
        media = related(boundary=self.boundary, root_type="text/xml", start="Start")
        return post(self.url, body, media, SOAPAction=action)


def post(url: str, body: bytes, media: str, **headers: str) -> Answered:
    """Send bytes, and take an answer of one part or of several apart with the standard library."""
    sent = requests.post(url, data=body, headers={"Content-Type": media, **headers}, timeout=60)
    kind = sent.headers["Content-Type"]
    if not kind.startswith("multipart/related"):
        return Answered(sent.status_code, sent.headers, etree.fromstring(sent.content))
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.message_from_bytes(head + sent.content, policy=email.policy.HTTP)
    root, *others = message.iter_parts()
    files = {
        part["Content-ID"].strip("<>"): (part.get_content_type(), part.get_payload(decode=True))
        for part in others
    }
    content = etree.fromstring(root.get_payload(decode=True))
    return Answered(sent.status_code, sent.headers, content, files)


def envelope(header: str, body: str) -> str:
    """A SOAP 1.1 envelope that declares eDoc's prefixes."""
    return (
        f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{SOAP11}" xmlns:edXML="{NS}" xmlns:xlink="{XLINK}">'
        f"<SOAP-ENV:Header>{header}</SOAP-ENV:Header>"
        f"<SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )


def agency(tag: str, code: str, name: str) -> str:
    """A From or a To with every tag of the hub's list."""
    charge = "<edXML:OrganizationInCharge/>" if tag == "From" else ""
    return (
        f"<edXML:{tag}><edXML:OrganId>{code}</edXML:OrganId><edXML:OrganName>{name}</edXML:OrganName>"
        f"{charge}<edXML:OrganAdd/><edXML:Email/><edXML:Telephone/><edXML:Fax/><edXML:Website/>"
        f"</edXML:{tag}>"
    )


def letter(sender: str, *to: str, number: int = 1, subject: str = "Về việc nối mạng") -> str:
    """The header blocks of a letter, as a client under CV 2803 writes them."""
    receivers = "".join(agency("To", code, f"Cơ quan {code}") for code in to)
    return (
        f"<edXML:MessageHeader>{agency('From', sender, f'Cơ quan {sender}')}{receivers}"
        f"<edXML:DocumentId>{sender},2024/03/04,{number}/CV-ĐT</edXML:DocumentId>"
        f"<edXML:Code><edXML:CodeNumber>{number}</edXML:CodeNumber>"
        "<edXML:CodeNotation>CV-ĐT</edXML:CodeNotation></edXML:Code>"
        "<edXML:PromulgationInfo><edXML:Place>Tỉnh Mẫu</edXML:Place>"
        "<edXML:PromulgationDate>04/03/2024</edXML:PromulgationDate></edXML:PromulgationInfo>"
        "<edXML:DocumentType><edXML:Type>2</edXML:Type><edXML:TypeName>Công văn</edXML:TypeName>"
        f"</edXML:DocumentType><edXML:Subject>{subject}</edXML:Subject><edXML:Content/>"
        "<edXML:SignerInfo><edXML:Competence/><edXML:Position/>"
        "<edXML:FullName>Đỗ Thị Ánh</edXML:FullName></edXML:SignerInfo><edXML:DueDate/>"
        "<edXML:ToPlaces/><edXML:OtherInfo><edXML:Priority>0</edXML:Priority>"
        "<edXML:SphereOfPromulgation/><edXML:TyperNotation/>"
        "<edXML:PromulgationAmount>0</edXML:PromulgationAmount>"
        "<edXML:PageAmount>0</edXML:PageAmount><edXML:Appendixes/></edXML:OtherInfo>"
        '</edXML:MessageHeader><edXML:TraceHeaderList SOAP-ENV:mustUnderstand="1">'
        f"<edXML:TraceHeader><edXML:OrganId>{sender}</edXML:OrganId>"
        "<edXML:Timestamp>04/03/2024 08:15:00</edXML:Timestamp></edXML:TraceHeader>"
        "</edXML:TraceHeaderList><edXML:ErrorList/>"
    )


def manifest(**names: str) -> str:
    """A manifest directly in the body, as old clients write it: content id = file name."""
    references = "".join(
        f'<edXML:Reference xlink:href="cid:{cid}"><edXML:AttachmentName>{name}'
        "</edXML:AttachmentName></edXML:Reference>"
        for cid, name in names.items()
    )
    return f'<edXML:Manifest version="1.0">{references}</edXML:Manifest>'


def status(sender: str, issuer: str, code: str, word: str, document_id: str = "") -> str:
    """A status in no namespace, as old clients put it into the body."""
    named = f"<DocumentId>{document_id}</DocumentId>" if document_id else ""
    return (
        f"<Status><From><OrganId>{sender}</OrganId><OrganName>Cơ quan {sender}</OrganName></From>"
        f"<ResponseFor><OrganId>{issuer}</OrganId><Code>{code}</Code>"
        f"<PromulgationDate>04/03/2024</PromulgationDate>{named}</ResponseFor>"
        "<StaffInfo><Department/><Staff>Lý Văn Cẩn</Staff><Email/><Mobile/></StaffInfo>"
        f"<StatusCode>{word}</StatusCode><Description>Đã vào sổ</Description>"
        "<Timestamp>05/03/2024 09:30:00</Timestamp></Status>"
    )
