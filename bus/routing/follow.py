"""How a decision comes about once rows can be found: redirects followed, copies collected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bus.model.codes import fold
from bus.ports import Directory, RouteDecision, RouteQuery
from bus.routing.reach import Reach, reach
from bus.routing.row import Action, Row

#: Most redirects one message follows; a longer chain is parked like a circle.
MAX_REDIRECTS = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one row decides, without its conditions."""

    action: Action
    target: str | None = None
    copies: tuple[str, ...] = ()
    #: Why a row rejects, or the operator's remark on why it holds.
    reason: str = ""

    @classmethod
    def of(cls, row: Row) -> Verdict:
        """The decision of a row."""
        reason = row.note if row.action is Action.HOLD else row.reason
        return cls(row.action, row.target, row.copies, reason)


class Rows(Protocol):
    """A way to find rows: by index, or by reading one after the other."""

    def first(
        self, query: RouteQuery, recipient: Reach, sender: Reach
    ) -> tuple[int, Verdict] | None:
        """The first row that decides, with its number.

        A redirect row does not match what already goes to its target: so
        `recipient = "under:H53", redirect_to = "H53"` gathers a tree at its root.
        """

    def copying(
        self, query: RouteQuery, recipient: Reach, sender: Reach
    ) -> Iterable[tuple[int, Verdict]]:
        """Every copy row that matches, in table order."""


@dataclass(slots=True)
class Walk:
    """One message's way through the table."""

    query: RouteQuery
    #: The recipient after the redirects so far.
    recipient: str
    #: (row, recipient it redirected to).
    hops: list[tuple[int, str]] = field(default_factory=list)
    copies: dict[str, tuple[str, int]] = field(default_factory=dict)
    loop: bool = False
    row: int = 0
    verdict: Verdict | None = None


def walk(rows: Rows, query: RouteQuery, directory: Directory) -> Walk:
    """Follow one recipient of one message to the row that decides."""
    way = Walk(query, query.recipient)
    sender = reach(query.sender, directory)
    seen: set[str] = set()
    while True:
        there = reach(way.recipient, directory)
        way.loop = not seen.isdisjoint(there.own) or len(way.hops) > MAX_REDIRECTS
        if way.loop:
            return way
        seen |= there.own
        for number, verdict in rows.copying(query, there, sender):
            for code in verdict.copies:
                primary = _primary(code, directory)
                way.copies.setdefault(fold(primary), (primary, number))
        found = rows.first(query, there, sender)
        if found is None:
            return way
        way.row, way.verdict = found
        if way.verdict.action is not Action.REDIRECT or way.verdict.target is None:
            return way
        way.recipient = _primary(way.verdict.target, directory)
        way.hops.append((way.row, way.recipient))
        way.row, way.verdict = 0, None


def decision(way: Walk, directory: Directory) -> RouteDecision:
    """What a walk comes to, as the journey reads it.

    A redirect that ends in `deliver` is told as `redirect` with the final recipient as
    target and the first redirecting row as row; any other end is told as itself, with
    the final recipient in `recipient`. Copies never go to the recipient or the sender.
    """
    copies = _copies(way, directory)
    trail = _trail(way)
    final = way.recipient if way.hops else None
    if way.loop or way.verdict is None:
        reason = f"redirects do not end: {trail}" if way.loop else trail
        return RouteDecision(action="none", row=0, reason=reason, copies=copies, recipient=final)
    verdict = way.verdict
    if way.hops and verdict.action is Action.DELIVER:
        return RouteDecision(
            action=Action.REDIRECT,
            row=way.hops[0][0],
            target=final,
            reason=trail,
            copies=copies,
            recipient=final,
        )
    return RouteDecision(
        action=verdict.action.value,
        row=way.row,
        target=verdict.target,
        reason=verdict.reason or trail,
        copies=copies,
        recipient=final,
    )


def _trail(way: Walk) -> str:
    steps = [f"{to} (row {row})" for row, to in way.hops]
    return " → ".join((way.query.recipient, *steps)) if steps else ""


def _copies(way: Walk, directory: Directory) -> tuple[tuple[str, int], ...]:
    if not way.copies:
        return ()
    left_out: set[str] = set()
    for code in (way.query.sender, way.query.recipient, way.recipient):
        left_out |= reach(code, directory).own
    return tuple(value for folded, value in way.copies.items() if folded not in left_out)


def _primary(code: str, directory: Directory) -> str:
    agency = directory.find(code)
    return agency.code if agency else code
