"""Canonical forms built to cost minutes: what libxml2 would look up is counted before it does."""

from __future__ import annotations

import pytest
from lxml import etree

from bus.config import LimitSettings
from bus.edxml import limits
from bus.errors import SignatureRejected
from bus.trust import form, names

ENTRY = (
    f'<ds:Reference URI="#a"><ds:Transforms><ds:Transform Algorithm="{names.EXCLUSIVE}"/>'
    f'</ds:Transforms><ds:DigestMethod Algorithm="{next(iter(names.DIGESTS))}"/>'
    "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>"
)


def parsed(xml: str) -> etree._Element:
    """What passes the limits of the bus."""
    limits.check(xml.encode(), LimitSettings())
    return etree.fromstring(xml)


def declaring(depth: int, each: int, inner: str) -> str:
    """Elements in elements, each with namespaces of its own."""
    for level in range(depth):
        declared = "".join(f' xmlns:n{level}x{n}="urn:{n}"' for n in range(each))
        inner = f"<a{declared}>{inner}</a>"
    return inner


def signature(method: str, *, inside: str = "") -> str:
    """A signature that proves nothing, with 16 references."""
    return (
        f'<ds:Signature xmlns:ds="{names.DS}"><ds:SignedInfo>{method}'
        f'<ds:SignatureMethod Algorithm="none"/>{inside}{ENTRY * 16}</ds:SignedInfo>'
        "<ds:SignatureValue>AAAA</ds:SignatureValue><ds:KeyInfo/></ds:Signature>"
    )


def method(algorithm: str, prefixes: str = "") -> str:
    """A CanonicalizationMethod, with a PrefixList where one is given."""
    listed = f'<e:InclusiveNamespaces xmlns:e="{names.EXCLUSIVE}" PrefixList="{prefixes}"/>'
    inside = listed if prefixes else ""
    return (
        f'<ds:CanonicalizationMethod Algorithm="{algorithm}">{inside}</ds:CanonicalizationMethod>'
    )


@pytest.mark.parametrize(
    "xml",
    [
        declaring(90, 63, signature(method(names.INCLUSIVE_10))),
        signature(method(names.INCLUSIVE_10), inside=declaring(90, 63, "")),
        declaring(90, 63, signature(method(names.EXCLUSIVE, "ds"))),
        signature(method(names.EXCLUSIVE, " ".join(f"p{n}" for n in range(100_000)))),
    ],
    ids=["namespaces around", "namespaces inside", "prefix searched far", "long list"],
)
def test_a_signed_info_that_costs_seconds_is_refused_unread(xml: str) -> None:
    """Anybody can send one: it is canonicalised before its value is checked."""
    with pytest.raises(SignatureRejected) as refusal:
        form.read(next(parsed(xml).iter(names.SIGNATURE)))
    assert refusal.value.code == "SIG-008"


def test_a_prefix_named_again_and_again_is_searched_once() -> None:
    """A list of megabytes that repeats a few names costs what those cost."""
    xml = signature(method(names.EXCLUSIVE, " ".join(["ds", "e"] * 100_000)))
    element = form._elements(next(parsed(xml).iter(names.SIGNATURE))[0])[0]
    assert form._prefixes(element) == ("ds", "e")


@pytest.mark.parametrize(
    ("exclusive", "prefixes"), [(False, None), (True, tuple(f"n0x{n}" for n in range(30)))]
)
def test_a_signed_document_that_costs_minutes_is_refused(
    exclusive: bool, prefixes: tuple[str, ...] | None
) -> None:
    """A registered agency can sign whatever it likes; 21 KB took seconds, 200 KB an hour."""
    with pytest.raises(SignatureRejected) as refusal:
        form.canonical(
            parsed(declaring(90, 63, "<b/>" * 2000)), exclusive=exclusive, prefixes=prefixes
        )
    assert refusal.value.code == "SIG-008"


def test_namespaces_as_stacks_declare_them_are_taken() -> None:
    """Twenty namespaces over tens of thousands of elements are no attack in any form."""
    root = parsed(declaring(4, 5, "<b/>" * 90_000))
    for exclusive, prefixes in ((False, None), (True, ("n0x1", "n1x1")), (True, None)):
        assert form.canonical(root, exclusive=exclusive, prefixes=prefixes)
