"""However a document travels (inline, MTOM, SOAP with Attachments), the bus says the same of it."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from support import multipart
from support.multipart import Layout
from support.outside import QCVN, numbered
from support.running_bus import RunningBus
from support.soap_edge import SOAP11, SOAP12, SOAP_XML, TEXT_XML, TNS, envelope

from bus.model import Attachment
from bus.trust import wssecurity, xmldsig

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
PAYLOAD = f"{{{QCVN}}}ContentTransferEncoded"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
#: Base64 values of a WS-Security header.
PROOFS = (f"{{{WSSE}}}BinarySecurityToken", f"{{{DS}}}DigestValue", f"{{{DS}}}SignatureValue")
_numbers = itertools.count(1)

Form = Callable[[bytes], tuple[str, bytes]]
FORMS: dict[str, Form] = {
    "mtom": multipart.optimised,
    "swa-href": multipart.attached,
    "swa-text": lambda message: multipart.attached(message, by="text"),
    "swa-id": lambda message: multipart.attached(message, by="id"),
    "swa-manifest": lambda message: multipart.attached(message, by="manifest"),
}


@dataclass(frozen=True)
class Verdict:
    """What the bus said: a receipt as it stands in the reply, or all of a fault but its number."""

    status: int
    receipt: bytes = field(repr=False)
    fault: tuple[str, ...] = ()
    body: str = field(default="", compare=False)

    @property
    def code(self) -> str:
        """The code of the fault; "" for a receipt."""
        return next((text.partition("=")[2] for text in self.fault if "}code=" in text), "")


def verdict(bus: RunningBus, content_type: str, body: bytes) -> Verdict:
    sent = requests.post(bus.url, data=body, headers={"Content-Type": content_type}, timeout=60)
    root = etree.fromstring(sent.content)
    told = root.find(f".//{{{TNS}}}ExchangeFault")
    receipt = re.search(rb"<Receipt .*</Receipt>", sent.content, re.DOTALL)
    texts = () if told is None else tuple(
        f"{one.tag}={one.text}" for one in told.iter(etree.Element)
        if etree.QName(one).localname != "correlationId"
    )  # fmt: skip
    return Verdict(sent.status_code, receipt[0] if receipt else b"", texts, sent.text[:3000])


def inline(message: bytes) -> tuple[str, bytes]:
    return (TEXT_XML if SOAP11.encode() in message[:300] else SOAP_XML), message


def document(bus: RunningBus, sender: str = "STRICT", files: int = 2) -> bytes:
    """A fresh signed letter with some files."""
    letter = numbered(bus.letter(sender, "H57"), next(_numbers))
    extra = tuple(
        Attachment(content=f"tệp số {n}\n".encode() * 50 * n, content_id=f"t{n}",
                   name=f"tệp {n}.txt", content_type="text/plain")
        for n in range(1, files)
    )  # fmt: skip
    return bus.signed(replace(letter, attachments=letter.attachments[:1] + extra))


def message(bus: RunningBus, xml: bytes, soap: str, sender: str = "STRICT") -> etree._Element:
    """SendDocument around a document, signed by its sender in the inline form."""
    text = etree.tostring(etree.fromstring(xml), encoding="unicode")
    root = etree.fromstring(
        envelope(f'<x:SendDocument xmlns:x="{TNS}">{text}</x:SendDocument>', soap=soap)
    )
    return etree.fromstring(wssecurity.sign_envelope(root, bus.own[sender], datetime.now(UTC)))


def written(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def tampered(xml: bytes) -> bytes:
    """The document with one file changed after signing."""
    root = etree.fromstring(xml)
    change_a_file(root)
    return etree.tostring(root)


def change_a_file(root: etree._Element) -> None:
    next(root.iter(PAYLOAD)).text = base64.b64encode(b"another file").decode()


def unsigned(xml: bytes) -> bytes:
    """The document without its own signature."""
    root = etree.fromstring(xml)
    for one in list(root.iter("{http://www.w3.org/2000/09/xmldsig#}Signature")):
        one.getparent().remove(one)
    return etree.tostring(root)


def resigned(bus: RunningBus, xml: bytes, change: Callable[[etree._Element], None]) -> bytes:
    """The document changed and signed anew."""
    root = etree.fromstring(unsigned(xml))
    change(root)
    return xmldsig.sign_document(etree.tostring(root), bus.own["STRICT"])


def without_subject(root: etree._Element) -> None:
    subject = next(root.iter(f"{{{QCVN}}}Subject"))
    subject.getparent().remove(subject)


def with_elements_in_a_leaf(root: etree._Element) -> None:
    etree.SubElement(next(root.iter(f"{{{QCVN}}}Subject")), f"{{{QCVN}}}Part").text = "?"


def with_an_empty_file(root: etree._Element) -> None:
    next(root.iter(PAYLOAD)).text = None


CASES: dict[str, tuple[Callable[[RunningBus, bytes], bytes], str]] = {
    "signed": (lambda _, xml: xml, ""),
    "empty": (lambda bus, xml: resigned(bus, xml, with_an_empty_file), ""),
    "tampered": (lambda _, xml: tampered(xml), "SIG-002"),
    "unsigned": (lambda _, xml: unsigned(xml), "SIG-001"),
    "rules": (lambda bus, xml: resigned(bus, xml, without_subject), "DOC-001"),
    "schema": (lambda bus, xml: resigned(bus, xml, with_elements_in_a_leaf), "DOC-001"),
}


def all_said(bus: RunningBus, root: etree._Element, first: str) -> Verdict:
    """The one verdict on a message in every form; fails when there are several."""
    ways = {"inline": inline, **FORMS}
    order = [first, *(name for name in ways if name != first)]
    said = {name: verdict(bus, *ways[name](written(root))) for name in order}
    assert len(set(said.values())) == 1, said
    assert bool(said[first].receipt) == (said[first].status == 200)
    return said[first]


@VERSIONS
@pytest.mark.parametrize("first", ["inline", *FORMS])
@pytest.mark.parametrize(("change", "code"), CASES.values(), ids=CASES)
def test_schema_rules_and_signature_say_the_same(
    bus: RunningBus,
    change: Callable[[RunningBus, bytes], bytes],
    code: str,
    first: str,
    soap: str,
) -> None:
    """Whichever form comes first, all others get its receipt byte for byte, or the same fault."""
    told = all_said(bus, message(bus, change(bus, document(bus)), soap), first)
    assert told.code == code


@VERSIONS
def test_a_soap_signature_covers_the_files_in_every_form(bus: RunningBus, soap: str) -> None:
    """A file changed after the envelope was signed breaks that signature, inline or not."""
    root = message(bus, unsigned(document(bus, "G09")), soap, "G09")
    assert all_said(bus, root, "mtom").code == ""
    change_a_file(root)
    assert all_said(bus, root, "mtom").code == "SIG-002"


@VERSIONS
@pytest.mark.parametrize("sound", [True, False])
def test_the_values_of_a_signature_may_be_parts_as_well(
    bus: RunningBus, soap: str, *, sound: bool
) -> None:
    """Some stacks take token, digests and signature values out of the envelope, too."""
    root = message(bus, unsigned(document(bus, "G09")), soap, "G09")
    if not sound:
        change_a_file(root)
    names = (*multipart.BINARY, *PROOFS)
    content_type, body = multipart.optimised(written(root), names=names)
    assert body.count(b"Include ") >= len(PROOFS)
    told = verdict(bus, content_type, body)
    assert told == verdict(bus, *inline(written(root)))
    assert told.code == ("" if sound else "SIG-002")


@VERSIONS
@pytest.mark.parametrize("form", ["mtom", "swa-href", "swa-text"])
def test_packages_and_checks_say_the_same(bus: RunningBus, form: str, soap: str) -> None:
    """SendPackage gives the same receipt, CheckDocument the same report, from bytes in a part."""
    package = document(bus)
    for operation in ("CheckDocument", "SendPackage"):
        content = base64.b64encode(package).decode()
        payload = f'<{operation} xmlns="{TNS}"><content>{content}</content></{operation}>'
        plain = etree.fromstring(envelope(payload, soap=soap))
        signed = wssecurity.sign_envelope(plain, bus.own["STRICT"], datetime.now(UTC))
        one, other = (verdict(bus, *way(signed)) for way in (inline, FORMS[form]))
        assert one == other
        assert one.status == 200, one.body


layouts = st.builds(
    Layout,
    boundary=st.from_regex(r"=_[0-9a-zA-Z'()+_,./:=? -]{0,60}[0-9a-z]", fullmatch=True),
    eol=st.sampled_from([b"\r\n", b"\n"]),
    preamble=st.sampled_from([b"", b"This is a multi-part message."]),
    epilogue=st.sampled_from([b"", b"bye", b"\r\n"]),
    encoding=st.sampled_from([None, "binary", "8bit", "base64", "quoted-printable", "Base64"]),
    root_encoding=st.sampled_from([None, "8bit", "base64", "quoted-printable"]),
    root_at=st.integers(0, 3),
    start=st.sampled_from([None, "<root@test>", "root@test"]),
    prefix=st.sampled_from(["part", "a b%", "http://tempuri.org/1/", "đính-kèm-", "SOAP-ENV:x<"]),
    declaration=st.booleans(),
)


@settings(max_examples=60)
@given(
    layout=layouts,
    files=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    form=st.sampled_from(["mtom", "href", "text", "id", "manifest"]),
    soap=st.sampled_from([SOAP11, SOAP12]),
    sound=st.booleans(),
)
def test_no_layout_of_the_parts_changes_the_verdict(
    bus: RunningBus, layout: Layout, files: list[bytes], form: str, soap: str, *, sound: bool
) -> None:
    """Any order, boundary, encoding and naming of parts: the receipt or the fault of the inline form."""
    letter = numbered(bus.letter("STRICT", "H57"), next(_numbers))
    attachments = tuple(
        Attachment(content=content, content_id=f"t{n}", name=f"{n}.bin", content_type="text/plain")
        for n, content in enumerate(files)
    )
    xml = bus.signed(replace(letter, attachments=attachments))
    root = message(bus, xml if sound else tampered(xml), soap)
    way = multipart.optimised if form == "mtom" else multipart.attached
    how = {} if form == "mtom" else {"by": form}
    content_type, body = way(written(root), layout, **how)
    got, expected = verdict(bus, content_type, body), verdict(bus, *inline(written(root)))
    assert got == expected
    assert got.code == ("" if sound else "SIG-002"), got.body


@pytest.mark.parametrize("form", FORMS)
def test_the_request_is_kept_as_it_came(bus: RunningBus, form: str) -> None:
    """The evidence is the multipart body with its content type; the message is the inline document."""
    xml = document(bus)
    content_type, body = FORMS[form](written(message(bus, xml, SOAP11)))
    told = verdict(bus, content_type, body)
    message_id = etree.fromstring(told.receipt).findtext(f"{{{TNS}}}messageId")
    store = bus.app.database.store
    assert store.evidence(message_id) == (body, content_type)
    kept = etree.fromstring(store.body(message_id))
    assert canonical(kept) == canonical(etree.fromstring(xml))


def canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)
