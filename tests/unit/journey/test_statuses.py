"""Statuses: who may tell which, about what, and what the issuer sees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bus.errors import SchemaRejected
from bus.model import DeliveryState, Severity, StatusCode

if TYPE_CHECKING:
    from conftest import Desk

H57_IS_H01 = '[[route]]\nrecipient = "H57"\nredirect_to = "H01"\n\n[[route]]\ndeliver = true\n'
OF_RECIPIENTS = sorted(set(StatusCode) - {StatusCode.RECALL_REQUESTED})
NOW = datetime.now(UTC)


@pytest.mark.parametrize("code", OF_RECIPIENTS)
def test_a_recipient_tells_the_issuer(desk: Desk, code: StatusCode) -> None:
    """Every status of a recipient goes to the issuer, unflagged, and stands in the trace."""
    document = desk.letter("H53")
    sent = desk.send(document)
    told = desk.send(desk.status(code, "H53", document, NOW))
    assert desk.copies_of(told) == [("G09", DeliveryState.PENDING)]
    assert told.receipt.warnings == ()
    statuses = desk.parts.store.trace(sent.receipt.message_id).statuses
    assert [(s.reporter, s.issuer, s.code) for s in statuses] == [("H53", "G09", code.value)]


def test_the_issuer_asks_a_document_back(desk: Desk) -> None:
    """Status 13 goes from the issuer to the recipient it names, as a fact about its own document."""
    document = desk.letter("H53", "H57")
    sent = desk.send(document)
    asked = desk.status(StatusCode.RECALL_REQUESTED, "G09", document, NOW, organ_id="H57")
    told = desk.send(asked)
    assert desk.copies_of(told) == [("H57", DeliveryState.PENDING)]
    assert told.receipt.warnings == ()
    statuses = desk.parts.store.trace(sent.receipt.message_id).statuses
    assert [(s.reporter, s.issuer, s.code) for s in statuses] == [("G09", "G09", "13")]


@pytest.mark.parametrize("code", OF_RECIPIENTS)
def test_the_issuer_cannot_tell_what_the_recipient_did(desk: Desk, code: StatusCode) -> None:
    """A status of a recipient told by the issuer, to the recipient, is refused."""
    document = desk.letter("H53")
    desk.send(document)
    with pytest.raises(SchemaRejected) as caught:
        desk.send(desk.status(code, "G09", document, NOW, organ_id="H53"))
    refusing = [p for p in caught.value.problems if p.severity is Severity.REJECT]
    assert [p.rule for p in refusing] == ["LIF-001"]
    assert refusing[0].path.endswith("/ResponseFor/DocumentId")
    assert refusing[0].line > 0


def test_a_recipient_cannot_recall(desk: Desk) -> None:
    """A recall by the recipient, addressed to the issuer, is refused."""
    document = desk.letter("H53")
    desk.send(document)
    with pytest.raises(SchemaRejected) as caught:
        desk.send(desk.status(StatusCode.RECALL_REQUESTED, "H53", document, NOW))
    assert "LIF-001" in {p.rule for p in caught.value.problems}


@pytest.mark.parametrize("code", [StatusCode.FINISHED, StatusCode.RECALL_REQUESTED])
def test_a_stranger_to_the_document_is_flagged(desk: Desk, code: StatusCode) -> None:
    """An agency that did not get the document through the bus is flagged in the receipt."""
    document = desk.letter("H53")
    desk.send(document)
    recall = code is StatusCode.RECALL_REQUESTED
    told = desk.send(
        desk.status(code, "G09", document, NOW, organ_id="H17")
        if recall
        else desk.status(code, "H17", document, NOW)
    )
    assert told.receipt.warnings == ("LIF-002",)


def test_a_document_the_bus_never_carried_is_no_reason_to_object(desk: Desk) -> None:
    """Statuses about what travelled before the bus was there are taken as they are."""
    told = desk.send(desk.status(StatusCode.ARRIVED, "H53", desk.letter("H53"), NOW))
    assert told.receipt.warnings == ()


@pytest.mark.parametrize("reporter", ["H57", "H01"])
def test_old_and_new_agency_may_tell_of_a_redirected_document(desk: Desk, reporter: str) -> None:
    """After a merger both codes are recipients: the one that was asked for and the one it reached."""
    desk.bus.reload(H57_IS_H01)
    document = desk.letter("H57")
    desk.send(document)
    told = desk.send(desk.status(StatusCode.ARRIVED, reporter, document, NOW))
    assert told.receipt.warnings == ()
