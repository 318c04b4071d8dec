"""Requests filled in as bytes are what zeep would have sent, and their signatures hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bus.channels import stencil
from bus.channels.sealed import KEPT_BYTES, SealedRequests
from bus.config import TrustSettings
from bus.trust import keys, names, parser, wssecurity
from tests.support import pki

NOW = pki.NOW
SAMPLE: list[object] = ["m-1", 4, b"<edXML/>", "Về việc kiểm tra"]
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def make(values: Sequence[object], *, soap: str = names.SOAP11, **attributes: str) -> Any:
    """A call with four arguments, in another order than they are given in."""
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"e": soap, "unused": "urn:unused"})
    body = etree.SubElement(envelope, f"{{{soap}}}Body")
    call = etree.SubElement(body, "{urn:x}Call", nsmap={None: "urn:x"})
    for which in (2, 0, 3, 1):
        field = etree.SubElement(call, f"{{urn:x}}a{which}", attributes)
        value = values[which]
        field.text = stencil._written(value).decode() if isinstance(value, bytes) else str(value)
    return envelope


def cut() -> stencil.Stencil:
    found = stencil.cut(make, SAMPLE)
    assert found is not None
    return found


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("&<>\"'\n\t"))


@given(TEXT, st.integers(-9, 9), st.binary(max_size=80), TEXT)
def test_it_says_what_the_tree_says(first: str, number: int, content: bytes, last: str) -> None:
    """Whatever the values: parsed again, the request is the tree that the maker builds of them."""
    made, values = cut(), [first, number, content, last]
    try:
        body = made.body(values)
        tree = make(values)
    except (stencil.NotPlain, ValueError):
        with pytest.raises(stencil.NotPlain):
            made.body(values)
        return
    sent = etree.fromstring(made.envelope(body))
    texts = [each.text or "" for each in sent.iter() if len(each) == 0][-4:]
    wanted = [each.text or "" for each in tree.iter() if len(each) == 0][-4:]
    assert texts == wanted
    canonical = etree.tostring(sent.find(f"{{{names.SOAP11}}}Body"), method="c14n", exclusive=True)
    assert canonical == body


@pytest.mark.parametrize("soap", [names.SOAP11, names.SOAP12])
def test_its_signature_holds_and_a_changed_byte_breaks_it(soap: str) -> None:
    """The header made for the Body's bytes proves Body and Timestamp of the whole request."""
    own = pki.pairs()[0][pki.SENDER]
    made = stencil.cut(lambda values: make(values, soap=soap), SAMPLE)
    assert made is not None
    body = made.body(["m-&2", 0, b"\x00\xff" * 500, "Hỏa tốc < 1 giờ"])
    header = wssecurity.security_header(
        wssecurity.SignedBody(body, made.body_id, made.soap), own, NOW
    )
    request = made.envelope(body, header)
    known = keys.pinned(own.certificate_der, pki.SENDER, NOW)

    def verdict(xml: bytes) -> Any:
        return wssecurity.verify_envelope(parser.read(xml), known, NOW, TrustSettings())

    assert (verdict(request).intact, verdict(request).cause) == (True, None)
    changed = request.replace("Hỏa".encode(), "Hoả".encode())
    assert (verdict(changed).intact, verdict(changed).cause) == (False, "SIG-002")


def test_equal_contracts_give_equal_stencils() -> None:
    """So a request made for one receiver serves the next."""
    assert cut() == cut()
    assert hash(cut()) == hash(cut())


@pytest.mark.parametrize(
    "maker",
    [
        lambda values: make(values, **{f"{{{XSI}}}type": "xsd:string"}),
        lambda values: make([values[0], "fixed", *values[2:]]),
        lambda values: make([values[0], values[0], *values[2:]]),
        lambda values: make([str(values[0]).upper(), *values[1:]]),
        lambda values: make([str(values[0])[:9], *values[1:]]),
    ],
)
def test_what_cannot_be_spliced_is_left_to_zeep(maker: Any) -> None:
    """A type attribute, a value left out, doubled or rewritten: there is no stencil."""
    assert stencil.cut(maker, SAMPLE) is None


@pytest.mark.parametrize("value", [None, True, 1.5, "\x00", "\ud800"])
def test_a_value_without_plain_form_is_left_to_zeep(value: object) -> None:
    """What XML cannot say, or says in more than one way, is refused here."""
    with pytest.raises(stencil.NotPlain):
        cut().body([value, *SAMPLE[1:]])
    assert stencil.cut(make, [value, *SAMPLE[1:]]) is None


def test_a_request_is_shared_between_addresses_and_never_repeated() -> None:
    """One address gets one signature once, and only for the very content it was made of."""
    sealed = SealedRequests()
    sealed.keep("k", b"content", b"request", "http://a/")
    assert sealed.take("k", b"content", "http://a/") is None
    assert sealed.take("k", b"other", "http://b/") is None
    assert sealed.take("k", b"content", "http://b/") == b"request"
    assert sealed.take("k", b"content", "http://b/") is None
    assert sealed.take("other", b"content", "http://c/") is None


def test_an_old_request_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Timestamp would be stale on arrival."""
    monkeypatch.setattr("bus.channels.sealed.SHARED_S", -1.0)
    sealed = SealedRequests()
    sealed.keep("k", b"content", b"request", "http://a/")
    assert sealed.take("k", b"content", "http://b/") is None


def test_kept_requests_stay_within_their_room() -> None:
    """The oldest go first, and one that is too large alone is not kept."""
    sealed = SealedRequests()
    third = b"x" * (KEPT_BYTES // 3)
    for key in "abcd":
        sealed.keep(key, b"", third, "http://a/")
    assert sealed.take("a", b"", "http://b/") is None
    assert sealed.take("d", b"", "http://b/") == third
    sealed.keep("e", b"", b"x" * (KEPT_BYTES + 1), "http://a/")
    assert sealed.take("e", b"", "http://b/") is None
