"""Receivers that are down, slow or talk nonsense: retries, dead letters, notices, the cure."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from support import receiver as receivers
from support.outside import until
from support.running_bus import RunningBus, agency, running_bus

from bus.client import DeliveryFacts
from bus.envelope.notice import read_notice
from bus.model import Attachment, DeliveryState, Kind, OtherInfo

GARBAGE = {
    "html": receivers.answering(200, b"<html><body>OK</body></html>", "text/html"),
    "nothing": receivers.answering(200, b""),
    "half": receivers.answering(200, b"<s:Envelope xmlns:s='x'><s:Body>"),
    "other": receivers.answering(200, receivers.reply("<Hello xmlns='urn:other'/>")),
    "status-500": receivers.answering(500, b"stack trace at com.vendor.Main", "text/plain"),
    "cut": receivers.cut,
}


@dataclass
class Field:
    """A bus with one receiver that behaves and one that does not."""

    bus: RunningBus
    good: receivers.Receiver
    odd: receivers.Receiver

    def send(self, *to: str, number: int, priority: int = 0) -> str:
        """A signed letter from G09; its message id."""
        letter = self.bus.letter("G09", *to, number=number)
        letter = replace(letter, other=OtherInfo(priority=priority))
        result = self.bus.client("G09").send_document(self.bus.signed(letter))
        return result.receipt.message_id

    def copy(self, message_id: str, recipient: str) -> DeliveryFacts:
        """One recipient's copy, as the sender sees it."""
        deliveries = self.bus.client("G09").get_trace(message_id).deliveries
        return next(one for one in deliveries if one.recipient == recipient)

    def once(self, message_id: str, recipient: str, state: DeliveryState) -> DeliveryFacts:
        """The copy when it is in a state."""
        until(lambda: self.copy(message_id, recipient).state is state)
        return self.copy(message_id, recipient)


@pytest.fixture(scope="module")
def _field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with ExitStack() as stack:
        good = stack.enter_context(receivers.running())
        odd = stack.enter_context(receivers.running())
        agencies = (
            agency("G09"),
            agency("H17", dialect="qcvn102_dotnet"),
            agency("H57"),
            agency("GOOD", channel="soap", address=good.wsdl_url),
            agency("ODD", channel="soap", address=odd.wsdl_url),
        )
        patience = {"timeout_s": 0.5, "max_attempts": 3, "first_delay_s": 0.05, "max_delay_s": 0.1}
        folder = tmp_path_factory.mktemp("bus")
        bus = stack.enter_context(running_bus(folder, agencies=agencies, delivery=patience))
        yield Field(bus=bus, good=good, odd=odd)


@pytest.fixture
def field(_field: Field) -> Iterator[Field]:
    yield _field
    _field.odd.behaviour = _field.good.behaviour = receivers.accept
    client = _field.bus.client("G09")
    for item in client.list_pending(limit=500).items:
        client.acknowledge(item.message_id, done=True)


@pytest.mark.parametrize(("number", "kind"), list(enumerate(GARBAGE, start=1)))
def test_garbage_is_retried_then_dead_and_the_sender_is_told(
    field: Field, number: int, kind: str
) -> None:
    """Every try is used up, the dead letter has its reason, one notice arrives, the cure delivers."""
    field.odd.behaviour = GARBAGE[kind]
    before = len(field.odd.requests)
    message_id = field.send("ODD", "GOOD", number=number)
    field.once(message_id, "GOOD", DeliveryState.DONE)
    dead = field.once(message_id, "ODD", DeliveryState.DEAD)
    assert dead.attempts == 3
    assert len(field.odd.requests) - before == 3
    assert dead.reason.startswith("DLV-006 DLV-00")
    client = field.bus.client("G09")
    (notice,) = until(lambda: client.list_pending(kind=Kind.NOTICE).items)
    report = read_notice(client.get_message(notice.message_id).content)
    assert (report.message_id, report.recipient, report.state) == (message_id, "ODD", "dead")
    assert report.reason == dead.reason
    field.odd.behaviour = receivers.accept
    assert field.bus.json("messages", "retry", message_id, "--to", "ODD")
    assert field.once(message_id, "ODD", DeliveryState.DONE).attempts == 1
    assert message_id in field.odd.inbox
    events = [e.event for e in client.get_trace(message_id).events if e.agency == "ODD"]
    assert events == ["retry", "retry", "dead", "retried", "done"]


