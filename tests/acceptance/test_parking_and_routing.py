"""Where documents go: parked recipients, rows of every kind, urgency, statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.outside import until
from support.running_bus import DELIVER_ALL, RunningBus, agency

from bus.client import DeliveryFacts, SendResult
from bus.dev import letters
from bus.model import AgencyState, DeliveryState, Document, Organization, OtherInfo, StatusCode


@pytest.fixture(autouse=True)
def _usual_table(bus: RunningBus) -> Iterator[None]:
    yield
    bus.reload(DELIVER_ALL)


def send(bus: RunningBus, document: Document) -> SendResult:
    """Sign and send."""
    return bus.client(str(document.sender.organ_id)).send_document(bus.signed(document))


def row(**conditions: str) -> str:
    """One row of a table."""
    return "[[route]]\n" + "".join(f"{key} = {value}\n" for key, value in conditions.items())


def copies(bus: RunningBus, message_id: str) -> dict[str, DeliveryFacts]:
    """How each copy stands, as the sender sees it."""
    return {d.recipient: d for d in bus.client("G09").get_trace(message_id).deliveries}


def waits(bus: RunningBus, code: str, message_id: str) -> bool:
    """Whether a mailbox holds a message."""
    return any(one.message_id == message_id for one in bus.client(code).list_pending().items)


def told(result: SendResult) -> dict[str, tuple[DeliveryState, str]]:
    """What the receipt says of each recipient."""
    return {r.recipient: (r.state, r.reason) for r in result.receipt.recipients}


# Parked


def test_who_cannot_be_reached_is_parked_and_the_rest_goes_on(bus: RunningBus) -> None:
    """Unknown, locked and unconnected recipients are parked by name; the others get theirs."""
    result = send(bus, bus.letter("G09", "H57", "X01", "H29", "BARE", number=1))
    assert told(result) == {
        "H57": (DeliveryState.PENDING, ""),
        "X01": (DeliveryState.PARKED, "RTE-002"),
        "H29": (DeliveryState.PARKED, "RTE-003"),
        "BARE": (DeliveryState.PARKED, "RTE-006"),
    }
    message_id = result.receipt.message_id
    until(lambda: waits(bus, "H57", message_id))
    parked = {
        c.recipient: c.reason for c in copies(bus, message_id).values() if c.state == "parked"
    }
    assert parked == {"X01": "RTE-002", "H29": "RTE-003", "BARE": "RTE-006"}
    listed = bus.json("messages", "list", "--state", "parked")
    assert {d["recipient"] for d in listed if d["message_id"] == message_id} == set(parked)


def test_a_registered_recipient_gets_what_was_parked(bus: RunningBus) -> None:
    """Registering the unknown agency delivers to it, and the record names the table version."""
    message_id = send(bus, bus.letter("G09", "X02", number=2)).receipt.message_id
    assert bus.command("agencies", "register", "X02", "--name", "Xã mới", "--dialect",
                       "qcvn102_java", "--channel", "mailbox", "--state", "live").returncode == 0  # fmt: skip
    until(lambda: copies(bus, message_id)["X02"].state is DeliveryState.AVAILABLE)
    version = bus.app.routes.current().version
    (moved,) = [e for e in bus.client("G09").get_trace(message_id).events if e.event == "rerouted"]
    assert f"version {version}" in moved.detail
    assert copies(bus, message_id)["X02"].routes_version == version


def test_an_unlocked_recipient_gets_what_was_parked(bus: RunningBus) -> None:
    """Unlocking an agency delivers what waited for it."""
    directory = bus.app.database.directory
    directory.register(agency("X03", state=AgencyState.LOCKED))
    message_id = send(bus, bus.letter("G09", "X03", number=3)).receipt.message_id
    assert copies(bus, message_id)["X03"].reason == "RTE-003"
    directory.register(agency("X03"))
    until(lambda: copies(bus, message_id)["X03"].state is DeliveryState.AVAILABLE)


def test_a_new_table_delivers_what_no_row_took(bus: RunningBus) -> None:
    """Without a row the recipient is parked with RTE-001; a table that has one delivers it."""
    before = bus.reload(row(recipient='"H57"', deliver="true"))
    result = send(bus, bus.letter("G09", "H57", "H17", number=4))
    message_id = result.receipt.message_id
    assert told(result)["H17"] == (DeliveryState.PARKED, "RTE-001")
    assert result.receipt.routes_version == before
    still = bus.reload(row(recipient='"H57"', deliver="true", note='"again"'))
    assert still > before
    assert copies(bus, message_id)["H17"].state is DeliveryState.PARKED
    after = bus.reload(DELIVER_ALL + "# now for all\n")
    until(lambda: waits(bus, "H17", message_id))
    moved = copies(bus, message_id)["H17"]
    assert (moved.routes_version, moved.row) == (after, 1)
    assert copies(bus, message_id)["H57"].routes_version == before
    (event,) = [e for e in bus.client("G09").get_trace(message_id).events if e.event == "rerouted"]
    assert f"row 1 of version {after}" in event.detail


# Rows


def test_a_redirected_recipient_is_served_by_its_heir(bus: RunningBus) -> None:
    """A redirect delivers to the agency that took over, once, and the receipt says where."""
    bus.reload(row(recipient='"H57"', redirect_to='"H17"') + DELIVER_ALL)
    alone = send(bus, bus.letter("G09", "H57", number=5))
    assert told(alone)["H57"] == (DeliveryState.PENDING, "H57 → H17 (row 1)")
    until(lambda: waits(bus, "H17", alone.receipt.message_id))
    both = send(bus, bus.letter("G09", "H57", "H17", number=6))
    assert set(copies(bus, both.receipt.message_id)) == {"H17"}
    bus.app.database.directory.register(agency("X06", state=AgencyState.LOCKED))
    bus.reload(row(recipient='"H57"', redirect_to='"X06"') + DELIVER_ALL)
    locked = send(bus, bus.letter("G09", "H57", number=15))
    assert told(locked)["H57"] == (DeliveryState.PARKED, "→ X06 RTE-003")
    assert not waits(bus, "H57", alone.receipt.message_id)


def test_a_held_copy_waits_for_the_operator(bus: RunningBus) -> None:
    """A hold row keeps the copy until an operator lets it go."""
    bus.reload(row(sender='"G09"', recipient='"H57"', hold="true") + DELIVER_ALL)
    result = send(bus, bus.letter("G09", "H57", number=7))
    message_id = result.receipt.message_id
    assert told(result)["H57"][0] is DeliveryState.HELD
    bus.reload(DELIVER_ALL)
    assert copies(bus, message_id)["H57"].state is DeliveryState.HELD
    assert bus.command("messages", "retry", message_id).returncode == 0
    until(lambda: waits(bus, "H57", message_id))


def test_a_rejecting_row_tells_the_sender_why(bus: RunningBus) -> None:
    """A reject row refuses that recipient alone, in the operator's words."""
    bus.reload(row(recipient='"H57"', reject='"đã giải thể"') + DELIVER_ALL)
    result = send(bus, bus.letter("G09", "H57", "H17", number=8))
    assert told(result)["H57"] == (DeliveryState.REJECTED, "RTE-005 đã giải thể")
    until(lambda: waits(bus, "H17", result.receipt.message_id))
    assert not waits(bus, "H57", result.receipt.message_id)


