"""MTOM and SOAP with Attachments at the edge of the service: what arrives, and what is refused."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy

import pytest
from lxml import etree
from support.multipart import MEDIA, XOP, Piece, include, joined, related
from support.soap_edge import PING, QCVN, SOAP11, SOAP12, TNS, Reply, Service, envelope

from bus.config import LimitSettings
from bus.errors import LimitExceeded

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
FILE = bytes(range(256)) * 9
LINK = "http://www.w3.org/1999/xlink"


def package(inner: str) -> str:
    return f'<SendPackage xmlns="{TNS}"><content>{inner}</content></SendPackage>'


def root(
    payload: str, soap: str = SOAP11, *, cid: str | None = "root", media: str | None = None
) -> Piece:
    text = b'<?xml version="1.0" encoding="UTF-8"?>\n' + envelope(payload, soap=soap)
    label = media or f'application/xop+xml; charset=UTF-8; type="{MEDIA[soap]}"'
    return Piece(text, cid=cid, media=label)


def mtom(
    service: Service, *pieces: Piece, soap: str = SOAP11, content_type: str = "", **env: str
) -> Reply:
    media = content_type or related(start_info=MEDIA[soap])
    return service.post(joined(pieces), media, **env)


def sent(service: Service) -> bytes:
    """The bytes of the one package that the service was given."""
    (asked,) = service.exchange.asked
    content: bytes = asked[2]
    return content


@VERSIONS
def test_an_optimised_package_arrives_as_its_bytes(soap: str) -> None:
    """The part takes the place of the Include; the evidence is the request as it came."""
    service = Service()
    pieces = (root(package(include("a@b")), soap), Piece(FILE, cid="a@b"))
    reply = mtom(service, *pieces, soap=soap)
    assert (reply.status, reply.version) == (200, soap)
    assert sent(service) == FILE
    call = service.exchange.asked[0][1]
    assert call.evidence == joined(pieces)
    assert call.evidence_type == related(start_info=MEDIA[soap])


def test_what_is_judged_is_the_inline_form() -> None:
    """The proof of the caller is sought in the very tree that an inline request gives."""
    optimised, inline = Service(), Service()
    mtom(optimised, root(package(include("a"))), Piece(FILE, cid="a"))
    inline.call(package(base64.b64encode(FILE).decode()))
    one, other = (s.authenticated[0]["envelope"] for s in (optimised, inline))
    assert canonical(one) == canonical(other)


def canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


@pytest.mark.parametrize(
    ("href", "cid"),
    [
        ("cid:a@b", "a@b"),
        ("CID:a@b", "a@b"),
        ("cid:a%40b", "a@b"),
        ("cid:http%3A%2F%2Ftempuri.org%2F1%2F63", "http://tempuri.org/1/63"),
        ("cid:a%20b+c", "a b+c"),
        ("cid:a%40b", "a%40b"),
        ("cid:%C4%91", "đ"),
        ("cid:đ", "đ"),
    ],
)
def test_content_ids_are_found_as_urls_write_them(href: str, cid: str) -> None:
    """Percent-encoded, in any case of the scheme, and as stacks that encode both sides do."""
    service = Service()
    inner = f'<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="{href}"/>'
    reply = mtom(service, root(package(inner)), Piece(FILE, cid=cid))
    assert reply.status == 200, reply.body
    assert sent(service) == FILE


@pytest.mark.parametrize("start", ["<root>", "root", " <root> ", "<%72oot>"])
@pytest.mark.parametrize("first", [True, False])
def test_start_names_the_root_wherever_it_stands(start: str, *, first: bool) -> None:
    """With and without angle brackets, and not first."""
    service = Service()
    pieces = [root(package(include("a"))), Piece(FILE, cid="a")]
    kind = related(start=start, start_info="text/xml")
    reply = mtom(service, *(pieces if first else pieces[::-1]), content_type=kind)
    assert reply.status == 200, reply.body
    assert sent(service) == FILE


def test_without_start_the_first_part_is_the_root() -> None:
    """The root needs no Content-ID then (RFC 2387 section 3.2)."""
    service = Service()
    mtom(service, root(package(include("a")), cid=None), Piece(FILE, cid="a"))
    assert sent(service) == FILE


@pytest.mark.parametrize(
    "content_type",
    [
        'Multipart/Related; Type="application/xop+xml"; Boundary="=_b"; Start-Info="text/xml"',
        'MULTIPART/RELATED;type="application/xop+xml";boundary="=_b";start-info="text/xml"',
        "multipart/related; type=application/xop+xml; boundary==_b; start-info=text/xml",
        'multipart/related; boundary="=_b"',
        'multipart/related; charset=utf-8; type="text/xml"; boundary="=_b"; action="urn:x"',
    ],
)
def test_the_content_type_is_read_as_http_writes_it(content_type: str) -> None:
    """Case, quotes and what is left out do not matter; the root part says what it is."""
    service = Service()
    pieces = (root(package(include("a"))), Piece(FILE, cid="a"))
    action = 'action="urn:x"' in content_type
    reply = mtom(service, *pieces, content_type=content_type)
    if action:
        assert reply.fault["code"] == "SVC-012"
    else:
        assert sent(service) == FILE


def test_an_empty_part_is_empty_content() -> None:
    """An attachment without a byte is told apart from a missing one."""
    service = Service()
    assert mtom(service, root(package(include("a"))), Piece(b"", cid="a")).status == 200
    assert sent(service) == b""


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf-16", "windows-1258"])
def test_the_root_part_names_its_encoding(charset: str) -> None:
    """The charset of the root part outranks its XML declaration, as for a plain body."""
    text = envelope(f'<Ping xmlns="{TNS}"><recipient>é</recipient></Ping>').decode()
    declared = f'<?xml version="1.0" encoding="us-ascii"?>{text}'.encode(charset)
    service = Service()
    piece = Piece(declared, media=f'application/xop+xml; charset={charset}; type="text/xml"')
    assert mtom(service, piece).status == 200
    assert service.exchange.asked[0][2] == "é"


@pytest.mark.parametrize("encoding", ["8bit", "binary", "base64", "quoted-printable"])
def test_the_root_part_may_be_encoded_too(encoding: str) -> None:
    """Old mail-minded stacks encode every part."""
    service = Service()
    plain = root(PING)
    piece = Piece(plain.content, media=plain.media, encoding=encoding)
    assert mtom(service, piece).status == 200


@VERSIONS
@pytest.mark.parametrize("kind", ["application/xop+xml", ""])
def test_a_root_part_without_a_type_is_what_the_whole_says(soap: str, kind: str) -> None:
    """The type parameter names the media type of the root (RFC 2387 section 3.1)."""
    service = Service()
    bare = Piece(root(package(include("a")), soap).content, media=None)
    pieces = (
        (bare, Piece(FILE, cid="a")) if kind else (Piece(envelope(PING, soap=soap), media=None),)
    )
    parameters = {"start_info": MEDIA[soap]} if kind else {}
    reply = mtom(
        service, *pieces, content_type=related(root_type=kind or MEDIA[soap], **parameters)
    )
    assert (reply.status, reply.version) == (200, soap), reply.body


@VERSIONS
def test_the_root_part_alone_may_tell_the_version(soap: str) -> None:
    """A fault for an envelope that cannot be read speaks the version its own label names."""
    for media in (MEDIA[soap], f'application/xop+xml; type="{MEDIA[soap]}"'):
        reply = mtom(
            Service(), Piece(b"<", media=media), content_type='multipart/related; boundary="=_b"'
        )
        assert (reply.version, reply.fault["code"]) == (soap, "XML-001")


def test_white_space_around_an_include_is_kept() -> None:
    """Indented messages are the inline message with the same white space."""
    optimised, inline = Service(), Service()
    mtom(optimised, root(package(f"\n  {include('a')}\t")), Piece(FILE, cid="a"))
    inline.call(package(f"\n  {base64.b64encode(FILE).decode()}\t"))
    one, other = (s.authenticated[0]["envelope"] for s in (optimised, inline))
    assert canonical(one) == canonical(other)
    assert sent(optimised) == FILE


def test_the_http_edge_refuses_in_the_version_of_the_parts() -> None:
    """What is refused before it is read is answered by what the Content-Type tells."""
    for soap in (SOAP11, SOAP12):
        for kind in (related(start_info=MEDIA[soap]), related(root_type=MEDIA[soap])):
            environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind}
            _, _, body = Service().application.refuse(environ, LimitExceeded(code="RCV-001"))
            assert etree.QName(etree.fromstring(body)).namespace == soap


@VERSIONS
def test_a_message_without_binary_values_may_be_wrapped_as_well(soap: str) -> None:
    """JAX-WS with MTOM on wraps every call; the answer is a plain envelope then."""
    reply = mtom(Service(), root(PING, soap), soap=soap)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == f"{MEDIA[soap]}; charset=utf-8"


@pytest.mark.parametrize(
    ("content_type", "media", "action"),
    [
        (related(start_info="application/soap+xml"),
         'application/xop+xml; action="{}"; type="application/soap+xml"', "SOAP12"),
        (related(start_info="application/soap+xml", action="{}"), None, "SOAP12"),
        (related() + '; start-info="application/soap+xml; action=\\"{}\\""', None, "SOAP12"),
        (related(), 'application/xop+xml; type="application/soap+xml; action=\\"{}\\""', "SOAP12"),
        (related(start_info="text/xml"), None, "SOAP11"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("right", [True, False])
def test_the_action_is_read_from_wherever_stacks_put_it(
    content_type: str, media: str | None, action: str, *, right: bool
) -> None:
    """The parameter of the whole, of the root part, of either's inner type, or the header."""
    soap = SOAP12 if action == "SOAP12" else SOAP11
    named = "urn:lienthong:exchange:1/Ping" if right else "urn:lienthong:exchange:1/GetTrace"
    header = {} if soap == SOAP12 else {"HTTP_SOAPACTION": f'"{named}"'}
    piece = root(PING, soap, media=media.replace("{}", named) if media else None)
    reply = mtom(Service(), piece, content_type=content_type.replace("{}", named), **header)
    assert reply.version == soap
    if right:
        assert reply.status == 200, reply.body
    else:
        assert reply.fault["code"] == "SVC-012"


