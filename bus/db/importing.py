"""Reading a whole list of agencies in: all of it checked first, then in small commits."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from bus.db import agencies as rows
from bus.db.tables import agencies, agency_codes
from bus.db.writer import Writer
from bus.errors import Misconfigured
from bus.model import Agency, AgencyState
from bus.model.codes import fold

#: Agencies in one commit: few enough that messages wait for no more than some milliseconds.
BATCH = 200
#: Share of each commit's time for which the write lock is then left to others.
_REST = 1.0
_SHOWN = 10

_INSERT = insert(agencies)
_UPDATE = (
    update(agencies)
    .where(agencies.c.code == bindparam("old_code"))
    .values({c.name: bindparam(c.name) for c in agencies.c if c.name not in {"code", "folded"}})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """What an import did; `locked` are agencies that the new list no longer names."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    locked: int = 0

    def __add__(self, other: ImportCounts) -> ImportCounts:
        """Both together."""
        return ImportCounts(
            added=self.added + other.added,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            locked=self.locked + other.locked,
        )


def refuse_conflicts(
    listed: Sequence[Agency], owners: Mapping[str, str], *, replace_all: bool
) -> None:
    """Raise Misconfigured CFG-004 when two agencies would share a code.

    `owners` maps every folded code of the directory to its agency's primary code.
    """
    _refuse(list(_conflicts(listed, owners, replace_all=replace_all)))


def owners(connection: Connection) -> dict[str, str]:
    """Every folded code with the primary code of its agency."""
    return dict(connection.execute(select(agency_codes.c.folded, agency_codes.c.agency)).all())


def resolve_speakers(listed: Sequence[Agency], owners: Mapping[str, str]) -> tuple[Agency, ...]:
    """The list with primary codes for those whom its agencies speak for.

    Raises Misconfigured CFG-004 naming every code that neither list nor directory knows.
    """
    known = dict(owners)
    for each in listed:
        primary = owners.get(fold(each.code), each.code)
        known |= dict.fromkeys(rows.codes_of(each), primary)
    faults = [
        f"{each.code} speaks for {code}, which nobody is called"
        for each in listed
        for code in each.speaks_for
        if fold(code) not in known
    ]
    _refuse(faults)
    return tuple(
        replace(each, speaks_for=tuple(dict.fromkeys(known[fold(c)] for c in each.speaks_for)))
        if each.speaks_for
        else each
        for each in listed
    )


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        more = f" (and {len(faults) - _SHOWN} more)" if len(faults) > _SHOWN else ""
        raise Misconfigured("; ".join(faults[:_SHOWN]) + more, code="CFG-004")


def merge_all(
    readers: Engine,
    writer: Writer,
    listed: Sequence[Agency],
    absent: Sequence[str],
    *,
    without_policy: Set[str],
    on_done: Callable[[int], None],
) -> ImportCounts:
    """Write a checked list, then lock the absent; each commit is small and lets others in.

    `on_done` is told after each commit how many more agencies are through.
    """
    total = ImportCounts()
    changes: Iterator[_Change] = chain(
        (_Merge(batch, without_policy) for batch in _batches(listed)),
        (_Lock(codes) for codes in _batches(absent)),
    )
    for change in changes:
        with readers.connect() as connection:
            change.prepare(connection)
        if change.is_needed:
            writer.submit(change.write)
            time.sleep(change.held_s * _REST)
        total += change.counts
        on_done(change.size)
    return total


class _Change(ABC):
    """One commit, prepared on a snapshot so that the write lock is held for the writing alone."""

    def __init__(self) -> None:
        self._version = 0
        self._added: list[Agency] = []
        self._changed: list[Agency] = []
        self.counts = ImportCounts()
        #: How long the write lock was held, seconds; waiting for it delays nobody else.
        self.held_s = 0.0

    @property
    @abstractmethod
    def size(self) -> int:
        """How many agencies it is about."""

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._added or self._changed)

    def prepare(self, connection: Connection) -> None:
        """Compare with the directory as it is."""
        self._version = rows.version(connection)
        self._compare(connection)

    def write(self, connection: Connection) -> None:
        """Write what was prepared, or prepare again when somebody changed the directory since."""
        began = time.monotonic()
        if rows.version(connection) != self._version:
            self.prepare(connection)
        if self.is_needed:
            _write(connection, self._added, self._changed)
        self.held_s = time.monotonic() - began

    @abstractmethod
    def _compare(self, connection: Connection) -> None:
        """Find out what is to be written."""


