"""Pushing to real HTTP receivers that behave well or badly."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bus import errors
from bus.channels.soap import SoapChannel, open_channel
from bus.config import DeliverySettings
from bus.model import OutcomeKind
from tests.support import receiver as receivers
from tests.support.parcels import CONTENT, PlainSigner, parcel

SETTINGS = DeliverySettings(timeout_s=1.0)


@pytest.fixture
def receiver() -> Iterator[receivers.Receiver]:
    with receivers.running() as running:
        yield running


@pytest.fixture
def channel() -> SoapChannel:
    return open_channel(SETTINGS, PlainSigner())


@pytest.mark.parametrize("port", ["ReceiverSoap11", "ReceiverSoap12"])
def test_a_message_arrives_whole_by_both_soap_versions(
    receiver: receivers.Receiver, channel: SoapChannel, port: str
) -> None:
    """The receiver gets the very bytes with their digest, and its own number comes back."""
    outcome = channel.deliver(parcel(receiver.wsdl_url, port=port))
    assert outcome.kind is OutcomeKind.DONE
    assert outcome.reason == "SO-m-1"
    assert receiver.inbox == {"m-1": CONTENT}
    media = receiver.headers[0]["Content-Type"]
    assert ("application/soap+xml" in media) == (port == "ReceiverSoap12")


def test_every_request_is_signed_unless_the_registration_says_no(
    receiver: receivers.Receiver,
) -> None:
    """What goes out is what the signer returned; `security = none` leaves the signer alone."""
    signer = PlainSigner()
    channel = open_channel(SETTINGS, signer)
    channel.deliver(parcel(receiver.wsdl_url))
    assert b"<!-- signed -->" in receiver.requests[0]
    channel.deliver(parcel(receiver.wsdl_url, security="none"))
    assert b"<!-- signed -->" not in receiver.requests[1]
    assert signer.calls == 1


def test_a_push_repeated_after_a_lost_answer_is_recognised(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """The second push of one message carries the same messageId, so the receiver keeps it once."""
    receiver.behaviour = receivers.in_turn(receivers.cut, receivers.accept)
    with pytest.raises(errors.PeerUnavailable, match="reached"):
        channel.deliver(parcel(receiver.wsdl_url))
    assert channel.deliver(parcel(receiver.wsdl_url)).kind is OutcomeKind.DONE
    assert len(receiver.requests) == 2
    assert receiver.inbox == {"m-1": CONTENT}


def test_the_wsdl_is_loaded_once(receiver: receivers.Receiver, channel: SoapChannel) -> None:
    """Many pushes from many threads read the WSDL one time."""
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(
            pool.map(
                lambda number: channel.deliver(parcel(receiver.wsdl_url, number=number)), range(40)
            )
        )
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.DONE}
    assert len(receiver.downloads) == 1
    assert len(receiver.inbox) == 40


@pytest.mark.parametrize(
    ("behaviour", "kind", "code"),
    [
        (receivers.hang, errors.PeerUnavailable, "DLV-001"),
        (receivers.cut, errors.PeerUnavailable, "DLV-001"),
        (receivers.drip, errors.PeerUnavailable, "DLV-001"),
        (receivers.huge, errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(200, b"<html><p>Xin chao", "text/html"), errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(200, b"\x00\xff\x10", "text/xml"), errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(200, b""), errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(200, b"{}", "application/json"), errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(200, receivers.reply("<ok/>")), errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(404, b"<html/>", "text/html"), errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(302, b"", Location="http://127.0.0.1:1/"), errors.PeerUnavailable, "DLV-003"),
        (receivers.answering(502, b"<html/>", "text/html"), errors.PeerUnavailable, "DLV-001"),
        (receivers.answering(401, b"no", "text/plain"), errors.PeerUnavailable, "DLV-008"),
        (receivers.answering(503, b""), errors.PeerBusy, "DLV-002"),
        (receivers.answering(413, b""), errors.DeliveryRefused, "DLV-004"),
        (receivers.answering(200, b"x", Content_Encoding="gzip"), errors.PeerUnavailable, "DLV-003"),
        (receivers.fault("Client", "sai mã"), errors.DeliveryRefused, "DLV-004"),
        (receivers.fault("Server", "ORA-00600"), errors.PeerUnavailable, "DLV-007"),
        (receivers.refuse(), errors.DeliveryRefused, "DLV-004"),
    ],
)  # fmt: skip
def test_each_misbehaviour_has_its_outcome(
    receiver: receivers.Receiver,
    channel: SoapChannel,
    behaviour: receivers.Behaviour,
    kind: type[errors.BusError],
    code: str,
) -> None:
    """Whatever a receiver does, the channel says: try again, come back later, or refused."""
    receiver.behaviour = behaviour
    with pytest.raises(errors.BusError) as caught:
        channel.deliver(parcel(receiver.wsdl_url))
    assert (type(caught.value), caught.value.code) == (kind, code)


def test_redirects_are_not_followed(receiver: receivers.Receiver, channel: SoapChannel) -> None:
    """A document is never sent on to an address that nobody registered."""
    with receivers.running() as elsewhere:
        receiver.behaviour = receivers.answering(307, b"", Location=elsewhere.url)
        with pytest.raises(errors.PeerUnavailable, match="redirect"):
            channel.deliver(parcel(receiver.wsdl_url))
        assert elsewhere.requests == []


def test_the_refusal_carries_the_receivers_words(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """The reason that the sender reads is the receiver's own, bounded."""
    receiver.behaviour = receivers.refuse("hồ sơ không đúng thẩm quyền " + "x" * 5000)
    with pytest.raises(errors.DeliveryRefused, match="không đúng thẩm quyền") as caught:
        channel.deliver(parcel(receiver.wsdl_url))
    assert len(caught.value.detail) <= 400


