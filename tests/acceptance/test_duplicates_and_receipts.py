"""Sending again: what is stored once, what is answered, and what the receipt proves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import xmlsec
from lxml import etree
from support.outside import kept, until
from support.running_bus import RunningBus

from bus import errors
from bus.client import SendResult
from bus.dev import letters
from bus.model import (
    Business,
    BusinessAction,
    DeliveryState,
    Document,
    Organization,
    StatusCode,
    UpdateInfo,
)

AGAIN = "V/v nội dung hoàn toàn khác"


def send(bus: RunningBus, document: Document) -> SendResult:
    """Sign and send."""
    sender = str(document.sender.organ_id)
    return bus.client(sender).send_document(bus.signed(document))


def copies(bus: RunningBus, document: Document, code: str) -> int:
    """How many messages with the document's id stand in a mailbox."""
    found = bus.client(code).list_pending(limit=500).items
    return sum(one.document_id == document.document_id for one in found)


def to(bus: RunningBus, document: Document, *codes: str) -> Document:
    """The same document for other recipients."""
    recipients = tuple(Organization(organ_id=code, name=f"Cơ quan {code}") for code in codes)
    return replace(document, recipients=recipients)


def test_a_repeat_gets_the_first_receipt_byte_for_byte(bus: RunningBus) -> None:
    """The same document again: the same receipt, marked as duplicate, nothing forwarded."""
    letter = bus.letter("G09", "H57", number=1)
    first = send(bus, letter)
    until(lambda: copies(bus, letter, "H57"))
    with kept(bus) as left:
        again = bus.client("G09", soap="1.2").send_document(bus.signed(letter))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.receipt_xml == first.receipt_xml
    assert left.new_messages == 0
    assert copies(bus, letter, "H57") == 1


def test_a_confirmed_document_is_not_delivered_again(bus: RunningBus) -> None:
    """A repeat after the recipient confirmed forwards nothing either."""
    letter = bus.letter("G09", "H57", number=2)
    first = send(bus, letter)
    until(lambda: copies(bus, letter, "H57"))
    bus.client("H57").acknowledge(first.receipt.message_id, done=True)
    assert send(bus, letter).receipt_xml == first.receipt_xml
    assert copies(bus, letter, "H57") == 0


def test_other_content_under_the_same_id_is_refused(bus: RunningBus) -> None:
    """The same DocumentId with another subject is DUP-001; the first message stays as it was."""
    letter = bus.letter("G09", "H57", number=3)
    first = send(bus, letter)
    until(lambda: copies(bus, letter, "H57"))
    with kept(bus) as left, pytest.raises(errors.Conflict) as caught:
        send(bus, replace(letter, subject=AGAIN))
    assert caught.value.code == "DUP-001"
    left.only_refusal("DUP-001")
    assert send(bus, letter).receipt_xml == first.receipt_xml


def test_another_sender_may_use_the_same_id(bus: RunningBus) -> None:
    """Identifiers belong to their sender: two agencies may number alike."""
    letter = bus.letter("G09", "H57", number=4)
    other = replace(letter, sender=bus.letter("H17", "H57").sender, subject=AGAIN)
    assert send(bus, letter).duplicate is False
    assert send(bus, other).duplicate is False


def test_one_call_for_each_recipient_reaches_each_once(bus: RunningBus) -> None:
    """A vendor that calls once per recipient delivers to both, and each call has its own receipt."""
    letter = bus.letter("G09", "H57", number=5)
    one = send(bus, to(bus, letter, "H57"))
    two = send(bus, to(bus, letter, "H17"))
    assert (one.duplicate, two.duplicate) == (False, False)
    assert [r.recipient for r in two.receipt.recipients] == ["H17"]
    until(lambda: copies(bus, letter, "H57") and copies(bus, letter, "H17"))
    assert send(bus, to(bus, letter, "H57")).receipt_xml == one.receipt_xml
    assert send(bus, to(bus, letter, "H17")).receipt_xml == two.receipt_xml
    assert (copies(bus, letter, "H57"), copies(bus, letter, "H17")) == (1, 1)


def test_an_extended_to_list_reaches_only_the_new_ones(bus: RunningBus) -> None:
    """Adding a recipient delivers to that one; the receipt says who already had it."""
    letter = bus.letter("G09", "H57", number=6)
    send(bus, letter)
    until(lambda: copies(bus, letter, "H57"))
    wider = send(bus, to(bus, letter, "H57", "H17"))
    assert wider.duplicate is False
    assert {r.recipient: r.already for r in wider.receipt.recipients} == {"H57": True, "H17": False}
    until(lambda: copies(bus, letter, "H17"))
    assert copies(bus, letter, "H57") == 1
    assert send(bus, to(bus, letter, "H57", "H17")).receipt_xml == wider.receipt_xml


