"""What every message store promises, whatever it is built on."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from support.store_builders import NOW, later, new_message, query_of, status_message

from bus.errors import Defect, NotFound
from bus.model import (
    AuditEvent,
    CallerMethod,
    Delivery,
    DeliveryRecord,
    DeliveryState,
    Kind,
    NewDelivery,
    NewMessage,
    Rendering,
)
from bus.ports import ClaimedBatch, MessageStore


def accept(store: MessageStore, message: NewMessage) -> NewMessage:
    assert store.accept(message, query_of(message))
    return message


def claim(store: MessageStore, *, limit: int = 20, at: float = 0) -> ClaimedBatch:
    return store.claim(worker="w1", limit=limit, lease_s=60, now=later(at))


def outcome(
    delivery: Delivery, lease: str, state: DeliveryState, *, due: float = 0, **changes: object
) -> DeliveryRecord:
    record = DeliveryRecord(
        delivery_id=delivery.delivery_id,
        lease=lease,
        state=state,
        reason="DLV-001",
        due_at=later(due),
        attempts=delivery.attempts,
    )
    return replace(record, **changes)


def in_mailbox(store: MessageStore, *recipients: str, **changes: object) -> NewMessage:
    return accept(store, new_message(*recipients, state=DeliveryState.AVAILABLE, **changes))


def notice(recipient: str = "SENDER") -> NewMessage:
    return new_message(recipient, kind=Kind.NOTICE, sender="BUS", content="report")


def test_an_accepted_message_is_there_whole(store: MessageStore) -> None:
    """Message, body, deliveries and audit row are all read back as they were given."""
    message = accept(store, new_message("R1", "R2", priority=2))
    stored = store.message(message.message_id)
    assert stored is not None
    same = ("message_id", "kind", "sender", "dialect", "topic", "priority", "document_id",
            "action", "subject", "body_sha256", "routes_version", "received_at", "correlation_id")  # fmt: skip
    assert [getattr(stored, n) for n in same] == [getattr(message, n) for n in same]
    assert (stored.body_size, stored.receipt_xml) == (len(message.body), message.receipt.xml)
    assert store.body(message.message_id) == message.body
    first = store.delivery(message.message_id, "R1")
    assert first is not None
    assert (first.state, first.attempts, first.row, first.requested) == (
        DeliveryState.PENDING, 0, 1, "R1",
    )  # fmt: skip
    assert (first.created_at, first.due_at, first.body_sha256) == (NOW, NOW, message.body_sha256)
    trace = store.trace(message.message_id)
    assert [d.recipient for d in trace.deliveries] == ["R1", "R2"]
    assert [(e.event, e.agency) for e in trace.events] == [("accepted", "SENDER")]


@pytest.mark.parametrize("size", [0, 1, 1000, 1001, 300_000])
def test_bodies_of_every_size_come_back(store: MessageStore, size: int) -> None:
    """A body in a row and a body in a file are both given back byte for byte."""
    message = accept(store, new_message("R1", body=b"\x00\xff" * (size // 2) + b"x" * (size % 2)))
    assert store.body(message.message_id) == message.body


def test_a_body_that_is_not_what_its_digest_says_is_never_stored(store: MessageStore) -> None:
    """A wrong digest is our defect and leaves nothing behind."""
    message = new_message("R1", body_sha256="0" * 64)
    with pytest.raises(Defect, match="digest"):
        store.accept(message, query_of(message))
    assert store.message(message.message_id) is None


def test_a_message_keeps_the_number_it_was_given(store: MessageStore) -> None:
    """Numbers lead to their messages and back; those of other messages are other numbers."""
    first = accept(store, new_message("R1"))
    second = accept(store, new_message("R1", document_id="another"))
    ids = [first.message_id, second.message_id]
    numbers = store.numbers([*ids, "none"])  # type: ignore[attr-defined]  # bus.edoc.Numbers
    assert set(numbers) == set(ids)
    assert 0 < numbers[ids[0]] < numbers[ids[1]]
    for message_id, number in numbers.items():
        assert store.numbered(number).message_id == message_id  # type: ignore[attr-defined]
    assert store.numbered(numbers[ids[1]] + 1) is None  # type: ignore[attr-defined]
    assert store.numbers([]) == {}  # type: ignore[attr-defined]


def test_unknown_messages_are_said_to_be_unknown(store: MessageStore) -> None:
    """Nothing is invented for an id that was never given."""
    assert store.message("none") is None
    assert store.delivery("none", "R1") is None
    assert store.find_documents("SENDER", "none") == ()
    for ask in (store.body, store.trace):
        with pytest.raises(NotFound) as caught:
            ask("none")
        assert caught.value.code == "STO-003"


def test_parked_recipients_have_audit_rows_of_their_own(store: MessageStore) -> None:
    """Who waits for a route is named in the record, with the reason."""
    parked = NewDelivery(
        recipient="R9", requested="R9", state=DeliveryState.PARKED, reason="RTE-001"
    )
    plain = new_message("R1")
    message = accept(store, replace(plain, deliveries=(*plain.deliveries, parked)))
    events = [(e.event, e.agency, e.detail) for e in store.trace(message.message_id).events]
    assert events[1:] == [("parked", "R9", "RTE-001")]


def test_a_repeat_finds_the_first_receipt_unchanged(store: MessageStore) -> None:
    """The receipt of the first acceptance comes back whole, byte for byte in its XML."""
    message = accept(store, new_message("R1", "R2"))
    (known,) = store.duplicates(query_of(message))
    assert known.receipt == message.receipt
    assert known.recipients == {"R1", "R2"}
    assert known.content_digest == message.content_digest


@pytest.mark.parametrize(
    "change",
    [{"sender": "OTHER"}, {"document_id": "doc-2"}, {"action": 3}, {"kind": Kind.STATUS}],
)
def test_every_part_of_the_key_counts(store: MessageStore, change: dict[str, object]) -> None:
    """Another sender, document, action or kind is another message."""
    message = accept(store, new_message("R1"))
    assert store.duplicates(query_of(message, **change)) == ()
    other = new_message("R1")
    assert store.accept(other, query_of(other, **change))


def test_updates_are_told_apart_by_content(store: MessageStore) -> None:
    """Where content belongs to the key, other content is another message and the same is not."""
    first, second, again = (
        new_message("R1", action=2, content=content) for content in ("a", "b", "a")
    )
    assert store.accept(first, query_of(first, keyed_by_content=True))
    assert store.accept(second, query_of(second, keyed_by_content=True))
    assert not store.accept(again, query_of(again, keyed_by_content=True))


def test_a_lost_race_writes_nothing(store: MessageStore) -> None:
    """The second of two requests with a shared recipient leaves no trace at all."""
    accept(store, new_message("R1"))
    loser = new_message("R2", "r1 ")
    assert not store.accept(loser, query_of(loser))
    assert store.message(loser.message_id) is None
    assert store.delivery(loser.message_id, "R2") is None


def test_other_content_under_a_used_identifier_loses(store: MessageStore) -> None:
    """A request that raced past the check cannot give one identifier two meanings."""
    accept(store, new_message("R1"))
    other = new_message("R2", content="other")
    assert not store.accept(other, query_of(other))


def test_new_recipients_are_added_and_the_whole_request_is_remembered(store: MessageStore) -> None:
    """An extended To list stores the new ones, and its repeat finds the second receipt."""
    accept(store, new_message("R1"))
    second = accept(store, new_message("R1", "R2", served=("R1",)))
    known = store.duplicates(query_of(second))
    assert [each.recipients for each in known] == [{"R1"}, {"R1", "R2"}]
    assert known[1].receipt == second.receipt
    assert store.delivery(second.message_id, "R1") is None


def test_requests_served_by_others_have_keys_of_their_own(store: MessageStore) -> None:
    """Two requests that ask for different served recipients are both kept, a repeat is not."""
    for recipient in ("R1", "R2", "R3"):
        accept(store, new_message(recipient))
    accept(store, new_message("R1", "R2", served=("R1", "R2")))
    accept(store, new_message("R2", "R3", served=("R2", "R3")))
    repeat = new_message("R1", "R2", served=("R1", "R2"))
    assert not store.accept(repeat, query_of(repeat))


def test_copies_are_not_in_the_duplicate_key(store: MessageStore) -> None:
    """Writing to an agency that got a copy is a new request, but makes no second copy."""
    copied = NewDelivery(recipient="R9", state=DeliveryState.PENDING, copied=True)
    plain = new_message("R1")
    first = accept(store, replace(plain, deliveries=(*plain.deliveries, copied)))
    second = new_message("R1", "R9", served=("R1",))
    (known,) = store.duplicates(query_of(second))
    assert (known.recipients, known.holders) == ({"R1"}, {"R1", "R9"})
    assert not store.accept(second, query_of(second))
    accept(store, replace(second, deliveries=()))
    assert store.delivery(second.message_id, "R9") is None
    assert store.delivery(first.message_id, "R9") is not None


def test_one_of_many_racing_repeats_wins(store: MessageStore) -> None:
    """However many threads send one document at once, exactly one is stored."""
    messages = [new_message("R1") for _ in range(12)]
    won: list[str] = []
    gate = threading.Barrier(len(messages))

    def send(message: NewMessage) -> None:
        gate.wait()
        if store.accept(message, query_of(message)):
            won.append(message.message_id)

    threads = [threading.Thread(target=send, args=(message,)) for message in messages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (known,) = store.duplicates(query_of(messages[0]))
    assert won == [known.message_id]


def test_urgent_messages_are_claimed_first_and_old_before_new(store: MessageStore) -> None:
    """Claims follow urgency, then age."""
    for number, (priority, at) in enumerate([(0, 1), (4, 5), (0, 0), (2, 3), (4, 4)]):
        accept(store, new_message("R1", document_id=f"d{number}", priority=priority, at=later(at)))
    claimed = [d.document_id for d in claim(store, at=10).deliveries]
    assert claimed == ["d4", "d1", "d3", "d2", "d0"]


def test_a_batch_is_as_large_as_asked(store: MessageStore) -> None:
    """A claim takes no more than its limit, and the next one takes the rest."""
    accept(store, new_message("R1", "R2", "R3"))
    assert [len(claim(store, limit=2).deliveries) for _ in range(3)] == [2, 1, 0]


def test_what_is_leased_is_left_alone_until_the_lease_ends(store: MessageStore) -> None:
    """A leased delivery is claimed again only after its lease, and both tries count."""
    accept(store, new_message("R1"))
    first = claim(store, at=0)
    assert first.deliveries[0].attempts == 1
    assert claim(store, at=59).deliveries == ()
    again = claim(store, at=60)
    assert again.deliveries[0].attempts == 2
    assert again.lease != first.lease


def test_a_heartbeat_keeps_a_lease(store: MessageStore) -> None:
    """A renewed lease ends later; somebody else's name renews nothing."""
    accept(store, new_message("R1"))
    batch = claim(store)
    store.renew(batch.lease, lease_s=60, now=later(50))
    store.renew("another", lease_s=600, now=later(50))
    assert claim(store, at=109).deliveries == ()
    assert len(claim(store, at=110).deliveries) == 1


