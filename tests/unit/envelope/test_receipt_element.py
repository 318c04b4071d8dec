"""Receipts and delivery reports as XML."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bus.envelope.notice import DeliveryReport, notice_xml, read_notice
from bus.envelope.receipt import read_receipt, receipt_xml
from bus.errors import BusError, NotWellFormed, ProtocolRejected
from bus.model import DeliveryState, Receipt, RecipientState

WORDS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), max_size=30).map(
    lambda text: text.replace("\ufffe", "").replace("\uffff", "")
)
AT = datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC)
RECIPIENTS = st.builds(
    RecipientState,
    recipient=WORDS,
    state=st.sampled_from(DeliveryState),
    reason=WORDS,
    already=st.booleans(),
)
RECEIPTS = st.builds(
    Receipt,
    message_id=WORDS,
    digest=WORDS,
    topic=WORDS,
    routes_version=st.integers(0, 2**62),
    accepted_at=st.just(AT),
    recipients=st.lists(RECIPIENTS, max_size=4).map(tuple),
    warnings=st.lists(WORDS, max_size=3).map(tuple),
    xml=st.just(b""),
)


def sample() -> Receipt:
    return Receipt(
        message_id="m",
        digest="d",
        topic="t",
        routes_version=1,
        accepted_at=AT,
        recipients=(RecipientState(recipient="G22", state=DeliveryState.PARKED, reason="RTE-001"),),
    )


@given(RECEIPTS)
def test_a_receipt_reads_back_as_it_was_written(receipt: Receipt) -> None:
    """Every field of a receipt survives, whatever text it holds."""
    xml = receipt_xml(receipt)
    read = read_receipt(xml)
    assert read.xml == xml
    assert receipt_xml(read) == xml
    assert (read.recipients, read.warnings) == (receipt.recipients, receipt.warnings)
    assert (read.message_id, read.digest, read.topic) == (
        receipt.message_id,
        receipt.digest,
        receipt.topic,
    )


def test_a_receipt_has_no_declaration_and_its_namespace_as_default() -> None:
    """The element can be put into any envelope as it stands."""
    assert receipt_xml(sample()).startswith(
        b'<Receipt xmlns="urn:lienthong:exchange:1"><messageId>'
    )


def test_a_signature_in_a_receipt_is_passed_over() -> None:
    """Reading a signed receipt yields the same facts."""
    signature = b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></Receipt>'
    signed = receipt_xml(sample()).replace(b"</Receipt>", signature)
    assert read_receipt(signed).recipients == sample().recipients


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b"<messageId>m</messageId>", b""), "SVC-006"),
        ((b"<state>parked", b"<state>lost"), "SVC-006"),
        ((b"<routesVersion>1", b"<routesVersion>one"), "SVC-006"),
        ((b"<acceptedAt>2", b"<acceptedAt>x"), "SVC-006"),
        ((b"Receipt", b"Invoice"), "SVC-006"),
        ((b"</Receipt>", b""), "XML-001"),
        ((b"<Receipt", b"<!DOCTYPE Receipt><Receipt"), "XML-002"),
    ],
)
def test_a_broken_receipt_is_refused_with_a_code(change: tuple[bytes, bytes], code: str) -> None:
    """No broken receipt passes for a promise."""
    with pytest.raises((NotWellFormed, ProtocolRejected)) as refused:
        read_receipt(receipt_xml(sample()).replace(*change))
    assert refused.value.code == code


def test_a_delivery_report_reads_back_as_it_was_written() -> None:
    """The report names message, recipient, state, reason and instant."""
    xml = notice_xml(
        message_id="m",
        recipient="G22",
        state=DeliveryState.DEAD,
        reason="DLV-006 <hết lượt>",
        reported_at=AT,
    )
    assert read_notice(xml) == DeliveryReport(
        message_id="m",
        recipient="G22",
        state=DeliveryState.DEAD,
        reason="DLV-006 <hết lượt>",
        reported_at=AT,
    )


def test_characters_that_xml_cannot_carry_are_replaced() -> None:
    """A control character in a reason cannot keep a report from being written."""
    xml = notice_xml(
        message_id="m", recipient="G", state=DeliveryState.DEAD, reason="a\x00\x1fb", reported_at=AT
    )
    assert etree.fromstring(xml)[3].text == "a\ufffd\ufffdb"


def test_a_receipt_is_no_report() -> None:
    """The two promises cannot be taken for each other."""
    with pytest.raises(BusError):
        read_notice(receipt_xml(sample()))
