"""What the exchange service answers beyond the journey itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.running_bus import agency

from bus.errors import NotAuthorised, SchemaRejected, SignatureRejected
from bus.model import Caller, CallerMethod, StatusCode, TrustPolicy

if TYPE_CHECKING:
    from conftest import Desk


def test_a_dialect_the_caller_invents_is_the_callers_mistake(desk: Desk) -> None:
    """An unknown dialect in SendPackage is refused as such, not as a fault of the bus."""
    with pytest.raises(SchemaRejected) as caught:
        desk.bus.app.exchange.send_package(desk.call("G09"), b"<x/>", "qcvn102_jawa")
    assert caught.value.code == "DOC-002"
    assert "qcvn102_java" in caught.value.message


@pytest.mark.parametrize(
    ("recipient", "action", "reason"),
    [
        ("H53", "deliver", ""),
        ("000.00.00.H53", "deliver", ""),
        ("H29", "none", "RTE-003"),
        ("K99", "none", "RTE-002"),
        ("K01", "none", "RTE-006"),
    ],
    ids=["known", "known by another code", "locked", "unknown", "not connected"],
)
def test_ping_says_what_a_document_would_meet(
    desk: Desk, recipient: str, action: str, reason: str
) -> None:
    """A recipient who could not be served is told as such, whatever row matches."""
    desk.bus.app.database.directory.register(agency("K01", dialect=None, channel=None))
    pong = desk.bus.app.exchange.ping(desk.call("G09"), recipient)
    assert pong.decision is not None
    assert (pong.decision.action, pong.decision.reason) == (action, reason)


def test_a_trace_by_document_covers_every_call(desk: Desk) -> None:
    """A vendor that calls once per recipient still sees one timeline with all recipients."""
    document = desk.letter("H53")
    for code in ("H53", "H57"):
        desk.send(desk.letter(code))
    desk.send(desk.status(StatusCode.ARRIVED, "H53", document, datetime.now(UTC)))
    trace = desk.bus.app.exchange.get_trace(desk.call("G09"), None, "G09", document.document_id)
    assert [d.recipient for d in trace.deliveries] == ["H53", "H57"]
    assert [(s.reporter, s.code) for s in trace.statuses] == [("H53", "01")]
    assert [e.event for e in trace.events] == ["accepted", "accepted"]


def test_a_recipient_sees_its_own_copy_only(desk: Desk) -> None:
    """A recipient's trace names no other recipient, and a stranger gets none."""
    document = desk.letter("H53")
    for code in ("H53", "H57"):
        desk.send(desk.letter(code))
    exchange = desk.bus.app.exchange
    trace = exchange.get_trace(desk.call("H53"), None, "G09", document.document_id)
    assert [d.recipient for d in trace.deliveries] == ["H53"]
    assert trace.events == ()
    with pytest.raises(NotAuthorised) as caught:
        exchange.get_trace(desk.call("H17"), None, "G09", document.document_id)
    assert caught.value.code == "AUT-004"


def test_a_stronger_proof_than_the_policy_asks_for_opens_the_mailbox(desk: Desk) -> None:
    """A client certificate is enough where a token is: one rule for sending and for fetching."""
    call = replace(desk.call("H53"), caller=Caller(agency="H53", method=CallerMethod.MTLS))
    page = desk.bus.app.exchange.list_pending(call, None, None, 0, 10)
    assert page.items == ()


def test_a_weaker_proof_than_the_policy_asks_for_does_not(desk: Desk) -> None:
    """A token is not enough where a signature is asked for."""
    desk.bus.app.database.directory.set_policy("H53", TrustPolicy())
    with pytest.raises(SignatureRejected):
        desk.bus.app.exchange.list_pending(desk.call("H53"), None, None, 0, 10)