def test_a_copy_row_adds_a_recipient(bus: RunningBus) -> None:
    """A copy_to row sends one more copy and leaves the receipt to whom the sender asked for."""
    bus.reload(row(topic='"edoc.#"', copy_to='["H17"]') + DELIVER_ALL)
    letter = bus.letter("G09", "H57", number=9)
    result = send(bus, letter)
    message_id = result.receipt.message_id
    assert set(told(result)) == {"H57"}
    until(lambda: waits(bus, "H57", message_id) and waits(bus, "H17", message_id))
    assert send(bus, letter).receipt_xml == result.receipt_xml
    assert len(copies(bus, message_id)) == 2


def test_a_via_row_overrides_the_registered_channel(bus: RunningBus) -> None:
    """A via row sends by the channel it names whatever the registration says."""
    directory = bus.app.database.directory
    directory.register(agency("X04", channel="soap", address="http://127.0.0.1:9/?wsdl"))
    bus.reload(row(recipient='"X04"', via='"mailbox"') + DELIVER_ALL)
    message_id = send(bus, bus.letter("G09", "X04", number=10)).receipt.message_id
    until(lambda: copies(bus, message_id)["X04"].state is DeliveryState.AVAILABLE)


def test_rows_choose_by_topic_sender_and_urgency(bus: RunningBus) -> None:
    """The first row whose conditions all hold decides, and the trace names it."""
    bus.reload(
        row(topic='"edoc.*.quyet-dinh"', reject='"no decisions"')
        + row(priority='">=3"', recipient='"H57"', redirect_to='"H17"')
        + row(sender='"H17"', hold="true")
        + DELIVER_ALL
    )
    letter = bus.letter("G09", "H57", number=11)
    kind = replace(letter.document_type, name="Quyết định")
    decision = replace(letter, document_type=kind, document_id="d-12")
    express = replace(letter, other=OtherInfo(priority=3), document_id="d-13")
    other = bus.letter("H17", "H57", number=14)
    results = [send(bus, one) for one in (letter, decision, express)]
    rows = [[d.row for d in copies(bus, r.receipt.message_id).values()] for r in results]
    assert rows == [[4], [1], [2]]
    assert results[1].receipt.topic == "edoc.new.quyet-dinh"
    assert list(copies(bus, results[2].receipt.message_id)) == ["H17"]
    assert told(send(bus, other))["H57"][0] is DeliveryState.HELD


