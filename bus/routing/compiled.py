"""One version of the topic table, compiled: answers without reading the table."""

from __future__ import annotations

from collections.abc import Iterable

from bus.model.codes import fold
from bus.ports import Directory, RouteDecision, RouteQuery
from bus.routing import topics
from bus.routing.follow import Verdict, Walk, decision, walk
from bus.routing.index import Index
from bus.routing.reach import Reach
from bus.routing.row import Action, Row, priority_bit


class CompiledRoutes:
    """Implements `bus.ports.Routes`; never changes, so that threads share it without a lock.

    The table is fixed, the directory is not: codes are looked up at every decision, so
    an agency that gains a code or a parent is found by its rows at once.
    """

    def __init__(self, parts: _Parts, directory: Directory, version: int) -> None:
        self._parts = parts
        self._directory = directory
        self._version = version

    @property
    def version(self) -> int:
        """The stored version, from 1; 0 is the empty table."""
        return self._version

    @property
    def row_count(self) -> int:
        """How many rows the table has."""
        return len(self._parts.verdicts)

    def decide(self, query: RouteQuery) -> RouteDecision:
        """First matching row, redirects followed; a look-up of fixed cost."""
        return decision(self.walk(query), self._directory)

    def walk(self, query: RouteQuery) -> Walk:
        """The way of one recipient through the table, redirect by redirect."""
        return walk(self._parts, query, self._directory)


class _Parts:
    """The rows under their indexes; conditions live in keys, decisions are shared."""

    def __init__(self) -> None:
        self.deciding = Index()
        self.redirecting = Index()
        self.copying_rows = Index()
        self.verdicts: list[Verdict] = []

    def add(self, row: Row) -> None:
        """Put a row under the index that its action calls for."""
        # A redirect row does not match its own target, so it must not hide later rows.
        if row.action is Action.COPY:
            self.copying_rows.add(row, prune=False)
        elif row.action is Action.REDIRECT:
            self.redirecting.add(row, prune=False)
        else:
            self.deciding.add(row, prune=True)

    def first(
        self, query: RouteQuery, recipient: Reach, sender: Reach
    ) -> tuple[int, Verdict] | None:
        """The smallest row number among the candidates of both indexes."""
        keys = _Keys(query, recipient, sender)
        numbers = keys.numbers(self.deciding)
        numbers += [
            number
            for number in keys.numbers(self.redirecting)
            if fold(self.verdicts[number - 1].target or "") not in recipient.own
        ]
        best = min(numbers, default=0)
        return (best, self.verdicts[best - 1]) if best else None

    def copying(
        self, query: RouteQuery, recipient: Reach, sender: Reach
    ) -> Iterable[tuple[int, Verdict]]:
        """Every copy row that matches, in table order."""
        if not self.copying_rows:
            return []
        found = sorted(set(_Keys(query, recipient, sender).numbers(self.copying_rows)))
        return [(number, self.verdicts[number - 1]) for number in found]


class _Keys:
    """The keys of one question."""

    def __init__(self, query: RouteQuery, recipient: Reach, sender: Reach) -> None:
        self._bit = priority_bit(query.priority)
        self._recipients = recipient.names()
        self._senders = sender.names()
        self._topics = topics.wider(query.topic)

    def numbers(self, index: Index) -> list[int]:
        """Numbers of the rows in one index that match."""
        if not index:
            return []
        found = index.candidates(self._recipients, self._senders, self._topics)
        return [number for number, mask in found if mask & self._bit]


class Builder:
    """Compiles a table piece by piece, so that a serving process can breathe between pieces."""

    def __init__(self, directory: Directory, version: int) -> None:
        self._parts = _Parts()
        self._directory = directory
        self._version = version
        self._shared: dict[Verdict, Verdict] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Add the next rows; together the pieces must be the rows 1, 2, 3 … in order."""
        for row in rows:
            verdict = Verdict.of(row)
            self._parts.verdicts.append(self._shared.setdefault(verdict, verdict))
            if row.number != len(self._parts.verdicts):
                raise ValueError(f"row {row.number} out of order")
            self._parts.add(row)

    def finish(self) -> CompiledRoutes:
        """The compiled table; the builder must not be used afterwards."""
        return CompiledRoutes(self._parts, self._directory, self._version)


def compile_rows(rows: Iterable[Row], directory: Directory, version: int) -> CompiledRoutes:
    """Compile a whole table at once; Raises ValueError when rows are not numbered 1, 2, 3 …."""
    builder = Builder(directory, version)
    builder.add(rows)
    return builder.finish()
