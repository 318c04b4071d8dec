"""Multipart requests changed at random: whatever comes, the answer is a receipt or a typed fault."""

from __future__ import annotations

import base64

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import multipart
from support.soap_edge import QCVN, SOAP11, SOAP12, TNS, Service, envelope

PAYLOAD = base64.b64encode("tệp đính kèm".encode()).decode()
PACKAGE = f'<SendPackage xmlns="{TNS}"><content>{PAYLOAD}</content></SendPackage>'
DOCUMENT = (
    f'<SendDocument xmlns="{TNS}"><edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLBody><edXMLManifest>'
    "<Reference><ContentId>cid:1</ContentId><ContentType>text/plain</ContentType></Reference>"
    "</edXMLManifest></edXMLBody></edXMLEnvelope><AttachmentEncoded><Attachment><ContentId>cid:1"
    f"</ContentId><ContentTransferEncoded>{PAYLOAD}</ContentTransferEncoded></Attachment>"
    "</AttachmentEncoded></edXML></SendDocument>"
)
SERVICE = Service()
#: What random changes seldom write by themselves.
WORDS = (
    b"--=_b", b"--=_b--", b"\r\n", b"\n", b"\r", b"<root@test>", b"cid:part0%40test", b"<", b">",
    b'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:part0@test"/>',
    b"Content-ID: <part0@test>\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=", b"%", b"\x00",
    b"Content-Type: multipart/mixed; boundary=x\r\n", b'href="cid:1"', b"\xff", b"\xc4\x91", b":",
    b"Content-Type: application/xop+xml; charset=utf-16\r\n", "\u00a0".encode(), b"&#0;",
)  # fmt: skip


def valid(payload: str, soap: str, form: str) -> tuple[str, bytes]:
    message = envelope(payload, soap=soap)
    if form == "mtom":
        return multipart.optimised(message)
    return multipart.attached(message, by=form)


edits = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 40),
        st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)),
    ),
    max_size=6,
)


def edited(text: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """The text with some stretches replaced."""
    for place, length, new in changes:
        at = int(place * len(text))
        text = text[:at] + new + text[at + length :]
    return text


@settings(max_examples=400)
@given(
    payload=st.sampled_from([PACKAGE, DOCUMENT]),
    soap=st.sampled_from([SOAP11, SOAP12]),
    form=st.sampled_from(["mtom", "href", "text", "id", "manifest"]),
    body_edits=edits,
    head_edits=edits,
)
@example(PACKAGE, SOAP11, "mtom", [], [])
@example(DOCUMENT, SOAP12, "manifest", [], [])
def test_no_change_of_a_request_brings_anything_but_a_verdict(
    payload: str,
    soap: str,
    form: str,
    body_edits: list[tuple[float, int, bytes]],
    head_edits: list[tuple[float, int, bytes]],
) -> None:
    """Never a defect, never an answer that is no envelope; unchanged requests are accepted."""
    content_type, body = valid(payload, soap, form)
    head = edited(content_type.encode(), head_edits).decode("latin-1")
    reply = SERVICE.post(edited(body, body_edits), head)
    assert reply.root.tag in {f"{{{SOAP11}}}Envelope", f"{{{SOAP12}}}Envelope"}
    if reply.status != 200:
        assert reply.fault["code"] not in {"", "BUG-001"}
    if not body_edits and not head_edits:
        assert reply.status == 200, reply.body