def test_a_lost_lease_writes_nothing(store: MessageStore) -> None:
    """A worker that was too slow changes neither the delivery nor the record."""
    message = accept(store, new_message("R1"))
    late = claim(store)
    current = claim(store, at=61)
    slow = outcome(late.deliveries[0], late.lease, DeliveryState.DEAD, notice=notice())
    assert store.record([slow], now=later(62)) == 0
    quick = outcome(current.deliveries[0], current.lease, DeliveryState.DONE)
    assert store.record([quick], now=later(63)) == 1
    assert store.record([quick], now=later(64)) == 0
    assert slow.notice is not None
    assert store.message(slow.notice.message_id) is None
    assert [e.event for e in store.trace(message.message_id).events] == ["accepted", "done"]


def test_a_retry_waits_until_it_is_due(store: MessageStore) -> None:
    """A failed try comes back at its time, not before, and keeps its count."""
    accept(store, new_message("R1"))
    batch = claim(store)
    record = outcome(batch.deliveries[0], batch.lease, DeliveryState.PENDING, due=500)
    assert store.record([record], now=later(1)) == 1
    assert claim(store, at=499).deliveries == ()
    assert claim(store, at=500).deliveries[0].attempts == 2


def test_a_dead_delivery_and_its_notice_are_one_commit(store: MessageStore) -> None:
    """The sender's report exists exactly when the delivery is dead."""
    message = accept(store, new_message("R1"))
    batch = claim(store)
    report = notice()
    record = outcome(batch.deliveries[0], batch.lease, DeliveryState.DEAD, notice=report)
    assert store.record([record], now=later(1)) == 1
    dead = store.delivery(message.message_id, "R1")
    assert dead is not None
    assert (dead.state, dead.reason, dead.updated_at) == (DeliveryState.DEAD, "DLV-001", later(1))
    (reported,) = claim(store, at=2).deliveries
    assert (reported.message_id, reported.kind) == (report.message_id, Kind.NOTICE)