def test_a_slow_receiver_is_a_failed_try_not_a_blocked_bus(field: Field) -> None:
    """A receiver slower than the patience is tried again; meanwhile the others are served."""
    field.odd.behaviour = receivers.in_turn(receivers.slow(1.5), receivers.accept)
    message_id = field.send("ODD", "GOOD", "H57", number=20)
    field.once(message_id, "GOOD", DeliveryState.DONE)
    field.once(message_id, "H57", DeliveryState.AVAILABLE)
    done = field.once(message_id, "ODD", DeliveryState.DONE)
    assert done.attempts == 2
    assert list(field.odd.inbox).count(message_id) == 1


def test_a_dead_letter_is_on_the_operators_list(field: Field) -> None:
    """`bus messages list --state dead` shows it with reason and number of tries."""
    field.odd.behaviour = receivers.refuse("sai thẩm quyền")
    message_id = field.send("ODD", number=21)
    field.once(message_id, "ODD", DeliveryState.DEAD)
    listed = field.bus.json("messages", "list", "--state", "dead", "--to", "ODD")
    (mine,) = [one for one in listed if one["message_id"] == message_id]
    assert "sai thẩm quyền" in mine["reason"]
    assert mine["attempts"] == 1


def test_a_cancelled_delivery_is_not_sent(field: Field) -> None:
    """What an operator takes back while it waits for its next try never reaches the receiver."""
    field.odd.behaviour = receivers.answering(503, b"", Retry_After="3600")
    message_id = field.send("ODD", number=22)
    until(lambda: field.copy(message_id, "ODD").reason.startswith("DLV-002"))
    assert field.bus.command("messages", "cancel", message_id).returncode == 0
    assert field.copy(message_id, "ODD").state is DeliveryState.CANCELLED
    field.odd.behaviour = receivers.accept
    assert field.bus.command("messages", "retry", message_id).returncode == 0
    field.once(message_id, "ODD", DeliveryState.DONE)


def test_the_worker_takes_urgent_documents_first(field: Field) -> None:
    """While a receiver is busy, hỏa tốc that came later overtakes what is normal."""
    field.odd.behaviour = receivers.in_turn(receivers.slow(0.4), receivers.accept)
    first = field.send("ODD", number=30)
    until(lambda: field.odd.requests)
    until(lambda: first.encode() in field.odd.requests[-1])
    normal = [field.send("ODD", number=31 + n) for n in range(3)]
    urgent = field.send("ODD", number=40, priority=3)
    for message_id in (*normal, urgent):
        field.once(message_id, "ODD", DeliveryState.DONE)
    arrived = [one for one in field.odd.inbox if one in {first, urgent, *normal}]
    assert arrived[0] == first
    assert arrived[1] == urgent


def test_a_document_of_20_mb_arrives_intact(field: Field) -> None:
    """Over real HTTP to a Java and a .NET mailbox: the same bytes, and the same attachment."""
    file = random.Random(7).randbytes(15 * 1024 * 1024)
    letter = field.bus.letter("G09", "H57", "H17", number=50)
    big = Attachment(
        content_id="lon", name="lớn.bin", content_type="application/octet-stream", content=file
    )
    signed = field.bus.signed(replace(letter, attachments=(big,)))
    assert len(signed) > 20_000_000
    receipt = field.bus.client("G09").send_document(signed).receipt
    for code in ("H57", "H17"):
        field.once(receipt.message_id, code, DeliveryState.AVAILABLE)
        fetched = field.bus.client(code).get_message(receipt.message_id)
        dialect = field.bus.app.parts.dialects.get(fetched.dialect)
        message = dialect.read(dialect.parse(fetched.content)).message
        (attachment,) = message.attachments
        assert attachment.content == file
        assert (fetched.original, fetched.dialect) == (code == "H57", f"qcvn102_{LAND[code]}")
        assert fetched.original_sha256 == receipt.digest
        field.bus.client(code).acknowledge(receipt.message_id, done=True)
    stored = field.bus.app.database.store.body(receipt.message_id)
    assert hashlib.sha256(stored).hexdigest() == receipt.digest


LAND = {"H57": "java", "H17": "dotnet"}
