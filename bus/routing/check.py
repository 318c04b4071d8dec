"""Whether a topic table makes sense for this bus: names, order, circles, gaps."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import islice, product

from bus.model import AgencyState, Problem
from bus.model.codes import fold
from bus.ports import Directory, RouteQuery
from bus.routing import rules, topics
from bus.routing.compiled import CompiledRoutes, compile_rows
from bus.routing.index import Index
from bus.routing.reach import Reach, Remembering, key, reach
from bus.routing.row import ANY, UNDER, Action, Row
from bus.routing.table import Table, place

#: Most problems told of one kind, so that a wrong directory does not print a book.
MAX_TOLD = 200
#: More rows than this without sender and recipient are warned about.
MAX_WILD = 1_000


def check(table: Table, directory: Directory, channels: Container[str]) -> tuple[Problem, ...]:
    """Everything wrong with a readable table, refusing and warning, in kind order.

    `channels` holds the names a `via` row may use: channels and peers. At most 200
    problems of a kind are told. Complete for names, order and patterns; of redirect
    circles those are found that a message fitting one of the rows runs into (others are
    parked when they happen, never followed for ever).
    """
    directory = Remembering(directory)
    compiled = compile_rows(table.rows, directory, 0)
    kinds = (
        _unknown_agencies(table, directory),
        _unknown_channels(table, channels),
        _idle_topics(table),
        _unreached(table, directory),
        _circles(table, compiled),
        _unroutable(table, directory),
        _wild(table),
    )
    return tuple(problem for kind in kinds for problem in islice(kind, MAX_TOLD))


def _at(table: Table, row: Row, rule: str, key: str, value: object = "") -> Problem:
    return rules.problem(rule, path=place(table.source, row, key), line=row.line, value=value)


def _unknown_agencies(table: Table, directory: Directory) -> Iterator[Problem]:
    for row in table.rows:
        gone = "R20" if row.action is Action.REDIRECT else "R10"
        for column, terms, rule in (
            ("sender", row.sender, "R10"),
            ("recipient", row.recipient, gone),
            ("copy_to", row.copies, "R10"),
        ):
            for term in terms:
                if term != ANY and directory.find(term.removeprefix(UNDER)) is None:
                    yield _at(table, row, rule, column, term)
        if row.action is Action.REDIRECT and row.target:
            yield from _target(table, row, directory)


def _target(table: Table, row: Row, directory: Directory) -> Iterator[Problem]:
    agency = directory.find(row.target or "")
    if agency is None:
        yield _at(table, row, "R10", "redirect_to", row.target)
        return
    if agency.state is AgencyState.LOCKED:
        yield _at(table, row, "R19", "redirect_to", row.target)
    own = {f"={code}" for code in reach(agency.code, directory).own}
    if all(key(term) in own for term in row.recipient):
        yield _at(table, row, "R15", "redirect_to", row.target)


def _unknown_channels(table: Table, channels: Container[str]) -> Iterator[Problem]:
    for row in table.rows:
        if row.action is Action.VIA and row.target not in channels:
            yield _at(table, row, "R11", "via", row.target)


def _idle_topics(table: Table) -> Iterator[Problem]:
    for row in table.rows:
        if not topics.services(row.topic):
            yield _at(table, row, "R18", "topic", row.topic)


def _unreached(table: Table, directory: Directory) -> Iterator[Problem]:
    index = Index()
    for row in table.rows:
        if row.action is Action.COPY:
            continue
        earlier = _taken_by(row, table, index, directory)
        if earlier:
            same = all(_decides_alike(row, table.rows[number - 1]) for number in earlier)
            named = ", ".join(str(number) for number in sorted(earlier)[:5])
            yield _at(table, row, "R13" if same else "R12", "", f"rows {named}")
        index.add(row, prune=True)


def _decides_alike(one: Row, other: Row) -> bool:
    return (one.action, fold(one.target or "")) == (other.action, fold(other.target or ""))


def _taken_by(row: Row, table: Table, index: Index, directory: Directory) -> set[int]:
    """The earlier rows that together take all a row asks for; empty when something is left."""
    wider_topics = topics.wider(row.topic)
    used: set[int] = set()
    for recipient, sender in product(row.recipient, row.sender):
        left = row.mask
        found = index.candidates(
            _wider_keys(recipient, directory), _wider_keys(sender, directory), wider_topics
        )
        for number, mask in sorted(found):
            if left & mask and not _steps_aside(table.rows[number - 1], recipient, directory):
                used.add(number)
                left &= ~mask
        if left:
            return set()
    return used


def _wider_keys(term: str, directory: Directory) -> list[str]:
    """The keys of every term that covers this one."""
    if term == ANY:
        return [ANY]
    there = reach(term.removeprefix(UNDER), directory)
    keys = there.names()
    return [each for each in keys if not each.startswith("=")] if term.startswith(UNDER) else keys


def _steps_aside(row: Row, recipient: str, directory: Directory) -> bool:
    """Whether a redirect row may leave some of these recipients to later rows: its own target."""
    if row.action is not Action.REDIRECT:
        return False
    if recipient == ANY or recipient.startswith(UNDER):
        return True
    return fold(row.target or "") in reach(recipient, directory).own


def _circles(table: Table, compiled: CompiledRoutes) -> Iterator[Problem]:
    told: set[frozenset[int]] = set()
    for row in table.rows:
        if row.action is not Action.REDIRECT:
            continue
        for query in _witnesses(row):
            way = compiled.walk(query)
            circle = frozenset(number for number, _ in way.hops)
            if way.loop and circle not in told:
                told.add(circle)
                hops = " → ".join(f"row {number} to {to}" for number, to in way.hops)
                yield _at(table, row, "R14", "redirect_to", hops)


def _witnesses(row: Row) -> Iterator[RouteQuery]:
    """Messages that fit a redirect row: one per recipient and sender term."""
    recipients = [(row.target or "") if term == ANY else term for term in row.recipient]
    priority = row.priority[0] if row.priority else 0
    for recipient, sender in product(recipients, row.sender):
        yield RouteQuery(
            topic=topics.example(row.topic),
            priority=priority,
            sender=sender.removeprefix(UNDER),
            recipient=recipient.removeprefix(UNDER),
        )


def _unroutable(table: Table, directory: Directory) -> Iterator[Problem]:
    reached: dict[str, set[str]] = {}
    for row in table.rows:
        if row.action not in {Action.COPY, Action.REJECT}:
            for term in row.recipient:
                reached.setdefault(key(term), set()).update(topics.services(row.topic))
    everywhere = reached.get(ANY, set())
    for code in directory.connected():
        missing = {"edoc", "status"} - everywhere
        if missing:
            missing -= _services_of(reach(code, directory), reached)
        if missing:
            services = ", ".join(sorted(missing))
            yield rules.problem("R16", path=f"{table.source} recipient {code}", value=services)


def _services_of(there: Reach, reached: dict[str, set[str]]) -> set[str]:
    return set().union(*(reached.get(each, set()) for each in there.names()))


def _wild(table: Table) -> Iterator[Problem]:
    wild = sum(1 for row in table.rows if row.sender == row.recipient == (ANY,))
    if wild > MAX_WILD:
        yield rules.problem("R17", path=table.source, value=wild)