def test_a_mailbox_shows_urgent_first_page_by_page_and_takes_nothing(store: MessageStore) -> None:
    """Looking into a mailbox changes nothing, and pages neither repeat nor skip."""
    for number, priority in enumerate([0, 3, 0, 1]):
        in_mailbox(store, "R1", "R2", document_id=f"d{number}", priority=priority)
    pages = [store.pending("R1", kind=None, after=n, limit=3) for n in (0, 3, 6)]
    assert [[d.document_id for d in page] for page in pages] == [["d1", "d3", "d0"], ["d2"], []]
    assert store.pending("R1", kind=None, after=0, limit=3) == pages[0]
    assert store.pending("R1", kind=Kind.STATUS, after=0, limit=3) == ()


def test_what_is_not_yet_delivered_is_in_no_mailbox(store: MessageStore) -> None:
    """Only deliveries that a worker made available wait in a mailbox."""
    accept(store, new_message("R1"))
    assert store.pending("R1", kind=None, after=0, limit=10) == ()
    batch = claim(store)
    record = outcome(batch.deliveries[0], batch.lease, DeliveryState.AVAILABLE)
    store.record([record], now=later(1))
    assert len(store.pending("R1", kind=None, after=0, limit=10)) == 1


def test_acknowledging_twice_changes_nothing(store: MessageStore) -> None:
    """The first word of a recipient counts; later ones are answered with it."""
    message = in_mailbox(store, "R1")
    first = store.acknowledge(message.message_id, "R1", done=True, reason="", now=later(1))
    assert (first.state, first.updated_at) == (DeliveryState.DONE, later(1))
    again = store.acknowledge(
        message.message_id, "R1", done=False, reason="late", now=later(2), notice=notice()
    )
    assert again == first
    assert store.pending("R1", kind=None, after=0, limit=10) == ()
    assert claim(store, at=3).deliveries == ()
    events = [e.event for e in store.trace(message.message_id).events]
    assert events == ["accepted", "acknowledged"]