def test_retry_after_reaches_the_schedule(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """A 503 with Retry-After says in how many seconds to come back."""
    receiver.behaviour = receivers.answering(503, b"", Retry_After="120")
    with pytest.raises(errors.PeerBusy) as caught:
        channel.deliver(parcel(receiver.wsdl_url))
    assert caught.value.retry_after_s == 120


def test_nobody_listening_is_a_reason_to_try_again(channel: SoapChannel) -> None:
    """A refused connection and a name that does not exist are both PeerUnavailable."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/x?wsdl", "http://nowhere.invalid/x?wsdl"):
        with pytest.raises(errors.PeerUnavailable):
            channel.deliver(parcel(url))


def test_a_wsdl_that_comes_later_is_read_then(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """A failed load is not remembered: the next try reads the WSDL again."""
    receiver.refuse_get = 503
    with pytest.raises(errors.PeerBusy):
        channel.deliver(parcel(receiver.wsdl_url))
    receiver.refuse_get = None
    assert channel.deliver(parcel(receiver.wsdl_url)).kind is OutcomeKind.DONE


def test_a_wsdl_may_not_reach_beyond_its_own_host(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """An import of another host or of a local file is refused before anything is fetched."""
    with receivers.running() as elsewhere:
        for location in (f"{elsewhere.url}/types.xsd", "file:///etc/hostname"):
            imported = f'<xsd:import namespace="urn:x" schemaLocation="{location}"/>'.encode()
            receiver.wsdl = receiver.wsdl.replace(
                b'<xsd:element name="Receive">', imported + b'<xsd:element name="Receive">', 1
            )
            with pytest.raises(errors.BusError):
                channel.deliver(parcel(receiver.wsdl_url))
        assert elsewhere.downloads == []
    assert receiver.requests == []


def test_a_wsdl_with_entities_is_refused(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """A document type declaration in a WSDL stops the load."""
    receiver.wsdl = receiver.wsdl.replace(
        b"<wsdl:definitions", b'<!DOCTYPE a [<!ENTITY b "c">]><wsdl:definitions', 1
    )
    with pytest.raises(errors.PeerUnavailable) as caught:
        channel.deliver(parcel(receiver.wsdl_url))
    assert caught.value.code == "DLV-003"


def test_a_wsdl_may_not_name_another_host_to_send_to(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """Only the option `endpoint`, which an operator sets, sends elsewhere than to the WSDL's host."""
    receiver.wsdl = receiver.wsdl.replace(receiver.url.encode(), b"http://localhost:1/receiver")
    with pytest.raises(errors.Misconfigured, match="endpoint"):
        channel.deliver(parcel(receiver.wsdl_url))
    outcome = channel.deliver(parcel(receiver.wsdl_url, endpoint=receiver.url))
    assert outcome.kind is OutcomeKind.DONE


@pytest.mark.parametrize(
    "options",
    [
        {"operation": "Nhan"},
        {"port": "Nope"},
        {"service": "Nope"},
        {"arg__wrong": "messageId"},
        {"arg__messageId": "nothing"},
        {"ok": "accepted"},
        {"colour": "red"},
        {"security": "maybe"},
    ],
)
def test_a_registration_that_does_not_fit_is_named(
    receiver: receivers.Receiver, channel: SoapChannel, options: dict[str, str]
) -> None:
    """Wrong options are the operator's to mend and never reach the receiver."""
    with pytest.raises(errors.Misconfigured) as caught:
        channel.deliver(parcel(receiver.wsdl_url, **options))
    assert caught.value.code == "CFG-002"
    assert receiver.requests == []


def test_a_fault_that_says_already_there_counts_as_delivered(
    receiver: receivers.Receiver, channel: SoapChannel
) -> None:
    """With `already`, a receiver's complaint about a repeated push means that it has the message."""
    receiver.behaviour = receivers.fault("Client", "M.Exist: đã có")
    outcome = channel.deliver(parcel(receiver.wsdl_url, already="M.Exist"))
    assert outcome.kind is OutcomeKind.DONE


def test_an_address_that_is_no_url_is_misconfigured(channel: SoapChannel) -> None:
    """Local paths, other schemes and broken ports are refused without touching anything."""
    for address in ("/etc/passwd", "file:///etc/passwd", "ftp://h/x", "http://h:port/", ""):
        with pytest.raises(errors.Misconfigured):
            channel.deliver(parcel(address))


@pytest.mark.parametrize("drip", [receivers.drip, receivers.drip_headers])
def test_a_dripping_answer_ends_at_the_deadline(
    receiver: receivers.Receiver, channel: SoapChannel, drip: receivers.Behaviour
) -> None:
    """A receiver that sends a byte now and then cannot hold a worker for ever."""
    receiver.behaviour = drip
    started = time.monotonic()
    with pytest.raises(errors.PeerUnavailable):
        channel.deliver(parcel(receiver.wsdl_url))
    assert time.monotonic() - started < 10 * SETTINGS.timeout_s


def test_a_session_carries_no_secrets_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials in a .netrc are never sent to a receiver."""
    secrets = tmp_path / "netrc"
    secrets.write_text("default login bus password secret\n")
    monkeypatch.setenv("NETRC", str(secrets))
    with receivers.running() as receiver:
        channel = open_channel(SETTINGS, PlainSigner())
        channel.deliver(parcel(receiver.wsdl_url))
        assert "Authorization" not in receiver.headers[0]
