"""The ten operations of the exchange service, called from outside by agencies of every kind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from lxml import etree
from support.outside import QCVN, until
from support.running_bus import NATION, TOKEN, RunningBus, agency

from bus import errors
from bus.client import ExchangeClient, PendingItem
from bus.dev import letters
from bus.envelope.notice import read_notice
from bus.model import (
    AgencyState,
    CallerMethod,
    DeliveryState,
    Kind,
    Organization,
    StatusCode,
)
from bus.trust import keys, xmldsig

BOTH = pytest.mark.parametrize("soap", ["1.1", "1.2"])


@pytest.fixture(autouse=True)
def _empty_mailboxes(bus: RunningBus) -> Iterator[None]:
    yield
    for code in ("G09", "H57", "H17"):
        client = bus.client(code)
        for item in client.list_pending(limit=500).items:
            client.acknowledge(item.message_id, done=True)


def send(bus: RunningBus, *to: str, number: int, sender: str = "G09") -> str:
    """A signed letter; its message id once every mailbox has it."""
    content = bus.signed(bus.letter(sender, *to, number=number))
    result = bus.client(sender).send_document(content)
    message_id = result.receipt.message_id
    for code in to:
        until(lambda code=code: item(bus, code, message_id))  # type: ignore[misc]  # bound now
    return message_id


def item(bus: RunningBus, code: str, message_id: str) -> PendingItem | None:
    """A message in an agency's mailbox."""
    found = bus.client(code).list_pending(limit=500).items
    return next((one for one in found if one.message_id == message_id), None)


@BOTH
def test_a_document_sent_is_listed_fetched_and_confirmed(bus: RunningBus, soap: str) -> None:
    """Send, list, get, acknowledge: the recipient holds the sender's bytes, the trace says done."""
    number = 10 if soap == "1.1" else 20
    sender, recipient = bus.client("G09", soap=soap), bus.client("H57", soap=soap)
    content = bus.signed(bus.letter("G09", "H57", number=number))
    result = sender.send_document(content)
    receipt = result.receipt
    assert (result.duplicate, receipt.topic) == (False, "edoc.new.cong-van")
    assert [(r.recipient, r.state) for r in receipt.recipients] == [("H57", DeliveryState.PENDING)]
    found = until(lambda: item(bus, "H57", receipt.message_id))
    assert (found.sender, found.kind, found.sha256) == ("G09", Kind.DOCUMENT, receipt.digest)
    fetched = recipient.get_message(receipt.message_id)
    assert fetched.original is True
    assert hashlib.sha256(fetched.content).hexdigest() == receipt.digest
    done = recipient.acknowledge(receipt.message_id, done=True)
    assert done.state is DeliveryState.DONE
    trace = sender.get_trace(receipt.message_id)
    assert [(d.recipient, d.state) for d in trace.deliveries] == [("H57", DeliveryState.DONE)]
    assert trace.message.routes_version == receipt.routes_version
    assert trace.deliveries[0].row == 1
    assert "accepted" in {event.event for event in trace.events}


@BOTH
def test_a_package_and_a_status_travel_back(bus: RunningBus, soap: str) -> None:
    """SendPackage takes the dialect's bytes, SendStatus answers the document, the trace has both."""
    number = 11 if soap == "1.1" else 21
    letter = bus.letter("G09", "H17", number=number)
    receipt = bus.client("G09", soap=soap).send_package(bus.signed(letter)).receipt
    until(lambda: item(bus, "H17", receipt.message_id))
    reporter = Organization(organ_id="H17", name="Đà Nẵng")
    status = letters.status(StatusCode.ACCEPTED, reporter, letter, bus.app.clock.now())
    xml = bus.app.parts.dialects.get("qcvn102_dotnet").write(status).content
    told = bus.client("H17", soap=soap).send_status(xml)
    assert told.receipt.topic == "status.03"
    back = until(lambda: item(bus, "G09", told.receipt.message_id))
    assert (back.kind, back.sender) == (Kind.STATUS, "H17")
    trace = bus.client("G09").get_trace(sender="G09", document_id=str(letter.document_id))
    assert [(s.reporter, s.code) for s in trace.statuses] == [("H17", "03")]


