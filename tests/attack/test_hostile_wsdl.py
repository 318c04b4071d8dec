"""A receiver's WSDL that is small to send and enormous to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bus import errors
from bus.channels.contract import MOST_ELEMENTS, Contract
from bus.channels.soap import open_channel
from bus.config import DeliverySettings
from tests.support import receiver as receivers
from tests.support.parcels import PlainSigner, parcel

WSDL = (Path(__file__).parents[2] / "wsdl" / "receiver-1.wsdl").read_text("utf-8")
SCHEMA = '<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" {head}>'


def groups(levels: int, tns: str = "t:") -> str:
    """Groups each of which names the next one twice."""
    inner = "".join(
        f'<xsd:group name="g{n}"><xsd:sequence><xsd:group ref="{tns}g{n + 1}"/>'
        f'<xsd:group ref="{tns}g{n + 1}"/></xsd:sequence></xsd:group>'
        for n in range(levels)
    )
    last = f'<xsd:group name="g{levels}"><xsd:sequence><xsd:any/></xsd:sequence></xsd:group>'
    return inner + last


def attribute_groups(levels: int) -> str:
    """The same with groups of attributes."""
    ref = '<xsd:attributeGroup ref="t:a{0}"/>'
    inner = "".join(
        f'<xsd:attributeGroup name="a{n}">{ref.format(n + 1) * 2}</xsd:attributeGroup>'
        for n in range(levels)
    )
    return inner + f'<xsd:attributeGroup name="a{levels}"><xsd:anyAttribute/></xsd:attributeGroup>'


def extensions(levels: int) -> str:
    """Types each of which adds an element to the one before: the sum of all is a square."""
    first = '<xsd:complexType name="c0"><xsd:sequence/></xsd:complexType>'
    return first + "".join(
        f'<xsd:complexType name="c{n}"><xsd:complexContent><xsd:extension base="t:c{n - 1}">'
        f'<xsd:sequence><xsd:element name="e{n}"/></xsd:sequence></xsd:extension>'
        f"</xsd:complexContent></xsd:complexType>"
        for n in range(1, levels)
    )


def schema(content: str, head: str = 'targetNamespace="urn:t"') -> bytes:
    """One schema document."""
    return f"{SCHEMA.format(head=head)}{content}</xsd:schema>".encode()


@pytest.mark.parametrize(
    "content", [groups(30), attribute_groups(30), extensions(500)], ids=["groups", "attrs", "types"]
)
def test_definitions_that_multiply_are_refused(content: str) -> None:
    """What is filled in is counted without being filled in."""
    with pytest.raises(errors.PeerUnavailable, match="filled in") as refusal:
        Contract().add(schema(content))
    assert refusal.value.code == "DLV-003"


@pytest.mark.parametrize("turn", [1, -1])
def test_definitions_that_multiply_across_documents_are_refused(turn: int) -> None:
    """Neither parts nor a schema without a namespace of its own hide the multiplication."""
    parts = groups(30, tns="").replace("</xsd:group>", "</xsd:group>|", 40).split("</xsd:group>|")
    whole = [schema(part + "</xsd:group>", head="") for part in parts if part]
    with pytest.raises(errors.PeerUnavailable, match="filled in"):
        add_all(whole[::turn])


def add_all(documents: list[bytes]) -> None:
    """Load documents as parts of one WSDL."""
    contract = Contract()
    for each in documents:
        contract.add(each)


def test_a_definition_by_itself_is_refused() -> None:
    """A group that contains itself has no end."""
    loop = '<xsd:group name="g"><xsd:sequence><xsd:group ref="t:g"/></xsd:sequence></xsd:group>'
    with pytest.raises(errors.PeerUnavailable, match="by itself"):
        Contract().add(schema(loop))


def test_a_wsdl_of_very_many_elements_is_refused() -> None:
    """The number of elements is bounded, too."""
    with pytest.raises(errors.PeerUnavailable, match="elements"):
        Contract().add(schema('<xsd:element name="e"/>' * (MOST_ELEMENTS + 1)))


@pytest.mark.parametrize(
    "make", [lambda: schema(groups(8)), WSDL.encode, lambda: schema(extensions(50))]
)
def test_ordinary_contracts_pass(make: Callable[[], bytes]) -> None:
    """A few levels of groups and base types are usual."""
    Contract().add(make())


def test_a_worker_does_not_hang_on_a_hostile_wsdl() -> None:
    """The push fails with a reason before anything is filled in."""
    bomb = groups(30).replace("t:g", "tns:g")
    wsdl = WSDL.replace("</xsd:schema>", f"{bomb}</xsd:schema>").encode()
    assert bomb.encode() in wsdl
    channel = open_channel(DeliverySettings(timeout_s=5), PlainSigner())
    with receivers.running(wsdl=wsdl) as receiver:
        with pytest.raises(errors.PeerUnavailable, match="filled in") as refusal:
            channel.deliver(parcel(receiver.wsdl_url))
        assert refusal.value.code == "DLV-003"
        assert receiver.requests == []
