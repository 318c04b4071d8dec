"""From a sender's call to a receiver's own service, through a whole bus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from bus.client import DeliveryFacts
from bus.config import TrustSettings
from bus.envelope.notice import read_notice
from bus.model import DeliveryState, Kind
from bus.trust import keys, wssecurity
from tests.support import receiver as receivers
from tests.support.running_bus import RunningBus, agency, running_bus

NOBODY = "http://127.0.0.1:9/receiver?wsdl"


@dataclass
class Nation:
    """A sender, two receivers with services of their own, one that is never there."""

    bus: RunningBus
    good: receivers.Receiver
    odd: receivers.Receiver

    def copy(self, message_id: str, recipient: str) -> DeliveryFacts:
        """One recipient's copy, as the sender sees it."""
        deliveries = self.bus.client("G09").get_trace(message_id).deliveries
        return next(one for one in deliveries if one.recipient == recipient)

    def wait_for(self, message_id: str, recipient: str, state: DeliveryState) -> DeliveryFacts:
        """The copy once it is in a state."""
        deadline = time.monotonic() + 15
        while (found := self.copy(message_id, recipient)).state is not state:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found

    def send(self, *to: str, number: int = 1) -> str:
        """A signed letter from G09; its message id."""
        letter = self.bus.signed(self.bus.letter("G09", *to, number=number))
        return self.bus.client("G09").send_document(letter).receipt.message_id


@pytest.fixture
def nation(tmp_path: Path) -> Iterator[Nation]:
    with ExitStack() as stack:
        good = stack.enter_context(receivers.running())
        odd = stack.enter_context(receivers.running())
        agencies = (
            agency("G09"),
            agency("H13", channel="soap", address=good.wsdl_url),
            agency("H17", channel="soap", address=odd.wsdl_url),
            agency("H57", channel="soap", address=NOBODY),
        )
        bus = stack.enter_context(
            running_bus(tmp_path, agencies=agencies, delivery={"timeout_s": 1.0, "max_attempts": 4})
        )
        yield Nation(bus=bus, good=good, odd=odd)


def test_a_document_is_pushed_signed_and_unchanged(nation: Nation) -> None:
    """The receiver gets the sender's own bytes in a message that the bus's key signed."""
    message_id = nation.send("H13")
    done = nation.wait_for(message_id, "H13", DeliveryState.DONE)
    assert done.reason == f"SO-{message_id}"
    assert nation.good.inbox[message_id] == nation.bus.app.database.store.body(message_id)
    envelope = etree.fromstring(nation.good.requests[0])
    now = datetime.now(UTC)
    own = keys.load_own_key(nation.bus.folder / "bus.key.pem", nation.bus.folder / "bus.pem")
    resolve = keys.pinned(own.certificate_der, "bus", now)
    verdict = wssecurity.verify_envelope(envelope, resolve, now, TrustSettings())
    assert verdict is not None
    assert (verdict.intact, verdict.signer, verdict.cause) == (True, "bus", None)


def test_a_dead_receiver_does_not_delay_the_others(nation: Nation) -> None:
    """With a hanging and an absent recipient, the third one gets its copy meanwhile."""
    nation.odd.behaviour = receivers.hang
    message_id = nation.send("H17", "H57", "H13")
    nation.wait_for(message_id, "H13", DeliveryState.DONE)
    assert nation.copy(message_id, "H17").state is DeliveryState.PENDING
    nation.odd.behaviour = receivers.accept
    nation.odd.released.set()
    nation.wait_for(message_id, "H17", DeliveryState.DONE)


def test_a_busy_receiver_gets_it_later(nation: Nation) -> None:
    """After 503 with Retry-After the push comes again, not earlier than asked, and arrives once."""
    nation.odd.behaviour = receivers.in_turn(
        receivers.answering(503, b"", Retry_After="1"), receivers.accept
    )
    message_id = nation.send("H17")
    nation.wait_for(message_id, "H17", DeliveryState.DONE)
    first, second = nation.odd.arrivals
    assert second - first >= 0.95
    assert list(nation.odd.inbox) == [message_id]


def test_a_lost_answer_leads_to_one_message(nation: Nation) -> None:
    """When the connection is cut after the receiver took it, the repeat is the same message."""
    nation.odd.behaviour = receivers.in_turn(receivers.cut, receivers.accept)
    message_id = nation.send("H17")
    nation.wait_for(message_id, "H17", DeliveryState.DONE)
    assert len(nation.odd.requests) == 2
    assert list(nation.odd.inbox) == [message_id]


def test_a_refusal_reaches_the_sender_in_the_receivers_words(nation: Nation) -> None:
    """accepted=false ends the delivery and puts a signed notice into the sender's mailbox."""
    nation.odd.behaviour = receivers.refuse("không thuộc thẩm quyền")
    message_id = nation.send("H17")
    dead = nation.wait_for(message_id, "H17", DeliveryState.DEAD)
    assert "không thuộc thẩm quyền" in dead.reason
    client = nation.bus.client("G09")
    deadline = time.monotonic() + 15
    while not (waiting := client.list_pending(kind=Kind.NOTICE).items):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    report = read_notice(client.get_message(waiting[0].message_id).content)
    assert (report.message_id, report.recipient) == (message_id, "H17")
    assert "không thuộc thẩm quyền" in report.reason


def test_an_absent_receiver_is_given_up_at_last(nation: Nation) -> None:
    """When the tries are used up the delivery is dead with DLV-006 and the last cause."""
    message_id = nation.send("H57")
    dead = nation.wait_for(message_id, "H57", DeliveryState.DEAD)
    assert dead.reason.startswith("DLV-006 DLV-001")
    assert dead.attempts == 4
