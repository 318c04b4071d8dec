"""Proposes a table: parse, check, replay the past, store; and goes back to an older one."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bus import routing
from bus.errors import RoutesRefused
from bus.model import Problem, Severity
from bus.ports import Clock, Directory, RouteQuery, RoutesStore
from bus.reload.loading import load, stored_chunks
from bus.routing import rules


class Past(Protocol):
    """What routing was asked for one recipient of a stored message."""

    @property
    def message_id(self) -> str:
        """The message."""

    @property
    def query(self) -> RouteQuery:
        """What routing saw of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadParts:
    """What a reload works with."""

    store: RoutesStore
    directory: Directory
    #: Names a `via` row may use.
    channels: Container[str]
    clock: Clock
    #: The newest routing decisions, as the message store remembers them.
    recent: Sequence[Past] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """What a reload found and did."""

    #: The version now active; None after a mere check.
    version: int | None
    #: The version that was active before.
    previous: int
    rows: int
    #: False when the text is the active one already; nothing was stored then.
    changed: bool
    warnings: tuple[Problem, ...]
    #: How many past recipients were replayed, and which would go elsewhere now.
    replayed: int
    changes: tuple[routing.Change, ...]


def rehearse(text: str, source: str, parts: ReloadParts) -> ReloadReport:
    """Parse, check and replay a table without storing it.

    Raises RoutesRefused with every problem; warnings do not refuse.
    """
    return _rehearse(routing.parse(text, source), parts)


def propose(text: str, source: str, note: str, parts: ReloadParts) -> ReloadReport:
    """Make a table the active one: parse, check, replay, store as a new version.

    The same text as the active version's stores nothing. Raises RoutesRefused with every
    problem, or StoreUnavailable; the running table stays in both cases.
    """
    table = routing.parse(text, source)
    report = _rehearse(table, parts)
    if report.previous and parts.store.text(report.previous) == text:
        return replace(report, version=report.previous, changed=False)
    version = parts.store.add_version(
        text, routing.to_dicts(table.rows), source=source, note=note, now=parts.clock.now()
    )
    return replace(report, version=version)


def rollback(version: int, note: str, parts: ReloadParts) -> ReloadReport:
    """Make an older version the active one again.

    What is wrong with it today is told as warnings and does not stop it. Raises NotFound.
    """
    rows = [row for chunk in stored_chunks(parts.store, version) for row in chunk]
    table = routing.Table(source=f"version {version}", rows=tuple(rows))
    found = routing.check(table, parts.directory, parts.channels)
    report = _replay(table, tuple(each.as_warning() for each in found), parts)
    parts.store.activate(version, note=note, now=parts.clock.now())
    return replace(report, version=version, changed=version != report.previous)


def _rehearse(table: routing.Table, parts: ReloadParts) -> ReloadReport:
    found = routing.check(table, parts.directory, parts.channels)
    refusing = [each for each in found if each.severity is Severity.REJECT]
    if refusing:
        raise RoutesRefused(rules.summary(refusing), problems=found)
    return _replay(table, found, parts)


def _replay(
    table: routing.Table, warnings: tuple[Problem, ...], parts: ReloadParts
) -> ReloadReport:
    running = load(parts.store, parts.store.active(), parts.directory)
    proposed = routing.compile_rows(table.rows, parts.directory, 0)
    past = [(each.message_id, each.query) for each in parts.recent]
    return ReloadReport(
        version=None,
        previous=running.version,
        rows=len(table.rows),
        changed=True,
        warnings=warnings,
        replayed=len(past),
        changes=tuple(routing.dry_run(running, proposed, past)),
    )