@pytest.mark.parametrize("label", ["", '; type="text/xml"', '; type="application/soap+xml"'])
@VERSIONS
def test_an_optimised_envelope_tells_its_version_itself(soap: str, label: str) -> None:
    """Some stacks label every envelope text/xml, others none: the answer speaks the request's."""
    kind = related(start_info="text/xml") if label else related()
    piece = root(PING, soap, media=f"application/xop+xml{label}")
    assert mtom(Service(), piece, content_type=kind).version == soap
    piece = root("<Nothing/>", soap, media=f"application/xop+xml{label}")
    reply = mtom(Service(), piece, content_type=kind)
    assert (reply.version, reply.fault["code"]) == (soap, "SVC-004")


@pytest.mark.parametrize(("label", "other"), [(SOAP11, SOAP12), (SOAP12, SOAP11)])
def test_an_attached_envelope_keeps_to_its_media_type(label: str, other: str) -> None:
    """Without XOP the root part is labelled as a plain request is, and judged as one."""
    piece = root(PING, other, media=MEDIA[label])
    reply = Service().post(joined([piece]), related(root_type=MEDIA[label]))
    assert (reply.version, reply.fault["code"]) == (label, "SVC-002")


REFUSED = {
    "cid-without-part": ([root(package(include("gone"))), Piece(FILE, cid="a")], {}, "MIM-003"),
    "no-root": ([root(PING), Piece(FILE, cid="a")], {"start": "<gone>"}, "MIM-002"),
    "no-parts": ([], {}, "MIM-002"),
    "twins": (
        [root(package(include("a"))), Piece(FILE, cid="a"), Piece(b"other", cid="a")], {}, "MIM-004",
    ),
    "twin-of-the-root": ([root(PING), Piece(FILE, cid="root")], {"start": "root"}, "MIM-004"),
    "second-root": ([root(PING), Piece(FILE, cid="root")], {}, "MIM-004"),
    "unused": ([root(PING), Piece(FILE, cid="a")], {}, "MIM-005"),
    "unnamed": ([root(PING), Piece(FILE)], {}, "MIM-005"),
    "to-the-root": ([root(package(include("root")))], {}, "MIM-003"),
    "no-cid": ([root(package(f'<xop:Include {XOP} href="http://h/a"/>'))], {}, "MIM-003"),
    "no-href": ([root(package(f"<xop:Include {XOP}/>"))], {}, "MIM-003"),
    "not-alone": (
        [root(package(include("a") + include("a"))), Piece(FILE, cid="a")], {}, "SVC-006",
    ),
    "with-a-sibling": (
        [root(package(include("a") + "<x/>")), Piece(FILE, cid="a")], {}, "SVC-006",
    ),
    "with-text": ([root(package("QUJD" + include("a"))), Piece(FILE, cid="a")], {}, "SVC-006"),
    "with-blank-of-its-own": (
        [root(package("\u00a0" + include("a"))), Piece(FILE, cid="a")], {}, "SVC-006",
    ),
    "nested-include": (
        [root(package(include("a").replace("/>", f">{include('a')}</xop:Include>"))),
         Piece(FILE, cid="a")], {}, "SVC-006",
    ),
    "wrong-encoding": (
        [root(package(include("a"))), Piece(FILE, cid="a", encoding="uuencode")], {}, "MIM-001",
    ),
    "nested": (
        [root(package(include("a"))), Piece(joined([Piece(b"")], boundary="c"), cid="a",
               media="multipart/mixed; boundary=c")], {}, "MIM-001",
    ),
    "root-is-json": ([Piece(b"{}", media="application/json")], {}, "SVC-008"),
    "root-is-no-xml": ([Piece(b"{}", media="application/xop+xml")], {}, "XML-001"),
    "root-is-empty": ([root(PING), Piece(b"", cid="e", media="text/xml")], {"start": "e"}, "XML-001"),
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize(("pieces", "parameters", "code"), REFUSED.values(), ids=REFUSED)
def test_each_misuse_gets_its_fault(
    pieces: list[Piece], parameters: dict[str, str], code: str, soap: str
) -> None:
    """In the version of the request, as a plain envelope, and no operation is run."""
    service = Service()
    for_version = [
        Piece(
            p.content.replace(SOAP11.encode(), soap.encode()),
            cid=p.cid,
            media=(p.media or "").replace("text/xml", MEDIA[soap]),
            encoding=p.encoding,
        )
        for p in pieces
    ]
    kind = related(start_info=MEDIA[soap], **parameters)
    reply = mtom(service, *for_version, content_type=kind)
    assert not service.exchange.asked
    assert reply.fault["code"] == code
    assert reply.version == soap
    expected = 415 if code == "SVC-008" else (500 if soap == SOAP11 else 400)
    assert reply.status == expected
    assert reply.headers["Content-Type"] == f"{MEDIA[soap]}; charset=utf-8"
    if code == "MIM-003":
        assert reply.fault["path"].startswith("/Envelope/Body/SendPackage/content")


def test_a_multipart_type_that_cannot_be_one_is_no_media_type_of_ours() -> None:
    """Without a boundary, or of another kind, there is nothing to take apart."""
    for kind in ("multipart/related", 'multipart/mixed; boundary="=_b"', "multipart/form-data"):
        reply = Service().post(joined([root(PING)]), kind)
        assert (reply.status, reply.fault["code"]) == (415, "SVC-008")


def test_parts_may_not_make_a_message_larger_than_one_sent_inline() -> None:
    """The limit holds for the message put together, however often it names one part."""
    limits = LimitSettings(body_bytes=5_000, part_bytes=3_000)
    fits, grows = Piece(b"x" * 2_000, cid="a"), Piece(b"x" * 3_001, cid="a")
    one = root(package(include("a")))
    service = Service(limits=limits)
    assert mtom(service, one, fits).status == 200
    assert mtom(service, one, grows).fault["message"].endswith("limits.part_bytes = 3000.")
    twice = f'<SendPackage xmlns="{TNS}"><content>{include("a")}</content>'
    twice += f"<dialect>{include('a')}</dialect></SendPackage>"
    fault = mtom(service, root(twice), fits).fault
    assert (fault["code"], "limits.body_bytes" in fault["message"]) == ("RCV-001", True)


# Replies


def unpacked(reply: Reply) -> tuple[etree._Element, dict[str, bytes]]:
    """A multipart reply as an independent reader takes it apart: the root and the parts."""
    head = f"Content-Type: {reply.headers['Content-Type']}\r\n\r\n".encode()
    whole = message_from_bytes(head + reply.body, policy=policy.HTTP)
    parts = {str(part["Content-ID"]): part.get_payload(decode=True) for part in whole.walk()}
    start = whole["Content-Type"].params["start"]
    return etree.fromstring(parts[start]), {
        k: v for k, v in parts.items() if k not in {start, "None"}
    }


GET = f'<GetMessage xmlns="{TNS}"><messageId>m-1</messageId></GetMessage>'


@VERSIONS
@pytest.mark.parametrize("content", [FILE, b"", b"\r\n--", b"\r\n--part-"])
def test_a_fetched_message_goes_out_as_it_was_asked_for(soap: str, content: bytes) -> None:
    """MTOM is answered by MTOM: the content is a part, byte for byte."""
    service = Service()
    service.exchange.content = content
    reply = mtom(service, root(GET, soap), soap=soap)
    assert reply.status == 200
    assert reply.headers["MIME-Version"] == "1.0"
    tree, parts = unpacked(reply)
    assert etree.QName(tree).namespace == soap
    (found,) = tree.iter("{http://www.w3.org/2004/08/xop/include}Include")
    assert parts == {f"<{found.get('href').removeprefix('cid:')}>": content}
    assert etree.QName(found.getparent()).localname == "content"
    assert f'type="{MEDIA[soap]}"' in reply.body.decode("latin-1").split("\r\n\r\n")[0]


@VERSIONS
@pytest.mark.parametrize(
    ("accept", "optimised"),
    [
        ("application/xop+xml", True),
        ('text/xml, multipart/related; type="application/xop+xml"', True),
        ("Application/XOP+XML;q=0.5, */*", True),
        ("application/xop+xml; q=0, text/xml", False),
        ("text/xml, multipart/related", False),
        ("text/xml, multipart/related, text/html, image/gif, *; q=.2, */*; q=.2", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_a_plain_request_is_answered_plainly_unless_xop_is_asked_for(
    soap: str, accept: str, *, optimised: bool
) -> None:
    """Only Accept that names XOP asks for it: JAX-WS names multipart/related on every call."""
    reply = Service().call(GET, soap=soap, HTTP_ACCEPT=accept)
    assert reply.headers["Content-Type"].startswith("multipart/related") == optimised
    if not optimised:
        assert reply.payload.findtext(f"{{{TNS}}}content")


# SOAP with Attachments


def edxml(references: str = "", attachments: str = "") -> str:
    manifest = f"<e:edXMLManifest>{references}</e:edXMLManifest>"
    return (
        f'<SendDocument xmlns="{TNS}"><edXML xmlns="{QCVN}"><e:edXMLEnvelope xmlns:e="{QCVN}">'
        f"<e:edXMLBody>{manifest}</e:edXMLBody></e:edXMLEnvelope>{attachments}</edXML></SendDocument>"
    )


def reference(cid: str, more: str = "") -> str:
    return (
        f"<e:Reference><e:ContentId>{cid}</e:ContentId><e:ContentType>text/plain</e:ContentType>"
        f"{more}<e:AttachmentName>đính kèm.txt</e:AttachmentName></e:Reference>"
    )


def attachment(cid: str, payload: str) -> str:
    return (
        f"<AttachmentEncoded><Attachment><ContentId>{cid}</ContentId><AttachmentName>đính kèm.txt"
        f"</AttachmentName><ContentType>text/plain</ContentType>{payload}</Attachment>"
        "</AttachmentEncoded>"
    )


def swa(service: Service, payload: str, *pieces: Piece, soap: str = SOAP11) -> Reply:
    start = root(payload, soap, media=f"{MEDIA[soap]}; charset=utf-8")
    return service.post(joined([start, *pieces]), related(root_type=MEDIA[soap], start="<root>"))


PAYLOAD = f'<p:ContentTransferEncoded xmlns:p="{QCVN}"'
ENCODED = base64.b64encode(FILE).decode()
INLINE = edxml(
    reference("cid:1"), attachment("cid:1", f"{PAYLOAD}>{ENCODED}</p:ContentTransferEncoded>")
)


@VERSIONS
@pytest.mark.parametrize("encoding", ["base64", "binary"])
@pytest.mark.parametrize(
    "written",
    [
        attachment("cid:1", f'{PAYLOAD} href="cid:1"/>'),
        attachment("cid:1", f"{PAYLOAD}>cid:1</p:ContentTransferEncoded>"),
        attachment("cid:1", f"{PAYLOAD}/>"),
        attachment("cid:1", f"{PAYLOAD}> \n </p:ContentTransferEncoded>"),
        attachment("cid:1", ""),
        "",
    ],
    ids=["href", "text", "empty", "blank", "absent", "manifest-only"],
)
def test_a_document_with_attached_files_is_the_one_with_files_inline(
    written: str, encoding: str, soap: str
) -> None:
    """By href, by text, by ContentId or by the manifest alone: the service sees one document."""
    attached, inline = Service(), Service()
    part = Piece(FILE, cid="1", media="text/plain", encoding=encoding)
    reply = swa(attached, edxml(reference("cid:1"), written), part, soap=soap)
    assert reply.status == 200, reply.body
    inline.call(INLINE.replace("xmlns:p", "xmlns:edXML").replace("p:Content", "edXML:Content"))
    expected, got = sent(inline), sent(attached)
    assert (
        got.replace(b"<p:", b"<edXML:").replace(b"</p:", b"</edXML:").replace(b":p=", b":edXML=")
        == expected
    )


@VERSIONS
@pytest.mark.parametrize("content", ['<content href="cid:a"/>', "<content>cid:a</content>"])
def test_a_package_may_be_attached(content: str, soap: str) -> None:
    """SendPackage and CheckDocument take their bytes from a part as well."""
    service = Service()
    payload = f'<SendPackage xmlns="{TNS}">{content}</SendPackage>'
    assert swa(service, payload, Piece(FILE, cid="a"), soap=soap).status == 200
    assert sent(service) == FILE


@pytest.mark.parametrize(
    ("payload", "code", "path"),
    [
        (f'<SendPackage xmlns="{TNS}"><content href="cid:gone"/></SendPackage>', "MIM-003",
         "/Envelope/Body/SendPackage/content"),
        (f'<SendPackage xmlns="{TNS}"><content href="cid:a">QUJD</content></SendPackage>', "SVC-006",
         "/Envelope/Body/SendPackage/content"),
        (edxml(f'<e:Reference xmlns:x="{LINK}" x:href="cid:gone"/>'), "MIM-003",
         "/Envelope/Body/SendDocument/edXML/edXMLEnvelope/edXMLBody/edXMLManifest/Reference"),
        (edxml('<e:Reference href="cid:gone"/>'), "MIM-003",
         "/Envelope/Body/SendDocument/edXML/edXMLEnvelope/edXMLBody/edXMLManifest/Reference"),
        (INLINE, "MIM-005", ""),
        (edxml(reference("cid:2")), "MIM-005", ""),
    ],
)  # fmt: skip
def test_attachments_that_do_not_fit_are_refused(payload: str, code: str, path: str) -> None:
    """A reference without a part, a part without a reference, and two answers to one question."""
    service = Service()
    fault = swa(service, payload, Piece(FILE, cid="a")).fault
    assert (fault["code"], fault.get("path", "")) == (code, path)
    assert not service.exchange.asked


def test_a_file_that_stands_inline_is_never_replaced() -> None:
    """A part of the same Content-ID beside content is refused, not preferred."""
    service = Service()
    reply = swa(service, INLINE, Piece(b"other", cid="1"))
    assert reply.fault["code"] == "MIM-005"


def test_a_part_tells_its_type_where_the_manifest_does_not() -> None:
    """One Attachment is written for a file, however often the manifest names it."""
    service = Service()
    bare = "<e:Reference><e:ContentId>cid:1</e:ContentId></e:Reference>"
    assert swa(service, edxml(bare + bare), Piece(FILE, cid="1", media="image/png")).status == 200
    (written,) = etree.fromstring(sent(service)).iter(f"{{{QCVN}}}Attachment")
    assert {etree.QName(one).localname: one.text for one in written} == {
        "ContentId": "cid:1", "ContentType": "image/png", "ContentTransferEncoded": ENCODED,
    }  # fmt: skip