class _Merge(_Change):
    """Listed agencies."""

    def __init__(self, batch: Sequence[Agency], without_policy: Set[str]) -> None:
        super().__init__()
        self._without_policy = without_policy
        self._batch = {fold(each.code): each for each in batch}

    @property
    def size(self) -> int:
        """How many agencies are listed."""
        return len(self._batch)

    def _compare(self, connection: Connection) -> None:
        found = connection.execute(select(agencies).where(agencies.c.folded.in_(self._batch)))
        known = {row["folded"]: rows.agency_of(row) for row in found.mappings()}
        merged = {code: self._merged(old, self._batch[code]) for code, old in known.items()}
        self._added = [each for code, each in self._batch.items() if code not in known]
        self._changed = [new for code, new in merged.items() if new != known[code]]
        self.counts = ImportCounts(
            added=len(self._added),
            changed=len(self._changed),
            unchanged=len(known) - len(self._changed),
        )

    def _merged(self, old: Agency, new: Agency) -> Agency:
        merged = _kept_connected(old, new)
        is_silent = fold(new.code) in self._without_policy
        return replace(merged, policy=old.policy) if is_silent else merged


class _Lock(_Change):
    """Agencies that the list no longer names; codes given to others are theirs."""

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__()
        self._codes = codes

    @property
    def size(self) -> int:
        """How many agencies are absent."""
        return len(self._codes)

    def _compare(self, connection: Connection) -> None:
        found = connection.execute(select(agencies).where(agencies.c.code.in_(self._codes)))
        old = [rows.agency_of(row) for row in found.mappings()]
        held = select(agency_codes.c.folded).where(agency_codes.c.agency.in_(self._codes))
        kept = set(connection.scalars(held))
        new = [_locked(each, kept) for each in old]
        self._changed = [now for was, now in zip(old, new, strict=True) if was != now]
        self.counts = ImportCounts(locked=len(self._changed))


def _locked(agency: Agency, kept: Set[str]) -> Agency:
    codes = tuple(pair for pair in agency.codes if fold(pair[1]) in kept)
    return replace(agency, state=AgencyState.LOCKED, codes=codes)


def write_one(connection: Connection, agency: Agency) -> None:
    """Add or replace one agency whole; Raises Misconfigured CFG-004 when a code is another's."""
    known = connection.scalar(select(agencies.c.code).where(agencies.c.folded == fold(agency.code)))
    named = agency if known is None else replace(agency, code=known)
    mine = rows.codes_of(named)
    taken = connection.execute(select(agency_codes).where(agency_codes.c.folded.in_(mine)))
    refuse_conflicts([named], {row.folded: row.agency for row in taken}, replace_all=False)
    _write(connection, [named] if known is None else [], [] if known is None else [named])


def _write(connection: Connection, added: list[Agency], changed: list[Agency]) -> None:
    # Each commit counts a version of its own: a client that synchronises during an import
    # then misses nothing of what comes after its question.
    version = rows.next_version(connection)
    if added:
        connection.execute(_INSERT, [_versioned(each, version) for each in added])
    if changed:
        values = [_versioned(each, version) | {"old_code": each.code} for each in changed]
        for value in values:
            del value["code"], value["folded"]
        connection.execute(_UPDATE, values)
    rows.write_codes(connection, added + changed)


def _versioned(agency: Agency, version: int) -> dict[str, Any]:
    return rows.columns_of(agency) | {"version": version}


def _kept_connected(old: Agency, new: Agency) -> Agency:
    """A list that says nothing of how an agency is connected leaves its connection as it is."""
    named = replace(new, code=old.code)
    if new.dialect is not None or new.channel is not None:
        return named
    return replace(
        named,
        state=old.state,
        policy=old.policy,
        dialect=old.dialect,
        channel=old.channel,
        address=old.address,
        channel_options=old.channel_options,
        speaks_for=old.speaks_for,
    )


def _conflicts(
    listed: Sequence[Agency], owners: Mapping[str, str], *, replace_all: bool
) -> Iterator[str]:
    primaries = {fold(each.code) for each in listed}
    if len(primaries) != len(listed):
        yield from _repeated(listed)
    taken: dict[str, str] = {}
    for agency in listed:
        for code in rows.codes_of(agency):
            first = taken.setdefault(code, agency.code)
            if first != agency.code:
                yield f"code {code} belongs to both {first} and {agency.code}"
            owner = fold(owners.get(code, ""))
            freed = owner in primaries or (replace_all and code != owner)
            if owner and not freed:
                yield f"code {code} of {agency.code} already belongs to {owners[code]}"


def _repeated(listed: Sequence[Agency]) -> Iterator[str]:
    seen: set[str] = set()
    for agency in listed:
        if fold(agency.code) in seen:
            yield f"agency {agency.code} is listed twice"
        seen.add(fold(agency.code))


def _batches(items: Iterable[Any]) -> Iterator[Sequence[Any]]:
    whole = list(items)
    for start in range(0, len(whole), BATCH):
        yield whole[start : start + BATCH]
