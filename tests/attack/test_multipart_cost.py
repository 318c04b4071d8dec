"""Multipart requests made to cost much: refused in bounded time and memory, and large honest ones."""

from __future__ import annotations

import base64
import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from support import multipart
from support.multipart import MEDIA, Layout, Piece, include, joined, related
from support.one_request import growth
from support.soap_edge import PING, SOAP11, SOAP12, TEXT_XML, TNS, Reply, Service, envelope

from bus import registry
from bus.config import LimitSettings
from bus.dev import letters
from bus.model import Attachment, Organization

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
MEGABYTE = 1_000_000
#: How long the edge may take for one hostile request of at most 64 MB, seconds.
PATIENCE_S = 8.0
#: What it may keep beside the request itself, bytes.
SPARE = 8 * MEGABYTE


def ping(soap: str) -> Piece:
    return Piece(envelope(PING, soap=soap), media=f'application/xop+xml; type="{MEDIA[soap]}"')


def package(inner: str, soap: str) -> Piece:
    payload = f'<SendPackage xmlns="{TNS}"><content>{inner}</content></SendPackage>'
    return Piece(envelope(payload, soap=soap), media=f'application/xop+xml; type="{MEDIA[soap]}"')


def unclosed(*pieces: Piece) -> bytes:
    """A body up to where its last boundary would begin."""
    return joined(pieces).removesuffix(b"\r\n--=_b--\r\n")


def many_parts(soap: str) -> bytes:
    return joined([ping(soap), *([Piece(b"")] * 100_000)])


def long_headers(soap: str) -> bytes:
    return joined([ping(soap), Piece(b"", headers=("X: " + "a" * MEGABYTE,))])


def many_headers(soap: str) -> bytes:
    return joined([ping(soap), Piece(b"", headers=("X: a",) * (MEGABYTE // 6))])


def headers_without_end(soap: str) -> bytes:
    return unclosed(ping(soap)) + b"\r\n--=_b\r\n" + b"X: a\r\n" * (60 * MEGABYTE // 6)


def never_closed(soap: str) -> bytes:
    return unclosed(ping(soap)) + b"\r\n--=_b\r\n\r\n" + b"\r\n-" * (60 * MEGABYTE // 3)


def near_boundaries(soap: str) -> bytes:
    return joined([ping(soap), Piece(b"\r\n--=_bX" * (60 * MEGABYTE // 8))])


def large_part(soap: str) -> bytes:
    return joined([package(include("a"), soap), Piece(b"x" * 49 * 2**20, cid="a")])


def one_part_many_times(soap: str) -> bytes:
    """Nine thousand copies of a part of 30 KB would be 360 MB."""
    places = "".join(f"<a>{include('a')}</a>" for _ in range(9000))
    return joined([package(places, soap), Piece(b"x" * 30_000, cid="a")])


def much_that_decodes_to_nothing(soap: str) -> bytes:
    """Decoded for every reference, ten megabytes of soft line breaks would take minutes."""
    places = "".join(f"<a>{include('a')}</a>" for _ in range(9000))
    empty = b"=\r\n" * (10 * MEGABYTE // 3)
    labels = ("Content-ID: <a>", "Content-Transfer-Encoding: quoted-printable")
    return joined([package(places, soap), Piece(empty, media=None, headers=labels)])


def nested(soap: str) -> bytes:
    body = b""
    for level in range(200):
        label = f'multipart/related; boundary="{level}"'
        body = joined([Piece(body, media=label)], boundary=str(level + 1))
    return joined([ping(soap), Piece(body, media='multipart/related; boundary="200"')])


HOSTILE = {
    many_parts: "RCV-006", long_headers: "RCV-006", many_headers: "RCV-006",
    headers_without_end: "MIM-001", never_closed: "MIM-001", near_boundaries: "MIM-001",
    large_part: "RCV-001", one_part_many_times: "RCV-001",
    much_that_decodes_to_nothing: "SVC-006", nested: "MIM-001",
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize(("make", "code"), HOSTILE.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_hostile_multipart_request_is_refused_cheaply(make: object, code: str, soap: str) -> None:
    """The right fault of the right version, in bounded time, keeping little beside the request."""
    assert callable(make)
    body: bytes = make(soap)
    service = Service()
    tracemalloc.start()
    started = time.perf_counter()
    try:
        reply = service.post(body, related(start_info=MEDIA[soap]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < PATIENCE_S
    assert peak < len(body) + SPARE
    refused(reply, soap, code)
    assert not service.exchange.asked


def refused(reply: Reply, soap: str, code: str) -> None:
    assert reply.fault["code"] == code
    assert (reply.version, reply.status) == (soap, 500 if soap == SOAP11 else 400)
    assert reply.headers["Content-Type"] == f"{MEDIA[soap]}; charset=utf-8"


def test_a_message_put_together_is_as_large_as_one_sent_inline() -> None:
    """The byte at which a message is refused is the same however its bytes travel."""
    size = 30_000
    payload = f'<SendPackage xmlns="{TNS}"><content>{base64.b64encode(b"x" * size).decode()}'
    inline = envelope(payload + "</content></SendPackage>")
    optimised, body = multipart.optimised(inline)
    root = next(body.split(b"\r\n\r\n")[at] for at in (1,)).split(b"\r\n--")[0]
    together = len(root) + size // 3 * 4
    for limit, status in ((together, 200), (together - 1, 500)):
        service = Service(limits=LimitSettings(body_bytes=limit))
        assert service.post(body, optimised).status == status


LARGE = 20 * MEGABYTE


def large(operation: str) -> bytes:
    """A plain request of one operation with a letter of G22 that holds 20 MB."""
    sender, reader = (Organization(organ_id=code, name=code) for code in ("G22", "H57"))
    file = Attachment(
        content=os.urandom(LARGE),
        content_id="1",
        name="bản vẽ.bin",
        content_type="application/octet-stream",
    )
    letter = replace(letters.letter(1, sender, (reader,), "V/v bản vẽ"), attachments=(file,))
    xml = registry.dialects(LimitSettings()).get("qcvn102_java").write(letter).content
    if operation == "SendPackage":
        content = base64.b64encode(xml).decode()
        return envelope(f'<SendPackage xmlns="{TNS}"><content>{content}</content></SendPackage>')
    inner = xml[xml.index(b"<edXML") :].decode()
    return envelope(f'<x:SendDocument xmlns:x="{TNS}">{inner}</x:SendDocument>')


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs the peak of a process"
)
@pytest.mark.parametrize("operation", ["SendDocument", "SendPackage"])
def test_a_large_document_in_parts_takes_no_more_memory_than_inline(
    operation: str, tmp_path: Path
) -> None:
    """Twenty megabytes by MTOM, or with attachments, cost a bus at most what they cost inline."""
    plain = large(operation)
    inline = growth(tmp_path, TEXT_XML, plain)
    encoded = Layout(encoding="base64")
    for request in (
        multipart.optimised(plain),
        multipart.attached(plain),
        multipart.attached(plain, encoded),
        (related(), joined([Piece(plain, media='application/xop+xml; type="text/xml"')])),
    ):
        assert growth(tmp_path, *request) < inline + SPARE
