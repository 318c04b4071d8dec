"""Attachments: base64 that is base64, and the transport ZIP told from a sender's own archive."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.edxml.attachments import Budget, decode, encode, pack, strip_cid, unpack
from bus.errors import LimitExceeded

ROOM = 1_000_000


def archive(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


DOCX = archive(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>"))


@pytest.mark.parametrize(
    ("text", "content"),
    [("QUJD", b"ABC"), ("QU\r\n JD\t", b"ABC"), ("", b""), (" \n", b""), ("QQ==", b"A")],
)
def test_base64_may_hold_white_space(text: str, content: bytes) -> None:
    """White space anywhere in base64 is passed over."""
    assert decode(text) == content


@pytest.mark.parametrize("text", ["QUJ", "QU-D", "QUJD!", "QUJĐ", "QU=D", "QUJD\u00a0", "data:,x"])
def test_foreign_characters_are_refused(text: str) -> None:
    """What is no base64 is not decoded in part."""
    assert decode(text) is None


@given(content=st.binary(max_size=200))
def test_base64_survives_in_one_line(content: bytes) -> None:
    """Encoded bytes are one line and decode to themselves."""
    text = encode(content).decode("ascii")
    assert not set(text) & set(" \r\n")
    assert decode(text) == content


@pytest.mark.parametrize("wild", ["209", "cid:209", "cid:cid:209", " CID: cid:209 ", "cid:\n209"])
def test_cid_is_stripped_repeatedly(wild: str) -> None:
    """However often a builder put `cid:` before it, the id is the same."""
    assert strip_cid(wild) == "209"


@pytest.mark.parametrize("entry", ["5d0f.edxml", "a.pdf", "../../etc/passwd", "C:\\x.exe"])
def test_a_transport_zip_is_taken_off(entry: str) -> None:
    """One entry in a ZIP is the file, whatever the entry calls itself."""
    wire = archive((entry, b"%PDF-1.7"))
    found = unpack(wire, "công văn.pdf", Budget(ROOM))
    assert (found.content, found.zipped) == (b"%PDF-1.7", True)
    assert found.wire_sha256 == hashlib.sha256(wire).hexdigest()
    assert found.sha256 == hashlib.sha256(b"%PDF-1.7").hexdigest()


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        (b"%PDF-1.7", "a.zip"),
        (DOCX, "tờ trình.docx"),
        (archive(("only.txt", b"x")), "hồ sơ.zip"),
        (archive(("only.txt", b"x")), "a.odt"),
        (archive(("a", b"1"), ("b", b"2")), "a.pdf"),
        (archive(("folder/", b"")), "a.pdf"),
        (archive(("a", b"1"), method=zipfile.ZIP_BZIP2), "a.pdf"),
        (archive(("inner.zip", b"PK\x03\x04 no office file")), "a.docx"),
    ],
)
def test_other_files_stay_whole(wire: bytes, name: str) -> None:
    """Office files, a sender's own archives and everything unusual are not touched."""
    found = unpack(wire, name, Budget(ROOM))
    assert (found.content, found.zipped, found.damaged) == (wire, False, False)
    assert found.wire_sha256 == found.sha256


def test_an_office_file_in_a_transport_zip_is_taken_out() -> None:
    """A .docx inside one more ZIP comes out as the .docx."""
    found = unpack(archive(("5d0f.docx", DOCX)), "tờ trình.docx", Budget(ROOM))
    assert (found.content, found.zipped) == (DOCX, True)


@pytest.mark.parametrize("cut", [10, -5])
def test_a_damaged_zip_is_left_as_it_came(cut: int) -> None:
    """A truncated wrapper is reported and its bytes are kept."""
    wire = archive(("a.pdf", b"%PDF" * 100))[:cut]
    found = unpack(wire, "a.pdf", Budget(ROOM))
    assert (found.content, found.zipped, found.damaged) == (wire, False, True)


def test_a_wrong_checksum_is_damage() -> None:
    """A wrapper whose entry does not match its checksum is not unpacked."""
    wire = bytearray(archive(("a.pdf", b"%PDF" * 100), method=zipfile.ZIP_STORED))
    wire[60] ^= 1
    assert unpack(bytes(wire), "a.pdf", Budget(ROOM)).damaged


def test_a_huge_directory_is_not_read() -> None:
    """An archive whose directory alone is large is left whole, without an object per entry."""
    record = archive(("a", b"x"))
    end = record.rfind(b"PK\x05\x06")
    entry = record[record.rfind(b"PK\x01\x02") : end]
    directory = entry * (2 * 1024 * 1024 // len(entry))
    head = record[: record.rfind(b"PK\x01\x02")]
    tail = record[end : end + 12] + len(directory).to_bytes(4, "little") + record[end + 16 :]
    found = unpack(head + directory + tail, "a.txt", Budget(ROOM))
    assert (found.zipped, found.damaged) == (False, False)


def test_the_budget_is_shared_by_a_message() -> None:
    """What one attachment unpacks to is no longer there for the next."""
    budget = Budget(150)
    wire = archive(("a", b"x" * 100))
    unpack(wire, "a.txt", budget)
    with pytest.raises(LimitExceeded) as caught:
        unpack(wire, "a.txt", budget)
    assert caught.value.code == "RCV-001"


def test_the_declared_size_is_not_believed() -> None:
    """An entry that declares fewer bytes than it holds is damaged or refused, never unpacked."""
    wire = bytearray(archive(("a", b"x" * 5000)))
    size = (5000).to_bytes(4, "little")
    assert wire.count(size) == 2
    lied = bytes(wire.replace(size, (5).to_bytes(4, "little")))
    found = unpack(lied, "a.txt", Budget(ROOM))
    assert found.damaged
    assert found.content == lied


@given(content=st.binary(max_size=100), name=st.text(max_size=10))
def test_packing_is_repeatable(content: bytes, name: str) -> None:
    """Equal files give equal ZIPs of one entry whose name no reader can trip over."""
    wire = pack(content, name)
    assert wire == pack(content, name)
    with zipfile.ZipFile(io.BytesIO(wire)) as file:
        (entry,) = file.infolist()
        assert file.read(entry) == content
    assert Path(entry.filename).name == entry.filename
    assert entry.filename.isascii()