def test_checking_stores_nothing(bus: RunningBus) -> None:
    """CheckDocument says acceptable and leaves no message."""
    before = bus.app.database.store.counts().get("messages", 0)
    checked = bus.client("G09").check(bus.signed(bus.letter("G09", "H57", number=12)))
    assert (checked.acceptable, checked.dialect) == (True, "qcvn102_java")
    assert bus.app.database.store.counts().get("messages", 0) == before


def test_a_mailbox_is_read_page_by_page(bus: RunningBus) -> None:
    """Pages do not overlap, the last says that nothing follows, and looking consumes nothing."""
    sent = [send(bus, "H57", number=30 + n) for n in range(5)]
    client = bus.client("H57")
    pages = [client.list_pending(offset=offset, limit=2) for offset in (0, 2, 4)]
    assert [page.more for page in pages] == [True, True, False]
    assert [one.message_id for page in pages for one in page.items] == sent
    assert [one.message_id for one in client.list_pending().items] == sent


def test_a_mailbox_is_filtered_by_kind(bus: RunningBus) -> None:
    """Asking for documents hides notices and the other way round."""
    document = send(bus, "G09", number=40, sender="H57")
    refused = send(bus, "H57", number=41)
    bus.client("H57").acknowledge(refused, done=False, reason="nhầm nơi nhận")
    client = bus.client("G09")
    notices = until(lambda: client.list_pending(kind=Kind.NOTICE).items)
    assert {one.kind for one in notices} == {Kind.NOTICE}
    assert [o.message_id for o in client.list_pending(kind=Kind.DOCUMENT).items] == [document]
    assert client.list_pending(kind=Kind.STATUS).items == ()


def test_a_failed_acknowledgement_tells_the_sender(bus: RunningBus) -> None:
    """`fail` ends the copy and puts one signed notice with the reason into the sender's mailbox."""
    message_id = send(bus, "H57", number=50)
    client = bus.client("H57")
    dead = client.acknowledge(message_id, done=False, reason="tệp đính kèm hỏng")
    again = client.acknowledge(message_id, done=False, reason="lần nữa")
    assert (dead.state, again.state) == (DeliveryState.DEAD, DeliveryState.DEAD)
    assert again.acknowledged_at == dead.acknowledged_at
    sender = bus.client("G09")
    (notice,) = until(lambda: sender.list_pending(kind=Kind.NOTICE).items)
    report = read_notice(sender.get_message(notice.message_id).content)
    assert (report.message_id, report.recipient) == (message_id, "H57")
    assert "tệp đính kèm hỏng" in report.reason


def test_a_confirmed_copy_stays_confirmed(bus: RunningBus) -> None:
    """Repeating `done`, or contradicting it later, changes nothing and tells nobody."""
    message_id = send(bus, "H57", number=51)
    client = bus.client("H57")
    first = client.acknowledge(message_id, done=True)
    assert client.acknowledge(message_id, done=True) == first
    assert client.acknowledge(message_id, done=False, reason="muộn").state is DeliveryState.DONE
    assert bus.client("G09").list_pending(kind=Kind.NOTICE).items == ()


def test_another_agencys_mailbox_is_closed(bus: RunningBus) -> None:
    """Listing, fetching and acknowledging for another agency are refused with AUT-004."""
    message_id = send(bus, "H57", number=52)
    thief = bus.client("H17")
    for attempt in (
        lambda: thief.list_pending(agency="H57"),
        lambda: thief.get_message(message_id, "H57"),
        lambda: thief.acknowledge(message_id, done=True, agency="H57"),
    ):
        with pytest.raises(errors.NotAuthorised) as caught:
            attempt()
        assert caught.value.code == "AUT-004"
    with pytest.raises(errors.NotFound):
        thief.get_message(message_id)
    with pytest.raises(errors.NotFound):
        thief.acknowledge(message_id, done=True)
    assert item(bus, "H57", message_id) is not None


