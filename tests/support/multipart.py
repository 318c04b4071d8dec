"""Multipart requests written by hand, as wrongly as a test wants them."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from lxml import etree
from support.soap_edge import QCVN, SOAP11, SOAP12, TNS

XOP = 'xmlns:xop="http://www.w3.org/2004/08/xop/include"'
#: Media type of an envelope by the namespace of its version.
MEDIA = {SOAP11: "text/xml", SOAP12: "application/soap+xml"}


@dataclass(frozen=True)
class Piece:
    """One part: its bytes, and how they are labelled and encoded."""

    content: bytes = field(repr=False)
    cid: str | None = None
    media: str | None = "application/octet-stream"
    encoding: str | None = None
    #: Further header lines, or wrong ones.
    headers: tuple[str, ...] = ()

    def written(self, eol: bytes) -> bytes:
        """The part between its boundaries, without the line break that belongs to the next one."""
        lines = list(self.headers)
        if self.media is not None:
            lines.append(f"Content-Type: {self.media}")
        if self.encoding is not None:
            lines.append(f"Content-Transfer-Encoding: {self.encoding}")
        if self.cid is not None:
            lines.append(f"Content-ID: <{self.cid}>")
        head = b"".join(line.encode() + eol for line in lines)
        return head + eol + self._encoded()

    def _encoded(self) -> bytes:
        name = (self.encoding or "").lower()
        if name == "base64":
            return base64.encodebytes(self.content).replace(b"\n", b"\r\n")
        return quopri.encodestring(self.content) if name == "quoted-printable" else self.content


def joined(
    pieces: Iterable[Piece],
    *,
    boundary: str = "=_b",
    eol: bytes = b"\r\n",
    preamble: bytes = b"",
    epilogue: bytes = b"",
) -> bytes:
    """The multipart body of some parts."""
    dash = b"--" + boundary.encode()
    before = preamble + eol if preamble else b""
    body = b"".join(dash + eol + piece.written(eol) + eol for piece in pieces)
    return before + body + dash + b"--" + eol + epilogue


def related(
    *, boundary: str = "=_b", root_type: str = "application/xop+xml", **parameters: str
) -> str:
    """The Content-Type of a multipart/related body; `start_info` is start-info."""
    told = {name.replace("_", "-"): value for name, value in parameters.items()}
    more = "".join(f'; {name}="{value}"' for name, value in told.items())
    return f'multipart/related; type="{root_type}"; boundary="{boundary}"{more}'


def include(cid: str) -> str:
    """An xop:Include."""
    return f'<xop:Include {XOP} href="cid:{cid}"/>'


BINARY = (f"{{{TNS}}}content", f"{{{QCVN}}}ContentTransferEncoded")


@dataclass(frozen=True)
class Layout:
    """How one message is laid out in parts."""

    boundary: str = "=_b"
    eol: bytes = b"\r\n"
    preamble: bytes = b""
    epilogue: bytes = b""
    #: Transfer encoding of every part but the root, and of the root.
    encoding: str | None = "binary"
    root_encoding: str | None = None
    #: Where the root stands among the parts, and whether `start` names it.
    root_at: int = 0
    start: str | None = "<root@test>"
    #: What Content-IDs begin with; references to them are percent-encoded.
    prefix: str = "part"
    declaration: bool = True


def optimised(
    envelope: bytes, layout: Layout = Layout(), *, names: tuple[str, ...] = BINARY
) -> tuple[str, bytes]:
    """An inline message as MTOM sends it: the Content-Type, and the body.

    `names` are the elements whose base64 leaves as parts.
    """
    root, soap = _opened(envelope)
    pieces = []
    for number, element in enumerate(root.iter(*names)):
        cid = f"{layout.prefix}{number}@test"
        pieces.append(_piece(element, cid, layout))
        element.append(etree.fromstring(include(quote(cid, safe=""))))
    media = f'application/xop+xml; charset=utf-8; type="{MEDIA[soap]}"'
    return _laid_out(root, media, pieces, layout, "application/xop+xml", MEDIA[soap])


def attached(envelope: bytes, layout: Layout = Layout(), *, by: str = "href") -> tuple[str, bytes]:
    """An inline message as SOAP with Attachments sends it, the files referred to in some way.

    `by` is href or text of the place, id (the ContentId of an empty Attachment), or manifest.
    """
    root, soap = _opened(envelope)
    pieces = []
    for number, element in enumerate(list(root.iter(*BINARY))):
        parent = element.getparent()
        content_id = parent.findtext(f"{{{QCVN}}}ContentId") if parent is not None else None
        way = by if content_id else "href"
        cid = f"{layout.prefix}{number}@test"
        cid = cid if way in {"href", "text"} else str(content_id).removeprefix("cid:")
        pieces.append(_piece(element, cid, layout))
        reference = f"cid:{quote(cid, safe='')}"
        if way == "href":
            element.set("href", reference)
        elif way == "text":
            element.text = reference
        elif way == "manifest":
            _forget(parent)
    return _laid_out(root, f"{MEDIA[soap]}; charset=utf-8", pieces, layout, MEDIA[soap], None)


def _opened(envelope: bytes) -> tuple[etree._Element, str]:
    root = etree.fromstring(envelope, etree.XMLParser(huge_tree=True))
    return root, etree.QName(root).namespace or ""


def _piece(element: etree._Element, cid: str, layout: Layout) -> Piece:
    content = base64.b64decode(element.text or "")
    element.text = None
    return Piece(content, cid=cid, encoding=layout.encoding)


def _forget(attachment: etree._Element) -> None:
    home = attachment.getparent()
    home.remove(attachment)
    if not len(home):
        home.getparent().remove(home)


def _laid_out(
    root: etree._Element,
    media: str,
    pieces: list[Piece],
    layout: Layout,
    root_type: str,
    start_info: str | None,
) -> tuple[str, bytes]:
    xml = etree.tostring(root, encoding="utf-8", xml_declaration=layout.declaration)
    start = Piece(xml, cid="root@test", media=media, encoding=layout.root_encoding)
    at = layout.root_at % (len(pieces) + 1) if layout.start else 0
    parameters = {"start": layout.start, "start_info": start_info}
    told = {name: value for name, value in parameters.items() if value is not None}
    body = joined(
        [*pieces[:at], start, *pieces[at:]],
        boundary=layout.boundary,
        eol=layout.eol,
        preamble=layout.preamble,
        epilogue=layout.epilogue,
    )
    return related(boundary=layout.boundary, root_type=root_type, **told), body
