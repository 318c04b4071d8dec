"""Multipart bodies taken apart and put together."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.multipart import Piece, joined

from bus.config import LimitSettings
from bus.envelope import mime
from bus.envelope.mime import Part
from bus.errors import BusError, LimitExceeded, ProtocolRejected

LIMITS = LimitSettings()
#: How long the worst body of 16 MB may take to be taken apart or refused, seconds.
PATIENCE_S = 4.0


def split(body: bytes, boundary: str = "=_b", limits: LimitSettings = LIMITS) -> tuple[Part, ...]:
    return mime.split(body, boundary, limits)


def contents(body: bytes, boundary: str = "=_b") -> list[bytes]:
    return [bytes(part.content()) for part in split(body, boundary)]


def refusal(body: bytes, boundary: str = "=_b", limits: LimitSettings = LIMITS) -> str:
    with pytest.raises(BusError) as caught:
        split(body, boundary, limits)
    return caught.value.code


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
@pytest.mark.parametrize("encoding", [None, "7bit", "8bit", "binary", "Binary", "base64", "BASE64",
                                      "quoted-printable"])  # fmt: skip
@pytest.mark.parametrize("content", [b"", b"\r\n", b"a=b\tc  \r\n.\r\n", "Đường\n".encode(), b"-"])
def test_a_part_is_read_in_every_transfer_encoding(
    eol: bytes, encoding: str | None, content: bytes
) -> None:
    """The bytes of the file come back, whatever encoding its header names."""
    body = joined([Piece(b"root"), Piece(content, encoding=encoding, cid="a@b")], eol=eol)
    first, second = split(body)
    assert bytes(first.content()) == b"root"
    assert (bytes(second.content()), second.content_id) == (content, "a@b")


@given(
    files=st.lists(st.binary(max_size=200), min_size=1, max_size=5),
    eol=st.sampled_from([b"\r\n", b"\n"]),
    boundary=st.from_regex(r"[0-9a-zA-Z'()+_,./:=?-]{8,70}", fullmatch=True),
)
def test_any_bytes_come_back_from_any_boundary(
    files: list[bytes], eol: bytes, boundary: str
) -> None:
    """Taking apart undoes putting together, byte for byte."""
    if any(b"--" + boundary.encode() in content for content in files):
        return
    body = joined([Piece(content) for content in files], boundary=boundary, eol=eol)
    assert contents(body, boundary) == files


def test_our_own_bodies_are_read_back() -> None:
    """What the bus writes it reads, with the Content-IDs it wrote."""
    made = mime.join(b"<a/>", ["Content-ID: <r@x>"], [("p@x", b"\r\n--\x00"), ("q@x", b"")])
    found = split(made.body, made.boundary)
    assert [(p.content_id, bytes(p.content())) for p in found] == [
        ("r@x", b"<a/>"), ("p@x", b"\r\n--\x00"), ("q@x", b""),
    ]  # fmt: skip


def test_text_around_the_parts_is_left_out() -> None:
    """Preamble and epilogue belong to no part (RFC 2046 section 5.1.1)."""
    body = joined(
        [Piece(b"x")], preamble=b"This is MIME.\r\n--=_bad line", epilogue=b"--=_b\r\n\r\nbye"
    )
    assert contents(body) == [b"x"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"--b\r\n\r\nx\r\n--b--", [b"x"]),
        (b"--b  \t\r\n\r\nx\r\n--b-- \r\n", [b"x"]),
        (b"--b\r\nA: 1\r\n\r\n--b--", [b""]),
        (b"--b\r\nA: 1\r\n\r\n\r\n--b--", [b""]),
        (b"--b\r\n\r\n--b--", [b""]),
        (b"--b\r\n--b\r\n\r\ny\r\n--b--", [b"", b"y"]),
        (b"--b--", []),
        (b"--b\r\n\r\nx\r\n--bb\r\n\r\ny\r\n--b--", [b"x\r\n--bb\r\n\r\ny"]),
        (b"--b\r\n\r\nx\n--b\n\ny\r\n--b--", [b"x\n--b\n\ny"]),
        (b"--b\n\nx\r\n--b--", [b"x\r"]),
        (b"--b\r\n\r\n --b\r\n--b--", [b" --b"]),
        (b"--b\r\nA:\r\n  folded\r\n\tmore\r\n\r\nx\r\n--b--", [b"x"]),
    ],
)
def test_boundaries_are_read_as_the_standard_says(body: bytes, found: list[bytes]) -> None:
    """Padding, empty parts, longer words that begin alike, line ends of the other kind."""
    assert contents(body, "b") == found


def test_folded_and_oddly_spelt_headers_are_read() -> None:
    """Names in any case, no space after the colon, folded values, forgotten angle brackets."""
    head = b'CONTENT-TYPE:text/XML;\r\n charset="UTF-8"\r\ncontent-id:Start\r\nX-Other: a\r\nX-Other: b'
    (part,) = split(b"--b\r\n" + head + b"\r\n\r\nx\r\n--b--", "b")
    assert (part.media.name, part.media.get("charset"), part.content_id) == (
        "text/xml", "UTF-8", "Start",
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary",
        b"--c\r\n\r\nx\r\n--c--",
        b"--b",
        b"--b\r\n\r\nnever closed",
        b"--b\r\n\r\nx\r\n--b\r\n",
        b"--b\r\n\r\nx\r\n--b-",
        b"--b\r\nA: 1\r\nno empty line\r\n--b--",
        b"--b\r\nno header\r\n\r\nx\r\n--b--",
        b"--b\r\nContent-Type: Multipart/Mixed; boundary=c\r\n\r\nx\r\n--b--",
        b"--b\r\nContent-ID: <a>\r\nContent-Id: <b>\r\n\r\nx\r\n--b--",
    ],
)
def test_what_is_no_multipart_body_is_refused(body: bytes) -> None:
    """Cut short, never closed, nested, without headers' end, with two answers to one question."""
    assert refusal(body, "b") == "MIM-001"


