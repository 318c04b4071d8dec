"""Why a message goes where it goes, and what another table would change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bus.model.codes import fold
from bus.ports import Directory, RouteDecision, RouteQuery, Routes
from bus.routing import topics
from bus.routing.follow import Verdict, decision, walk
from bus.routing.reach import Reach, reach
from bus.routing.row import Action, Row, priority_bit


class PlainRows:
    """Finds rows by reading one after the other: the table as an operator reads it."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def first(
        self, query: RouteQuery, recipient: Reach, sender: Reach
    ) -> tuple[int, Verdict] | None:
        """The first row, from the top, that matches and decides."""
        for row in self._rows:
            if row.action is not Action.COPY and failed(row, query, recipient, sender) is None:
                return row.number, Verdict.of(row)
        return None

    def copying(
        self, query: RouteQuery, recipient: Reach, sender: Reach
    ) -> Iterable[tuple[int, Verdict]]:
        """Every copy row that matches, from the top."""
        return [
            (row.number, Verdict.of(row))
            for row in self._rows
            if row.action is Action.COPY and failed(row, query, recipient, sender) is None
        ]


def failed(row: Row, query: RouteQuery, recipient: Reach, sender: Reach) -> str | None:
    """The first condition of a row that does not hold; None when the row matches.

    One of `recipient`, `sender`, `topic`, `priority`, `target` (a redirect to where the
    message goes already).
    """
    conditions = {
        "recipient": recipient.fits(row.recipient),
        "sender": sender.fits(row.sender),
        "topic": topics.matches(row.topic, query.topic),
        "priority": bool(row.mask & priority_bit(query.priority)),
        "target": row.action is not Action.REDIRECT or fold(row.target or "") not in recipient.own,
    }
    return next((name for name, holds in conditions.items() if not holds), None)


def naive_decide(rows: Sequence[Row], query: RouteQuery, directory: Directory) -> RouteDecision:
    """What the table decides, by reading every row: the reference for the compiled table."""
    return decision(walk(PlainRows(rows), query, directory), directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row as it was considered for one recipient."""

    #: The recipient at this point: the one asked for, or where a redirect led.
    recipient: str
    row: Row
    #: The first condition that did not hold; None when the row matches.
    failed: str | None
    #: Whether this row decided (or, for a copy row, added recipients).
    decides: bool


def explain(rows: Sequence[Row], query: RouteQuery, directory: Directory) -> list[Step]:
    """Every row that could concern the recipient, in order, with what spoke for or against it.

    Rows for other recipients are left out; after a deciding row the rest is not read.
    When that row redirects, the steps for the new recipient follow.
    """
    way = walk(PlainRows(rows), query, directory)
    sender = reach(query.sender, directory)
    steps: list[Step] = []
    for recipient in (query.recipient, *(to for _, to in way.hops)):
        steps += _considered(rows, query, recipient, (reach(recipient, directory), sender))
    return steps


def _considered(
    rows: Sequence[Row], query: RouteQuery, recipient: str, who: tuple[Reach, Reach]
) -> list[Step]:
    steps: list[Step] = []
    decided = False
    for row in rows:
        reason = failed(row, query, *who)
        if reason == "recipient" or (decided and row.action is not Action.COPY):
            continue
        steps.append(Step(recipient=recipient, row=row, failed=reason, decides=reason is None))
        decided = decided or (reason is None and row.action is not Action.COPY)
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One recipient of one past message that another table would treat otherwise."""

    message_id: str
    query: RouteQuery
    before: RouteDecision
    after: RouteDecision


def dry_run(old: Routes, new: Routes, queries: Iterable[tuple[str, RouteQuery]]) -> list[Change]:
    """Replay (message id, query) pairs through both tables; what would go elsewhere.

    A row that only moved changes nothing: compared are action, target, final recipient,
    the reason of a refusal, and the copies.
    """
    changes = []
    for message_id, query in queries:
        before, after = old.decide(query), new.decide(query)
        if _effect(before) != _effect(after):
            changes.append(Change(message_id=message_id, query=query, before=before, after=after))
    return changes


def _effect(made: RouteDecision) -> tuple[str, str | None, str | None, str, frozenset[str]]:
    reason = made.reason if made.action == Action.REJECT else ""
    copies = frozenset(fold(code) for code, _ in made.copies)
    return made.action, made.target, made.recipient, reason, copies