def test_a_failed_acknowledgement_reports_to_the_sender(store: MessageStore) -> None:
    """`fail` makes the delivery dead with the recipient's reason, and the notice goes out."""
    message = in_mailbox(store, "R1")
    report = notice()
    dead = store.acknowledge(
        message.message_id, "R1", done=False, reason="tệp hỏng", now=later(1), notice=report
    )
    assert (dead.state, dead.reason) == (DeliveryState.DEAD, "tệp hỏng")
    assert [d.message_id for d in claim(store, at=2).deliveries] == [report.message_id]


def test_acknowledging_overtakes_a_worker(store: MessageStore) -> None:
    """A recipient that has the message settles it, whatever the worker says afterwards."""
    message = accept(store, new_message("R1"))
    batch = claim(store)
    store.acknowledge(message.message_id, "R1", done=True, reason="", now=later(1))
    late = outcome(batch.deliveries[0], batch.lease, DeliveryState.PENDING)
    assert store.record([late], now=later(2)) == 0
    settled = store.delivery(message.message_id, "R1")
    assert settled is not None
    assert settled.state is DeliveryState.DONE


@pytest.mark.parametrize("recipient", ["R2", "R1"])
def test_nobody_acknowledges_what_was_not_delivered(store: MessageStore, recipient: str) -> None:
    """Neither a stranger nor a parked recipient can settle a message."""
    message = accept(store, new_message("R1", state=DeliveryState.PARKED))
    with pytest.raises(NotFound):
        store.acknowledge(message.message_id, recipient, done=True, reason="", now=NOW)


