"""However a sender splits, repeats or races its calls, each agency gets a document once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bus.errors import Conflict
from bus.model import DeliveryState, StatusCode
from bus.ports import DuplicateQuery, KnownMessage

if TYPE_CHECKING:
    from conftest import Desk

PENDING = DeliveryState.PENDING
COPY_TO_ARCHIVE = '[[route]]\ncopy_to = ["H01"]\n\n[[route]]\ndeliver = true\n'
COPY_OF_H57 = '[[route]]\nrecipient = "H57"\ncopy_to = ["H01"]\n\n[[route]]\ndeliver = true\n'
MERGED = (
    '[[route]]\nrecipient = "H53"\nredirect_to = "H01"\n\n'
    '[[route]]\nrecipient = "H57"\nredirect_to = "H01"\n\n[[route]]\ndeliver = true\n'
)


class Overtaken:
    """The store of a request that another one overtakes between its question and its commit."""

    def __init__(self, store: Any, overtake: Callable[[], object]) -> None:
        self._store = store
        self._overtake: Callable[[], object] | None = overtake

    def duplicates(self, query: DuplicateQuery) -> tuple[KnownMessage, ...]:
        """What was known before the other request was stored."""
        found: tuple[KnownMessage, ...] = self._store.duplicates(query)
        overtake, self._overtake = self._overtake, None
        if overtake is not None:
            overtake()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.parametrize(
    ("table", "expected"),
    [(COPY_TO_ARCHIVE, ["H01", "H53", "H57"]), (MERGED, ["H01"])],
    ids=["copy row", "two redirected to one"],
)
def test_racing_calls_for_single_recipients_double_nothing(
    desk: Desk, table: str, expected: list[str]
) -> None:
    """A vendor that calls once per recipient, at once, sends nobody two copies."""
    desk.bus.reload(table)
    first: list[Any] = []
    store = Overtaken(desk.parts.store, lambda: first.append(desk.send(desk.letter("H53"))))
    second = desk.send(desk.letter("H57"), replace(desk.parts, store=store))
    assert sorted(code for code, _ in desk.copies_of(first[0], second)) == expected
    assert not second.duplicate


def test_a_copy_row_of_a_later_recipient_fires(desk: Desk) -> None:
    """A copy that only the second recipient's row adds is made with the second call."""
    desk.bus.reload(COPY_OF_H57)
    first = desk.send(desk.letter("H53"))
    second = desk.send(desk.letter("H57"))
    assert desk.copies_of(first) == [("H53", PENDING)]
    assert desk.copies_of(second) == [("H57", PENDING), ("H01", PENDING)]


def test_a_recipient_that_has_a_copy_already_gets_no_second(desk: Desk) -> None:
    """Naming an agency that a copy row served is answered `already` and sends nothing."""
    desk.bus.reload(COPY_TO_ARCHIVE)
    first = desk.send(desk.letter("H53"))
    second = desk.send(desk.letter("H01"))
    assert desk.copies_of(first, second) == [("H53", PENDING), ("H01", PENDING)]
    assert [(r.recipient, r.already) for r in second.receipt.recipients] == [("H01", True)]


def test_a_copy_that_was_given_up_does_not_stand_in_the_way(desk: Desk) -> None:
    """What an operator took back from an agency is delivered when the sender names the agency."""
    desk.bus.reload(COPY_TO_ARCHIVE)
    first = desk.send(desk.letter("H53"))
    store = desk.bus.app.database.store
    assert store.cancel(first.receipt.message_id, "H01", desk.parts.clock.now()) == 1
    second = desk.send(desk.letter("H01"))
    assert desk.copies_of(second) == [("H01", PENDING)]


def test_statuses_about_like_named_documents_of_two_issuers_are_two(desk: Desk) -> None:
    """DocumentId is unique for its issuer only: both reports of one second are accepted."""
    at = datetime.now(UTC)
    document = desk.letter("H53")
    one = desk.status(StatusCode.ARRIVED, "H53", document, at, organ_id="G09")
    other = desk.status(StatusCode.ARRIVED, "H53", document, at, organ_id="H17")
    results = [desk.send(one), desk.send(other)]
    assert desk.copies_of(*results) == [("G09", PENDING), ("H17", PENDING)]


def test_a_recall_goes_to_several_recipients_in_one_second(desk: Desk) -> None:
    """Status 13 names in ResponseFor whom it goes to: one to each is no contradiction."""
    document = desk.letter("H53", "H57")
    desk.send(document)
    at = datetime.now(UTC)
    results = [
        desk.send(desk.status(StatusCode.RECALL_REQUESTED, "G09", document, at, organ_id=code))
        for code in ("H53", "H57")
    ]
    assert desk.copies_of(*results) == [("H53", PENDING), ("H57", PENDING)]


def test_a_repeated_status_is_one(desk: Desk) -> None:
    """The same status, sent again with another spelling of the issuer's code, is not sent on."""
    document = desk.letter("H53")
    desk.send(document)
    at = datetime.now(UTC)
    first = desk.send(desk.status(StatusCode.ARRIVED, "H53", document, at))
    again = desk.send(
        desk.status(StatusCode.ARRIVED, "H53", document, at, organ_id="000.00.00.G09")
    )
    assert again.duplicate
    assert again.receipt == first.receipt


def test_other_content_under_one_status_key_is_refused(desk: Desk) -> None:
    """The same code and instant with another description contradicts what was said."""
    document = desk.letter("H53")
    desk.send(document)
    first = desk.status(StatusCode.ARRIVED, "H53", document, datetime.now(UTC))
    desk.send(first)
    with pytest.raises(Conflict) as caught:
        desk.send(replace(first, description="khác"))
    assert caught.value.code == "DUP-001"
