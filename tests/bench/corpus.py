"""The messages every stack is measured with: signed documents in signed SOAP envelopes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

from adapters.qcvn102_java import DIALECT
from bus.dev import letters
from bus.model import Organization, OtherInfo
from bus.trust import pki, wssecurity, xmldsig
from bus.trust.keys import OwnKey, load_own_key

SENDER = "G09"
#: Keeps its mail in a mailbox.
POLLING = "H17"
#: Have their mail pushed, each to a SOAP service of its own.
PUSHED = ("H57", "H58", "H59", "H60", "H61")
NAMES = {
    SENDER: "Bộ Nội vụ",
    POLLING: "Ủy ban nhân dân thành phố Đà Nẵng",
    **{code: f"Ủy ban nhân dân tỉnh {code}" for code in PUSHED},
}
EXCHANGE = "urn:lienthong:exchange:1"
PATH = "/services/exchange"

_MARK = b"<document-goes-here/>"
_ENVELOPE = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>'
    b'<SendDocument xmlns="' + EXCHANGE.encode() + b'">' + _MARK + b"</SendDocument>"
    b"</s:Body></s:Envelope>"
)
#: What a document weighs besides the base64 of its attachment, bytes.
_REST = 6_500


@dataclass
class Corpus:
    """Makes messages that no stack has seen yet, all from one sender."""

    own: OwnKey
    _number: int = 0
    _attachments: dict[int, bytes] = field(default_factory=dict)

    def document(self, size_bytes: int, *recipients: str) -> bytes:
        """A signed edXML document of about `size_bytes` with one random attachment."""
        self._number += 1
        sender = _organization(SENDER)
        to = tuple(_organization(code) for code in recipients)
        letter = letters.letter(self._number, sender, to, "V/v kết nối, liên thông phần mềm")
        content = self._attachments.setdefault(
            size_bytes, os.urandom((size_bytes - _REST) * 3 // 4)
        )
        letter = replace(
            letter,
            document_id=f"{SENDER},{os.urandom(6).hex()},{self._number}",
            other=OtherInfo(
                priority=1,
                sphere="Liên thông văn bản quốc gia",
                typist="VT",
                copies=2,
                pages=22,
                is_directive=False,
                appendixes=("Công văn về việc kết nối, liên thông phần mềm quản lý văn bản",),
            ),
            due_date=letter.promulgation.issued_on,
            to_places=("Như trên", "Các bộ, cơ quan ngang bộ", "Lưu: VT"),
            attachments=(replace(letter.attachments[0], content=content),),
        )
        return xmldsig.sign_document(DIALECT.write(letter).content, self.own)

    def request(self, size_bytes: int, *recipients: str) -> bytes:
        """A SendDocument call with WS-Security over Body and Timestamp, to one mailbox by default."""
        return self.envelope(self.document(size_bytes, *(recipients or (POLLING,))))

    def envelope(self, document: bytes) -> bytes:
        """The document in a signed SOAP 1.1 envelope, byte for byte as it was signed."""
        bare = document[document.index(b"<edXML") :]
        parser = etree.XMLParser(huge_tree=True, resolve_entities=False)
        root: Any = etree.fromstring(_ENVELOPE.replace(_MARK, bare), parser)
        return wssecurity.sign_envelope(root, self.own, datetime.now(UTC))


def _organization(code: str) -> Organization:
    """An agency as real documents name it: with every field of the block."""
    return Organization(
        organ_id=code,
        in_charge="Chính phủ nước Cộng hòa xã hội chủ nghĩa Việt Nam",
        name=NAMES[code],
        address="Số 1 phố Mẫu, phường Mẫu, thành phố Mẫu",
        email=f"vanthu.{code.lower()}@example.vn",
        telephone="(024) 3804 3100",
        fax="(024) 3804 4130",
        website=f"www.{code.lower()}.example.vn",
    )


def make_keys(folder: Path) -> None:
    """A key pair for every agency and for the stacks, as PEM files below `folder`."""
    now = datetime.now(UTC)
    authority = pki.create_authority("benchmark authority", now)
    for name in (*NAMES, "bus"):
        pair = pki.issue_own(authority, name, now)
        pki.write_pair(
            folder / f"{name}.key.pem",
            folder / f"{name}.pem",
            pair.key,
            pair.certificate,
        )


def load_key(folder: Path, name: str) -> OwnKey:
    """The key pair of one agency, or of `bus`."""
    return load_own_key(folder / f"{name}.key.pem", folder / f"{name}.pem")