def test_updates_are_told_apart_by_their_content(bus: RunningBus) -> None:
    """Two updates of one document are two messages; the same update twice is one."""
    letter = bus.letter("G09", "H57", number=7)
    send(bus, letter)
    update = Business(
        action=int(BusinessAction.UPDATE),
        document_id=letter.document_id,
        reason="Đính chính",
        update=UpdateInfo(document_changed=1, receivers_changed=0),
    )
    first = replace(letter, business=update, subject="Đính chính lần 1")
    second = replace(letter, business=update, subject="Đính chính lần 2")
    results = [send(bus, one) for one in (first, second, first)]
    assert [one.duplicate for one in results] == [False, False, True]
    assert results[0].receipt.topic == "edoc.update.cong-van"
    assert results[2].receipt_xml == results[0].receipt_xml
    until(lambda: copies(bus, letter, "H57") == 3)


def test_what_was_refused_is_processed_afresh_when_repaired(bus: RunningBus) -> None:
    """A refused document leaves no trace in the duplicate key: repaired under its id it is new."""
    letter = bus.letter("G09", "H57", number=8)
    with pytest.raises(errors.SchemaRejected):
        send(bus, replace(letter, subject=None))
    assert send(bus, letter).duplicate is False


def test_statuses_are_keyed_by_reporter_code_and_instant(bus: RunningBus) -> None:
    """The same status again is a duplicate; another code, instant or reporter is not."""
    letter = bus.letter("G09", "H57", "H17", number=9)
    send(bus, letter)
    now = bus.app.clock.now()

    def report(code: StatusCode, reporter: str, later_s: int = 0) -> SendResult:
        who = Organization(organ_id=reporter, name=reporter)
        made = letters.status(code, who, letter, now + timedelta(seconds=later_s))
        xml = bus.app.parts.dialects.get("qcvn102_java").write(made).content
        return bus.client(reporter).send_status(xml)

    first = report(StatusCode.ARRIVED, "H57")
    again = report(StatusCode.ARRIVED, "H57")
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.receipt_xml == first.receipt_xml
    assert report(StatusCode.ACCEPTED, "H57").duplicate is False
    assert report(StatusCode.ARRIVED, "H57", later_s=1).duplicate is False
    assert report(StatusCode.ARRIVED, "H17").duplicate is False
    trace = bus.client("G09").get_trace(sender="G09", document_id=str(letter.document_id))
    assert sorted((s.reporter, s.code) for s in trace.statuses) == [
        ("H17", "01"),
        ("H57", "01"),
        ("H57", "01"),
        ("H57", "03"),
    ]


def test_threads_that_send_the_same_document_get_one_receipt(bus: RunningBus) -> None:
    """Eight calls at once store one message; all eight answers carry the same receipt bytes."""
    letter = bus.letter("G09", "H57", number=10)
    content = bus.signed(letter)
    start = threading.Barrier(8)

    def work(_number: int) -> SendResult:
        client = bus.client("G09")
        start.wait()
        return client.send_document(content)

    with kept(bus) as left, ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert left.new_messages == 1
    assert {one.receipt_xml for one in results} == {results[0].receipt_xml}
    assert sorted(one.duplicate for one in results) == [False] + [True] * 7
    until(lambda: copies(bus, letter, "H57"))
    assert copies(bus, letter, "H57") == 1


def test_the_receipt_is_a_promise_others_can_verify(bus: RunningBus) -> None:
    """An independent xmlsec accepts the receipt's signature under the bus's certificate, no changed one."""
    result = send(bus, bus.letter("G09", "H57", "H29", "ZZZ", number=11))
    receipt = result.receipt_xml
    assert verifies(bus, receipt)
    changed = receipt.replace(b"pending", b"done", 1)
    assert changed != receipt
    assert not verifies(bus, changed)
    states = {one.recipient: one.state for one in result.receipt.recipients}
    assert states == {
        "H57": DeliveryState.PENDING,
        "H29": DeliveryState.PARKED,
        "ZZZ": DeliveryState.PARKED,
    }


def verifies(bus: RunningBus, receipt: bytes) -> bool:
    """Whether an implementation that is not ours accepts the signature."""
    root = etree.fromstring(receipt)
    context = xmlsec.SignatureContext()
    pem = bus.app.settings.trust.certificate_file.read_text()
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.verify(xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature))
    except xmlsec.Error:
        return False
    return True