def test_a_trace_shows_each_party_its_own(bus: RunningBus) -> None:
    """The sender sees all recipients, a recipient its own copy, a stranger nothing."""
    letter = bus.letter("G09", "H57", "H17", number=53)
    message_id = bus.client("G09").send_document(bus.signed(letter)).receipt.message_id
    until(lambda: item(bus, "H57", message_id))
    for code in ("H57", "H17"):
        reporter = Organization(organ_id=code, name=code)
        status = letters.status(StatusCode.ARRIVED, reporter, letter, bus.app.clock.now())
        xml = bus.app.parts.dialects.get("qcvn102_java").write(status).content
        bus.client(code).send_status(xml)
    whole = bus.client("G09").get_trace(message_id)
    assert {d.recipient for d in whole.deliveries} == {"H57", "H17"}
    assert {s.reporter for s in whole.statuses} == {"H57", "H17"}
    part = bus.client("H57").get_trace(message_id)
    assert {d.recipient for d in part.deliveries} == {"H57"}
    assert {s.reporter for s in part.statuses} == {"H57"}
    assert part.events == ()
    with pytest.raises(errors.NotAuthorised) as caught:
        bus.client("STRICT").get_trace(message_id)
    assert caught.value.code == "AUT-004"
    with pytest.raises(errors.NotFound):
        bus.client("G09").get_trace("0" * 32)


def test_the_canonical_form_is_signed_by_the_bus_for_another_dialect(bus: RunningBus) -> None:
    """A .NET recipient can ask for either form; what is not original is signed by the bus."""
    message_id = send(bus, "H17", number=54)
    client = bus.client("H17")
    own, canonical = client.get_message(message_id), client.get_message(message_id, canonical=True)
    assert (own.dialect, own.original) == ("qcvn102_dotnet", False)
    assert (canonical.dialect, canonical.original) == ("qcvn102_java", True)
    assert canonical.sha256 == own.original_sha256
    certificate = bus.app.settings.trust.certificate_file.read_bytes()
    der = keys.make_binding("bus", certificate, bus.app.clock.now()).certificate_der
    pinned = keys.pinned(der, "bus", bus.app.clock.now())
    verdict = xmldsig.verify_document(own.content, pinned)
    assert verdict is not None
    assert (verdict.intact, verdict.signer, verdict.cause) == (True, "bus", None)


def test_ping_says_who_and_where(bus: RunningBus) -> None:
    """Ping names the caller, its method and the row that would route; unknown ones are parked."""
    client = bus.client("G09")
    pong = client.ping("000.00.00.H57")
    assert (pong.agency, pong.method) == ("G09", CallerMethod.SIGNATURE)
    assert (pong.action, pong.row) == ("deliver", 1)
    assert pong.routes_version == bus.app.routes.current().version
    assert client.ping().action is None
    before = bus.app.database.store.counts().get("messages", 0)
    client.ping("H57")
    assert bus.app.database.store.counts().get("messages", 0) == before


def test_the_directory_is_searched_and_followed(bus: RunningBus) -> None:
    """A search finds by name without accents and by any code; a sync gives what changed since."""
    client = bus.client("G09")
    found = client.find_agencies("co quan h57")
    assert [one.code for one in found.items] == ["H57"]
    assert client.find_agencies("000.00.00.H17").items[0].code == "H17"
    assert client.find_agencies(since_version=found.version).items == ()
    bus.app.database.directory.register(agency("NEW", name="Cơ quan mới"))
    changed = client.find_agencies(since_version=found.version)
    assert [one.code for one in changed.items] == ["NEW"]
    assert changed.version > found.version
    locked = {one.code for one in client.find_agencies().items if one.state is AgencyState.LOCKED}
    assert locked == {"H29"}