def test_the_first_rendering_stays(store: MessageStore) -> None:
    """A rendering is made once; a second one changes nothing."""
    message = accept(store, new_message("R1"))
    assert store.rendering(message.message_id, "dotnet") is None
    first = Rendering(dialect="dotnet", content=b"a" * 5000, content_type="t/x", original=False)
    store.keep_rendering(message.message_id, first)
    store.keep_rendering(message.message_id, replace(first, content=b"b"))
    assert store.rendering(message.message_id, "dotnet") == first
    own = Rendering(dialect="java", content=message.body)
    store.keep_rendering(message.message_id, own)
    assert store.rendering(message.message_id, "java") == own
    with pytest.raises(NotFound):
        store.keep_rendering("none", first)


def test_statuses_stand_in_the_trace_of_their_document(store: MessageStore) -> None:
    """What recipients report is read with the document, and once even when sent on."""
    document = accept(store, new_message("R1"))
    reported, _, sent_on = (
        status_message("03"),
        status_message("06"),
        status_message("03", to="R2"),
    )
    for message in (reported, _, sent_on):
        assert store.accept(message, query_of(message, document_id=message.content_digest))
    codes = [(s.reporter, s.code, s.message_id) for s in store.trace(document.message_id).statuses]
    assert [code for _, code, _ in codes] == ["03", "06"]
    assert codes[0] == ("R1", "03", reported.message_id)
    assert [s.code for s in store.trace(reported.message_id).statuses] == ["03"]


def test_the_newest_document_is_found_by_its_sender(store: MessageStore) -> None:
    """A document id names the documents of that sender, newest first, and never a status."""
    oldest = accept(store, new_message("R1"))
    newest = accept(store, new_message("R2", action=3, content="new"))
    accept(store, status_message())
    found = store.find_documents("SENDER", "doc-1")
    assert [each.message_id for each in found] == [newest.message_id, oldest.message_id]
    assert store.sent_to("SENDER", "doc-1") == {"R1", "R2"}
    assert store.sent_to("SENDER", "doc-2") is None
    assert store.find_documents("R1", "doc-1") == ()


def test_parked_deliveries_are_listed_and_rerouted(store: MessageStore) -> None:
    """A new table version moves a parked delivery, keeps its number and says so."""
    message = accept(store, new_message("R1", "R2", "R3", state=DeliveryState.PARKED))
    first, *rest = store.parked(limit=1, after=0)
    assert rest == []
    assert [d.recipient for d in store.parked(limit=9, after=first.delivery_id)] == ["R2", "R3"]
    to = NewDelivery(recipient="R8", requested="R1", state=DeliveryState.PENDING, row=5, via="x")
    store.reroute(first.delivery_id, to, routes_version=8)
    store.reroute(first.delivery_id, replace(to, recipient="R7"), routes_version=9)
    (moved,) = claim(store, at=1).deliveries
    assert moved.delivery_id == first.delivery_id
    assert (moved.recipient, moved.requested) == ("R8", "R1")
    assert (moved.row, moved.via, moved.routes_version) == (5, "x", 8)
    events = [e.event for e in store.trace(message.message_id).events]
    assert events.count("rerouted") == 1


def test_a_redirect_never_doubles_a_copy(store: MessageStore) -> None:
    """A parked delivery redirected to somebody who has the message is cancelled."""
    parked = NewDelivery(recipient="R2", requested="R2", state=DeliveryState.PARKED)
    plain = new_message("R1")
    message = accept(
        store, replace(plain, deliveries=(*plain.deliveries, parked), reserves=("R1", "R2"))
    )
    (waiting,) = store.parked(limit=9, after=0)
    to = NewDelivery(recipient="R1", requested="R2", state=DeliveryState.PENDING)
    store.reroute(waiting.delivery_id, to, routes_version=8)
    states = {d.recipient: d.state for d in store.trace(message.message_id).deliveries}
    assert states == {"R1": DeliveryState.PENDING, "R2": DeliveryState.CANCELLED}


def test_events_without_a_message_are_recorded(store: MessageStore) -> None:
    """A refusal has an audit row although no message was stored."""
    message = accept(store, new_message("R1"))
    event = AuditEvent(
        at=later(5), event="viewed", message_id=message.message_id, agency="R1",
        correlation_id="c", code="AUT-004", detail=CallerMethod.TOKEN.value,
    )  # fmt: skip
    store.audit(event)
    store.audit(replace(event, event="refused", message_id=None))
    last = store.trace(message.message_id).events[-1]
    assert replace(last, seq=0) == event
    assert last.seq > 0
