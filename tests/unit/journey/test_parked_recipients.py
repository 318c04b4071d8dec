"""Parked recipients get another chance whenever table or directory change, and only one copy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.running_bus import agency

from bus import rerouting
from bus.envelope.notice import read_notice
from bus.errors import Defect
from bus.model import AgencyState, DeliveryState, Kind, PolicyMode, TrustPolicy
from bus.pipeline import tell
from bus.rerouting import Rerouter, reroute_parked

if TYPE_CHECKING:
    from conftest import Desk

    from bus.model import AcceptResult

LIVE = "[[route]]\ndeliver = true\n"
ONLY_H53 = '[[route]]\nrecipient = "H53"\ndeliver = true\n'
H57_IS_H01 = '[[route]]\nrecipient = "H57"\nredirect_to = "H01"\n\n[[route]]\ndeliver = true\n'


def reroute(desk: Desk) -> int:
    """Ask the table of now about everything that is parked."""
    parts = desk.parts
    routes = parts.routes.current()
    return reroute_parked(parts.store, parts.directory, routes, lambda copy: tell(copy, parts))


def events(desk: Desk, result: AcceptResult) -> list[tuple[str, str | None]]:
    """What the record says of a message."""
    trace = desk.parts.store.trace(result.receipt.message_id)
    return [(event.event, event.agency) for event in trace.events]


def test_a_parked_copy_moves_on_with_the_next_table(desk: Desk) -> None:
    """No route, then one: the copy becomes due and the record says so."""
    desk.bus.reload(ONLY_H53)
    sent = desk.send(desk.letter("H57"))
    assert desk.copies_of(sent) == [("H57", DeliveryState.PARKED)]
    desk.bus.reload(LIVE)
    assert reroute(desk) == 1
    assert desk.copies_of(sent) == [("H57", DeliveryState.PENDING)]
    assert ("rerouted", "H57") in events(desk, sent)


def test_the_sender_is_told_when_a_later_table_rejects_a_parked_copy(desk: Desk) -> None:
    """The receipt said parked: that it will never arrive needs a report of its own, once."""
    desk.bus.reload(ONLY_H53)
    sent = desk.send(desk.letter("H57"))
    desk.bus.reload('[[route]]\nreject = "đã giải thể"\n')
    assert reroute(desk) == 1
    assert reroute(desk) == 0
    assert desk.copies_of(sent) == [("H57", DeliveryState.REJECTED)]
    (notice,) = desk.parts.store.claim(
        worker="w", limit=9, lease_s=60, now=desk.parts.clock.now()
    ).deliveries
    assert (notice.kind, notice.recipient) == (Kind.NOTICE, "G09")
    told = read_notice(desk.parts.store.body(notice.message_id))
    assert (told.message_id, told.recipient) == (sent.receipt.message_id, "H57")
    assert (told.state, told.reason) == (DeliveryState.REJECTED, "RTE-005 đã giải thể")


def test_a_copy_that_stays_parked_says_why_it_does_now(desk: Desk) -> None:
    """An unknown recipient that is registered without a route lacks a route from then on."""
    desk.bus.reload(ONLY_H53)
    sent = desk.send(desk.letter("K99"))
    assert [d.reason for d in desk.deliveries(sent)] == ["RTE-002"]
    known = agency("K99", policy=TrustPolicy(mode=PolicyMode.TOKEN))
    desk.bus.app.database.directory.register(known)
    assert reroute(desk) == 0
    assert [(d.state, d.reason) for d in desk.deliveries(sent)] == [
        (DeliveryState.PARKED, "RTE-001")
    ]
    before = events(desk, sent)
    assert reroute(desk) == 0
    assert events(desk, sent) == before


def test_a_parked_copy_never_doubles_one_of_a_later_call(desk: Desk) -> None:
    """The merged agency got the document by another call meanwhile: the parked copy is taken back."""
    desk.bus.reload(ONLY_H53)
    parked = desk.send(desk.letter("H57"))
    desk.bus.reload(H57_IS_H01)
    later = desk.send(desk.letter("H01"))
    reroute(desk)
    assert desk.copies_of(parked, later) == [
        ("H57", DeliveryState.CANCELLED),
        ("H01", DeliveryState.PENDING),
    ]


def test_a_parked_copy_of_a_copy_row_needs_no_route_of_its_own(desk: Desk) -> None:
    """A copy for a locked agency goes to it when it is unlocked, as it would have at first."""
    desk.bus.reload('[[route]]\ncopy_to = ["H29"]\n\n' + ONLY_H53)
    sent = desk.send(desk.letter("H53"))
    assert desk.copies_of(sent)[1] == ("H29", DeliveryState.PARKED)
    desk.bus.app.database.directory.set_state("H29", AgencyState.LIVE)
    assert reroute(desk) == 1
    assert desk.copies_of(sent)[1] == ("H29", DeliveryState.PENDING)


class Late:
    """A directory that shows a change of another process a moment late, as the cached one may."""

    def __init__(self, desk: Desk) -> None:
        self._now = desk.parts.directory
        self._before = {code: self._now.find(code) for code in ("G09", "H29")}
        self.is_late = True

    def find(self, code: str) -> object:
        """The agency as it was, while late."""
        return self._before[code] if self.is_late else self._now.find(code)

    def __getattr__(self, name: str) -> object:
        return getattr(self._now, name)


def watching(desk: Desk, directory: object) -> Rerouter:
    """The rerouter of a bus, not started."""
    return Rerouter(
        desk.parts.store,
        directory,
        desk.parts.routes,
        tell=lambda copy: tell(copy, desk.parts),
        directory_version=desk.bus.app.database.directory.version,
        poll_s=0.01,
    )


def test_a_change_that_is_seen_late_is_not_missed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agency unlocked by another process is served although the cache still knew it locked."""
    monkeypatch.setattr(rerouting, "SETTLE_S", 0.0)
    sent = desk.send(desk.letter("H29"))
    late = Late(desk)
    rerouter = watching(desk, late)
    desk.bus.app.database.directory.set_state("H29", AgencyState.LIVE)
    rerouter.look()
    late.is_late = False
    rerouter.look()
    assert desk.copies_of(sent) == [("H29", DeliveryState.PENDING)]


def test_what_was_parked_by_old_knowledge_is_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message routed before a change and stored after its evaluation does not wait for ever."""
    monkeypatch.setattr(rerouting, "SETTLE_S", 0.0)
    late = Late(desk)
    desk.bus.app.database.directory.set_state("H29", AgencyState.LIVE)
    rerouter = watching(desk, desk.parts.directory)
    rerouter.look()
    sent = desk.send(desk.letter("H29"), replace(desk.parts, directory=late))
    assert desk.copies_of(sent) == [("H29", DeliveryState.PARKED)]
    rerouter.look()
    assert desk.copies_of(sent) == [("H29", DeliveryState.PENDING)]


def test_nothing_is_asked_again_while_nothing_changes(desk: Desk) -> None:
    """Once a change has settled, looking costs two version numbers."""
    asked = []

    class Counting:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            return getattr(desk.parts.store, name)

    rerouter = watching(desk, desk.parts.directory)
    rerouter._store = Counting()
    rerouter.look()
    rerouter.look()
    assert asked == ["parked"]


def test_a_defect_does_not_end_the_watch(desk: Desk) -> None:
    """One delivery that trips a bug is told in the log; the next look comes."""

    class Broken:
        def parked(self, **_: object) -> object:
            raise Defect("damaged row", code="STO-002")

    rerouter = watching(desk, desk.parts.directory)
    rerouter._store = Broken()
    rerouter.look()