@pytest.mark.parametrize("sign", ["\0", "\x01", "\x0b", "\x1f", "\ufffe", "\uffff"])
@pytest.mark.parametrize(
    "field", ["Content-ID: <a{}b>", "Content-Type: text/{}x", "Content-Transfer-Encoding: {}"]
)
def test_signs_that_no_text_holds_are_refused_in_headers_that_are_used(
    field: str, sign: str
) -> None:
    """Ids and media types end up in XML, which cannot carry control characters."""
    head = field.format(sign).encode()
    assert refusal(b"--b\r\n" + head + b"\r\n\r\nx\r\n--b--", "b") == "MIM-001"
    (part,) = split(b"--b\r\nX-Other: \x01\r\n\r\nx\r\n--b--", "b")
    assert bytes(part.data) == b"x"


@pytest.mark.parametrize("boundary", ["", " ", "b ", "b\r\nX", "é", "x" * 201, "a\x00"])
def test_impossible_boundaries_are_refused(boundary: str) -> None:
    """A boundary is visible ASCII of bounded length and no space at its end."""
    assert refusal(b"--b\r\n\r\nx\r\n--b--", boundary) == "MIM-001"


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", b"QUJ"), ("base64", b"QU!D"), ("base64", b"QUJD="), ("base64", "QÚJD".encode()),
        ("quoted-printable", b"a=XYb"), ("quoted-printable", b"a=4"),
        ("gzip", b"x"), ("x-uuencode", b"x"),
    ],
)  # fmt: skip
def test_wrong_transfer_encodings_are_refused(encoding: str, content: bytes) -> None:
    """Nothing is guessed from a part that is not what its header says."""
    head = f"--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    (part,) = split(head + content + b"\r\n--b--", "b")
    with pytest.raises(ProtocolRejected) as caught:
        part.content()
    assert caught.value.code == "MIM-001"


def test_each_limit_is_named_and_exact() -> None:
    """As many parts, bytes and header bytes as allowed pass; one more of each is refused."""
    limits = LimitSettings(parts=3, part_bytes=10, part_header_bytes=30)
    fits = joined([Piece(b"x" * 10, media=None, headers=("A: " + "a" * 27,))] * 3)
    assert len(split(fits, limits=limits)) == 3
    with pytest.raises(LimitExceeded, match=r"limits\.parts = 3"):
        split(joined([Piece(b"", media=None)] * 4), "=_b", limits)
    assert refusal(joined([Piece(b"x" * 11, media=None)]), limits=limits) == "RCV-001"
    longer = [Piece(b"", media=None, headers=("A: " + "a" * 28,))]
    assert refusal(joined(longer), limits=limits) == "RCV-006"
    with pytest.raises(LimitExceeded, match=r"limits\.part_header_bytes = 30"):
        split(joined(longer), "=_b", limits)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (joined([Piece(b"")] * 100_000), "RCV-006"),
        (b"--=_b\r\n" + b"A: " + b"a" * 16_000_000, "MIM-001"),
        (joined([Piece(b"", headers=("A: " + "a" * 1_000_000,))]), "RCV-006"),
        (joined([Piece(b"", headers=("A: a",) * 1_000_000)]), "RCV-006"),
        (b"--=_b\r\n\r\n" + b"\r\n--=_bX" * 2_000_000, "MIM-001"),
        (b"--=_b\r\n\r\n" + b"\r\n--=_b " + b" " * 16_000_000, "MIM-001"),
        (b"--=_b\r\n\r\n" + b"\r\n--=_b \t" * 1_600_000, "RCV-006"),
        (b"\n" * 16_000_000, "MIM-001"),
        (b"--=_" * 4_000_000, "MIM-001"),
        (b"\r\n--=_" * 2_600_000, "MIM-001"),
    ],
)
def test_hostile_bodies_are_refused_in_bounded_time_and_memory(body: bytes, code: str) -> None:
    """Neither many parts nor endless headers nor near-boundaries cost more than reading once."""
    tracemalloc.start()
    started = time.perf_counter()
    try:
        assert refusal(body) == code
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < PATIENCE_S
    assert peak < 4_000_000