# Urgency


def test_urgent_documents_come_first_in_the_mailbox(bus: RunningBus) -> None:
    """Hỏa tốc before thượng khẩn before normal, whatever came first; equals in order of arrival."""
    directory = bus.app.database.directory
    directory.register(agency("X05", speaks_for=()))
    directory.register(agency("CLR", speaks_for=("X05",)))
    sent = {}
    for number, priority in enumerate((0, 2, 4, 0, 3), start=20):
        letter = bus.letter("G09", "X05", number=number)
        letter = replace(letter, other=replace(letter.other, priority=priority))
        sent[send(bus, letter).receipt.message_id] = priority
    house = bus.client("CLR")
    items = until(lambda: all_of(house.list_pending(agency="X05").items, 5))
    assert [one.priority for one in items] == [4, 3, 2, 0, 0]
    assert [one.priority for one in items] == [sent[one.message_id] for one in items]
    normal = [one.message_id for one in items if one.priority == 0]
    assert normal == [message_id for message_id, priority in sent.items() if priority == 0]


def all_of(items: tuple[object, ...], number: int) -> tuple[object, ...]:
    """The items once they are all there."""
    return items if len(items) == number else ()


# Statuses


@pytest.mark.parametrize("code", list(StatusCode))
def test_a_status_goes_to_whom_it_concerns(bus: RunningBus, code: StatusCode) -> None:
    """A recall request (13) goes from the issuer to the receiver, every other back to the issuer."""
    letter = bus.letter("G09", "H57", number=100 + int(code))
    until(lambda: waits(bus, "H57", send(bus, letter).receipt.message_id))
    recall = code is StatusCode.RECALL_REQUESTED
    speaker, hearer = ("G09", "H57") if recall else ("H57", "G09")
    result = status(bus, code, speaker, letter, about=hearer)
    assert result.receipt.topic == f"status.{code.value}"
    assert list(told(result)) == [hearer]
    until(lambda: waits(bus, hearer, result.receipt.message_id))
    trace = bus.client("G09").get_trace(sender="G09", document_id=str(letter.document_id))
    assert [(s.reporter, s.code) for s in trace.statuses] == [(speaker, code.value)]


def test_a_status_about_an_unknown_document_is_carried(bus: RunningBus) -> None:
    """Documents may have travelled another way: their statuses reach the issuer all the same."""
    letter = bus.letter("G09", "H57", number=200)
    result = status(bus, StatusCode.FINISHED, "H57", letter, about="G09")
    until(lambda: waits(bus, "G09", result.receipt.message_id))


def test_a_status_to_an_unknown_issuer_is_parked(bus: RunningBus) -> None:
    """An issuer nobody knows is parked like any recipient, never dropped."""
    letter = bus.letter("G09", "H57", number=201)
    result = status(bus, StatusCode.FINISHED, "H57", letter, about="X99")
    assert told(result)["X99"] == (DeliveryState.PARKED, "RTE-002")


def status(
    bus: RunningBus, code: StatusCode, speaker: str, letter: Document, *, about: str
) -> SendResult:
    """One status message whose ResponseFor names `about`."""
    known = code if code in letters.DESCRIPTIONS else StatusCode.ARRIVED
    who = Organization(organ_id=speaker, name=speaker)
    made = letters.status(known, who, letter, bus.app.clock.now())
    made = replace(made, code=code, description="Lý do: thử nghiệm")
    made = replace(made, response_for=replace(made.response_for, organ_id=about))
    xml = bus.app.parts.dialects.get("qcvn102_java").write(made).content
    return bus.client(speaker).send_status(xml)
