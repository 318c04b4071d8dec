"""Between the message on the wire and its packed form: one XML document with the files inline.

Packing leaves at the door what is the call's and not the document's: credentials, tokens, security
headers. No recipient and no archive ever sees a sender's token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

import pybase64
from lxml import etree

from bus.edxml import attachments as base64
from bus.edxml import parser
from bus.edxml.paths import line_of, local_name
from bus.envelope import edoc, mime
from bus.envelope.mime import Part
from bus.envelope.package import Attachments
from bus.envelope.xop import write_base64
from bus.errors import ProtocolRejected

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
#: What stands for a file by its number, and for what was taken out by its line breaks. Nothing a
#: sender writes is one: the parser leaves no instructions.
_SPLICE = re.compile(rb"<\?(file|taken) (\d+)\?>")
#: Content ids that may stand in a MIME header and in a cid: URL as they are.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._+\-@]{1,200}")
_PLAIN_TYPE = re.compile(r"[A-Za-z0-9.+\-]{1,100}/[A-Za-z0-9.+\-]{1,100}")
_OCTETS = "application/octet-stream"
_AROUND_FILES = ("AllDocument", "Document", "Attach")
_TRAVELLING = frozenset({*edoc.BLOCKS, "Status"})
#: Where a part that cannot be decoded would have been told inline.
_ENCODING = "/Envelope/Body/SendDocument/AllDocument/Attachment/@Content-Transfer-Encoding"
_ROOT_ID = "root@lienthong"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a message on its way out; its id may stand in headers and URLs (RFC 2392 §2)."""

    content_id: str
    name: str
    media: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A packed message taken apart: header blocks, manifest and files, or a status."""

    blocks: tuple[etree._Element, ...] = ()
    manifest: etree._Element | None = None
    files: tuple[File, ...] = field(default=(), repr=False)
    status: etree._Element | None = None


def pack(envelope: etree._Element, parts: Attachments | None) -> bytes:
    """The packed form of a request, which is changed; lines stay where the sender sees them.

    Raises ProtocolRejected MIM-001, MIM-003, LimitExceeded RCV-001 for what the parts become inline.
    """
    header = envelope.find(edoc.soap_tag("Header"))
    for block in list(header) if header is not None else ():
        if not any(edoc.is_ours(block, name) for name in _TRAVELLING):
            _take_out(block)
    body = envelope.find(edoc.soap_tag("Body"))
    for token in _outermost_tokens(body) if body is not None else ():
        _take_out(token)
    files = _place_files(body, parts) if body is not None and parts is not None else []
    skeleton = etree.tostring(envelope, encoding="UTF-8", xml_declaration=False)
    pieces: list[bytes] = [_DECLARATION, b"\n" * (max(1, line_of(envelope)) - 1)]
    at = 0
    for mark in _SPLICE.finditer(skeleton):
        number = int(mark[2])
        pieces += (
            skeleton[at : mark.start()],
            files[number] if mark[1] == b"file" else b"\n" * number,
        )
        at = mark.end()
    return b"".join((*pieces, skeleton[at:]))


def unpack(packed: bytes) -> Unpacked:
    """Take the packed form apart to send it: what leaves is what was stored, in another wrapping."""
    root = parser.parse(packed)
    header, body = (root.find(edoc.soap_tag(name)) for name in ("Header", "Body"))
    found = (edoc.child(header, name) for name in edoc.BLOCKS)
    content = edoc.child(body, edoc.DOCUMENT_WRAPPER)
    home = content if content is not None else body
    listed = _files_in(home)
    return Unpacked(
        blocks=tuple(block for block in found if block is not None),
        manifest=edoc.child(home, "Manifest"),
        files=tuple(_file(element, number) for number, element in enumerate(listed, start=1)),
        status=_status(header, body),
    )


def multipart(envelope: etree._Element, files: Iterable[File]) -> tuple[str, bytes]:
    """A reply with its files as MIME parts: the Content-Type, and the body."""
    root = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    headers = (
        "Content-Type: text/xml; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        f"Content-ID: <{_ROOT_ID}>",
    )
    sent = list(files)
    joined = mime.join(
        root,
        headers,
        [(file.content_id, file.content) for file in sent],
        media={file.content_id: file.media for file in sent},
    )
    kind = f'multipart/related; type="text/xml"; boundary="{joined.boundary}"; start="<{_ROOT_ID}>"'
    return kind, joined.body


def inline(files: Iterable[File]) -> etree._Element:
    """The files as the list of the draft, for clients that asked without parts."""
    root = etree.Element(edoc.tag(_AROUND_FILES[0]), nsmap={"edXML": edoc.NAMESPACE})
    home = _files_home(root, _AROUND_FILES[1:])
    for file in files:
        element = etree.SubElement(home, edoc.tag("Attachment"))
        element.set("Content-Type", file.media)
        element.set("Content-Transfer-Encoding", "base64")
        element.set("Content-ID", file.content_id)
        etree.SubElement(element, edoc.tag("name")).text = file.name
        write_base64(etree.SubElement(element, edoc.tag("value")), base64.encode(file.content))
    return root


def bare_cid(link: str) -> str:
    """The content id that a cid: URL or a spelling of one names."""
    return base64.strip_cid(link).strip("<>")


def safe_id(content_id: str) -> str:
    """A content id as it may stand in headers and URLs (RFC 2392 §2)."""
    return content_id if _PLAIN_ID.fullmatch(content_id) else quote(content_id, safe="@")[:900]


def _status(header: etree._Element | None, body: etree._Element | None) -> etree._Element | None:
    homes = (edoc.child(body, edoc.STATUS_WRAPPER), body, header)
    found = (edoc.child(home, "Status") for home in homes)
    return next((one for one in found if one is not None), None)


def _take_out(element: etree._Element) -> None:
    """Put a mark in the place of an element that tells how many line breaks it had.

    Joining the texts around it instead takes quadratic time where many are taken out.
    """
    above = element.getparent()
    if above is None:
        return
    lines = etree.tostring(element, encoding="utf-8", with_tail=False).count(b"\n")
    mark = etree.ProcessingInstruction("taken", str(lines))
    mark.tail, element.tail = element.tail, None
    above.replace(element, mark)


def _outermost_tokens(body: etree._Element) -> list[etree._Element]:
    walk = etree.iterwalk(body, events=("start",), tag=(edoc.tag("Token"), "Token"))
    found = []
    for _, element in walk:
        found.append(element)
        walk.skip_subtree()
    return found


def _place_files(body: etree._Element, parts: Attachments) -> list[bytes]:
    """Write an Attachment for each part, behind those that stand inline already."""
    if not parts.all():
        return []
    content = edoc.child(body, edoc.DOCUMENT_WRAPPER)
    home = _files_home(content if content is not None else body)
    encoded: list[bytes] = []
    for part in parts.all():
        element = etree.SubElement(home, edoc.tag("Attachment"))
        element.set("Content-Type", part.media.name or _OCTETS)
        element.set("Content-Transfer-Encoding", "base64")
        if part.content_id:
            element.set("Content-ID", part.content_id)
        value = etree.SubElement(element, edoc.tag("value"))
        value.append(etree.ProcessingInstruction("file", str(len(encoded))))
        encoded.append(_encoded(part, parts))
    return encoded


def _files_home(home: etree._Element, names: tuple[str, ...] = _AROUND_FILES) -> etree._Element:
    for name in names:
        found = edoc.child(home, name)
        home = found if found is not None else etree.SubElement(home, edoc.tag(name))
    return home


def _encoded(part: Part, parts: Attachments) -> bytes:
    try:
        content = part.content()
    except ProtocolRejected as error:
        raise ProtocolRejected(error.detail, code=error.code, path=_ENCODING) from error
    parts.take((len(content) + 2) // 3 * 4)
    return pybase64.b64encode(content)


def _files_in(home: etree._Element | None) -> list[etree._Element]:
    homes = [home] if home is not None else []
    for name in _AROUND_FILES:
        homes = _named(homes, name.lower()) or homes
    return _named(homes, "attachment")


def _named(homes: Iterable[etree._Element | None], name: str) -> list[etree._Element]:
    return [
        one for home in homes if home is not None for one in home if local_name(one).lower() == name
    ]


def _file(element: etree._Element, number: int) -> File:
    attributes = {str(name).rpartition("}")[2].lower(): str(v) for name, v in element.items()}
    value = next(iter(_named([element], "value")), element)
    media = attributes.get("content-type", "")
    content_id = bare_cid(attributes.get("content-id", ""))
    return File(
        content_id=safe_id(content_id or f"file-{number}@lienthong"),
        name=next((one.text or "" for one in _named([element], "name")), ""),
        media=media if _PLAIN_TYPE.fullmatch(media) else _OCTETS,
        content=base64.decode(value.text or "") or b"",
    )
