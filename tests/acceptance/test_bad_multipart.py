"""The table of bad multipart input, over real sockets: the fault, and that only the refusal is kept."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from support.multipart import MEDIA, Piece, include, joined, related
from support.outside import Answer, kept, post
from support.running_bus import RunningBus
from support.soap_edge import PING, SOAP11, SOAP12, TNS, envelope

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
Row = Callable[[str], tuple[bytes, dict[str, str]]]


def root(payload: str, soap: str) -> Piece:
    media = f'application/xop+xml; charset=utf-8; type="{MEDIA[soap]}"'
    return Piece(envelope(payload, soap=soap), cid="root", media=media)


def package(soap: str, inner: str) -> Piece:
    return root(f'<SendPackage xmlns="{TNS}"><content>{inner}</content></SendPackage>', soap)


def row(*others: Piece, inner: str = include("a"), **parameters: str) -> Row:
    """A package that refers to one part, with other parts beside it."""
    return lambda soap: (joined([package(soap, inner), *others]), parameters)


def cut(soap: str) -> tuple[bytes, dict[str, str]]:
    whole = joined([package(soap, include("a")), Piece(b"x" * 1000, cid="a")])
    return whole[: len(whole) // 2], {}


ROWS: dict[str, tuple[Row, str]] = {
    "without-its-root": (row(Piece(b"x", cid="a"), start="<gone>"), "MIM-002"),
    "cid-with-no-part": (row(Piece(b"x", cid="b")), "MIM-003"),
    "no-parts-at-all": (lambda _: (b"--=_b--\r\n", {}), "MIM-002"),
    "part-too-large": (row(Piece(b"x" * (48 * 2**20 + 1), cid="a")), "RCV-001"),
    "nested": (
        row(Piece(joined([Piece(b"x")], boundary="c"), cid="a", media="multipart/mixed; boundary=c")),
        "MIM-001",
    ),
    "never-closing": (cut, "MIM-001"),
    "100,000-parts": (row(*[Piece(b"")] * 100_000), "RCV-006"),
    "headers-of-1-MB": (row(Piece(b"x", cid="a", headers=("X: " + "a" * 10**6,))), "RCV-006"),
    "twins": (row(Piece(b"x", cid="a"), Piece(b"y", cid="a")), "MIM-004"),
    "unused": (row(Piece(b"x", cid="a"), Piece(b"y", cid="b")), "MIM-005"),
    "not-base64": (
        row(Piece(b"???", cid="a", headers=("Content-Transfer-Encoding: base64",))), "MIM-001",
    ),
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize(("make", "code"), ROWS.values(), ids=ROWS)
def test_a_bad_multipart_request_gets_a_typed_fault(
    bus: RunningBus, make: Row, code: str, soap: str
) -> None:
    """A plain envelope of the right version with both languages; one audit row is all that stays."""
    body, parameters = make(soap)
    kind = related(start_info=MEDIA[soap], **parameters)
    with kept(bus) as left:
        answer = post(bus, body, soap, **{"Content-Type": kind})
    assert answer.status == (500 if soap == SOAP11 else 400)
    assert answer.headers["Content-Type"] == f"{MEDIA[soap]}; charset=utf-8"
    assert answer.root.tag == f"{{{soap}}}Envelope"
    fault = answer.fault
    assert fault["code"] == code
    assert min(len(fault[name]) for name in ("message", "messageVi", "hint", "hintVi")) > 10
    left.only_refusal(code)
    assert pinged(bus, soap).status == 200


def pinged(bus: RunningBus, soap: str) -> Answer:
    """The next request, on another connection, by MTOM as well."""
    secret = base64.b64encode(b"G22:key").decode()
    headers = {"Authorization": f"Basic {secret}", "Content-Type": related(start_info=MEDIA[soap])}
    return post(bus, joined([root(PING, soap)]), soap, **headers)