def test_the_directory_comes_in_pages(bus: RunningBus) -> None:
    """Paging through the directory meets every agency once."""
    client = bus.client("G09")
    seen: list[str] = []
    more = True
    while more:
        page = client.find_agencies(offset=len(seen), limit=3)
        seen += [one.code for one in page.items]
        more = page.more
    assert len(seen) == len(set(seen))
    assert {one.code for one in NATION} <= set(seen)


# Who may call


def test_a_token_agency_sends_without_signing(bus: RunningBus) -> None:
    """An agency whose policy is a token sends unsigned documents with it, and only as itself."""
    client = ExchangeClient(bus.url, token=TOKEN)
    dialect = bus.app.parts.dialects.get("qcvn102_java")
    unsigned = dialect.write(bus.letter("G22", "H57", number=60)).content
    assert client.ping().method is CallerMethod.TOKEN
    message_id = client.send_document(unsigned).receipt.message_id
    assert until(lambda: item(bus, "H57", message_id)).sender == "G22"
    with pytest.raises(errors.NotAuthorised) as caught:
        client.send_document(dialect.write(bus.letter("G09", "H57", number=61)).content)
    assert caught.value.code == "AUT-002"


def test_a_clearing_house_speaks_for_its_members(bus: RunningBus) -> None:
    """A registered clearing-house sends for a member and reads its mailbox, for others it may not."""
    house = bus.client("CLR")
    dialect = bus.app.parts.dialects.get("qcvn102_java")
    unsigned = dialect.write(bus.letter("G09", "H57", number=62)).content
    message_id = house.send_document(unsigned).receipt.message_id
    assert until(lambda: item(bus, "H57", message_id)).sender == "G09"
    assert house.get_trace(message_id).message.sender == "G09"
    incoming = send(bus, "H17", number=63)
    assert incoming in {one.message_id for one in house.list_pending(agency="H17").items}
    assert house.acknowledge(incoming, done=True, agency="H17").recipient == "H17"
    with pytest.raises(errors.NotAuthorised) as caught:
        house.send_document(dialect.write(bus.letter("H57", "G09", number=64)).content)
    assert caught.value.code == "AUT-002"


def test_a_document_signature_can_be_demanded(bus: RunningBus) -> None:
    """Where the policy demands it, a signed call alone does not carry an unsigned document."""
    client = bus.client("STRICT")
    letter = bus.letter("STRICT", "H57", number=65)
    with pytest.raises(errors.SignatureRejected) as caught:
        client.send_document(bus.app.parts.dialects.get("qcvn102_java").write(letter).content)
    assert caught.value.code == "SIG-001"
    assert client.send_document(bus.signed(letter)).duplicate is False


def test_a_locked_agency_may_do_nothing(bus: RunningBus) -> None:
    """Every operation of a locked agency is refused with AUT-003."""
    client = bus.client("H29")
    content = bus.signed(bus.letter("H29", "H57", number=66))
    for attempt in (
        lambda: client.send_document(content),
        lambda: client.send_package(content),
        client.list_pending,
        client.find_agencies,
        client.ping,
        lambda: client.get_trace("0" * 32),
    ):
        with pytest.raises(errors.NotAuthorised) as caught:
            attempt()
        assert caught.value.code == "AUT-003"


def test_the_old_name_of_an_agency_is_the_same_agency(bus: RunningBus) -> None:
    """Codes of another system, in sender and recipient, lead to the same mailbox."""
    letter = bus.letter("G09", "000.00.00.H57", number=67)
    old = replace(letter, sender=replace(letter.sender, organ_id="000.00.00.G09"))
    content = bus.signed(old, by="G09")
    assert etree.fromstring(content).findtext(f".//{{{QCVN}}}From/{{{QCVN}}}OrganId")
    message_id = bus.client("G09").send_document(content).receipt.message_id
    assert until(lambda: item(bus, "H57", message_id)).sender == "G09"
