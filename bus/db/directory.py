"""The directory of agencies on SQL: look-ups are indexed and cached, nothing is loaded at start."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, insert, or_, select, update

from bus.db import agencies as rows
from bus.db import audit, importing
from bus.db.failures import mapped
from bus.db.folding import containing
from bus.db.importing import ImportCounts
from bus.db.store import utc_now
from bus.db.tables import agencies, agency_codes, key_bindings
from bus.db.whole_directory import WholeDirectory, above, read_all
from bus.db.writer import Writer
from bus.errors import Misconfigured, NotFound
from bus.model import Agency, AgencyState, AuditEvent, KeyBinding, TrustPolicy
from bus.model.codes import LONGEST_CODE, fold

#: How old the version may be that answers rely on: another process's change is seen this soon.
FRESH_S = 0.5
#: Answers kept; past it the cache starts anew, so that strange codes cannot fill the memory.
_CACHED = 50_000


@dataclass(slots=True)
class _Snapshot:
    """Answers of one directory version."""

    version: int = -1
    found: dict[str, Agency | None] = field(default_factory=dict)
    bound: dict[str, KeyBinding | None] = field(default_factory=dict)
    bindings: tuple[KeyBinding, ...] | None = None


class SqlDirectory:
    """Who the agencies are (`bus.ports.Directory`), and how that is changed.

    Changes made through this object are seen by it at once, those of other processes within
    half a second. Every method raises StoreUnavailable when the store cannot answer.
    """

    def __init__(
        self, readers: Engine, writer: Writer, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._readers = readers
        self._writer = writer
        self._now = now
        self._snapshot = _Snapshot()
        self._lock = threading.Lock()
        self._changes = 0
        self._fresh_until = 0.0

    def find(self, code: str) -> Agency | None:
        """The agency known by `code` in any code system; compares trimmed, NFC, case-folded."""
        folded = fold(code)
        if len(folded) > LONGEST_CODE:
            # nobody's, and kept it would let strangers fill the memory
            return None
        snapshot = self._current()
        if folded not in snapshot.found:
            with self._reading() as connection:
                snapshot.found[folded] = rows.by_code(connection, folded)
        return snapshot.found[folded]

    def ancestors(self, code: str) -> tuple[str, ...]:
        """Primary codes above the agency, nearest first; a circle of parents ends where it closes."""
        return tuple(above(self.find, code))

    def whole(self) -> WholeDirectory:
        """This state of the directory, read at once when much of it is asked for."""

        def read() -> dict[str, Agency]:
            with self._reading() as connection:
                return read_all(connection)

        return WholeDirectory(self, read)

    def connected(self) -> Iterator[str]:
        """Primary codes of the agencies that have a dialect and a channel and are not locked."""
        c = agencies.c
        statement = select(c.code).where(c.dialect.is_not(None), c.channel.is_not(None))
        statement = statement.where(c.state != AgencyState.LOCKED).order_by(c.code)
        with self._reading() as connection:
            found = connection.scalars(statement).all()
        return iter(found)

    def binding(self, fingerprint: str) -> KeyBinding | None:
        """The binding of a certificate (lower-case hex SHA-256), revoked or not."""
        snapshot = self._current()
        if fingerprint not in snapshot.bound:
            statement = select(key_bindings).where(key_bindings.c.fingerprint == fingerprint)
            with self._reading() as connection:
                row = connection.execute(statement).mappings().first()
            snapshot.bound[fingerprint] = None if row is None else rows.binding_of(row)
        return snapshot.bound[fingerprint]

    def bindings(self) -> tuple[KeyBinding, ...]:
        """Every binding, revoked or not; the same tuple until the directory changes."""
        snapshot = self._current()
        if snapshot.bindings is None:
            snapshot.bindings = self.keys()
        return snapshot.bindings

    def version(self) -> int:
        """The number that grows with every change."""
        with self._reading() as connection:
            return rows.version(connection)

    def count(self) -> int:
        """How many agencies there are."""
        with self._reading() as connection:
            return rows.count(connection)

    def search(
        self, text: str | None, since_version: int | None, offset: int, limit: int
    ) -> tuple[tuple[Agency, ...], int, bool]:
        """One page, the directory version it is of, and whether more follow.

        `text` is any code, or part of a name without its accents. With `since_version` only
        agencies changed after it, in the order of their changes; else in the order of codes.
        """
        statement = select(agencies)
        if text:
            coded = select(agency_codes.c.agency).where(agency_codes.c.folded == fold(text))
            named = agencies.c.name_folded.like(containing(text), escape="\\")
            statement = statement.where(or_(agencies.c.code.in_(coded), named))
        order = [agencies.c.code]
        if since_version is not None:
            statement = statement.where(agencies.c.version > since_version)
            order = [agencies.c.version, agencies.c.code]
        page = statement.order_by(*order).limit(limit + 1).offset(offset)
        with self._reading() as connection:
            found = [rows.agency_of(row) for row in connection.execute(page).mappings()]
            return tuple(found[:limit]), rows.version(connection), len(found) > limit

    def children(self, code: str) -> tuple[Agency, ...]:
        """The agencies directly below one, by code."""
        agency = self.find(code)
        parent = agency.code if agency else code
        return self._all_where(agencies.c.parent == parent)

    def keys(self, agency: str | None = None) -> tuple[KeyBinding, ...]:
        """Bindings of one agency or of all, oldest first, revoked ones included."""
        c = key_bindings.c
        statement = select(key_bindings).order_by(c.bound_at, c.fingerprint)
        if agency is not None:
            known = self.find(agency)
            statement = statement.where(c.agency == (known.code if known else agency))
        with self._reading() as connection:
            found = connection.execute(statement).mappings()
            return tuple(rows.binding_of(row) for row in found)

    # Changes

    def import_agencies(
        self,
        listed: Iterable[Agency],
        *,
        replace: bool,
        without_policy: Iterable[str] = (),
        on_done: Callable[[int], None] = lambda _: None,
    ) -> ImportCounts:
        """Add and update agencies from a list; with `replace`, lock those it does not name.

        A listed agency without dialect and channel keeps its state, policy and connection, one
        named by `without_policy` its policy. `speaks_for` may hold any code of the directory.
        Traffic goes on between the commits of a long list; what a broken-off import left is
        completed by running it again; `on_done` is told how many more are through. Raises
        Misconfigured CFG-004, before anything is written, when two agencies would share a code
        or one speaks for nobody known.
        """
        whole = tuple(listed)
        with self._reading() as connection:
            owners = importing.owners(connection)
        importing.refuse_conflicts(whole, owners, replace_all=replace)
        whole = importing.resolve_speakers(whole, owners)
        silent = frozenset(map(fold, without_policy))
        named = {fold(each.code) for each in whole}
        primaries = sorted(set(owners.values())) if replace else []
        absent = [code for code in primaries if fold(code) not in named]
        with mapped():
            counts = importing.merge_all(
                self._readers, self._writer, whole, absent, without_policy=silent, on_done=on_done
            )
        self._changed(lambda _: None, "agencies.imported", None, str(counts))
        return counts

    def register(self, agency: Agency) -> None:
        """Add or replace one agency whole; Raises Misconfigured CFG-004 for a code of another's."""
        self._changed(
            lambda connection: importing.write_one(connection, agency),
            "agency.registered",
            agency.code,
            f"{agency.dialect or '-'} {agency.channel or '-'} {agency.state}",
        )

    def set_state(self, code: str, state: AgencyState) -> None:
        """Let an agency exchange documents, or lock it; Raises NotFound CFG-008."""
        self._changed(
            lambda connection: _rewrite(connection, code, state=state),
            "agency.state",
            code,
            state.value,
        )

    def set_policy(self, code: str, policy: TrustPolicy) -> None:
        """Say what proof the bus demands of an agency; Raises NotFound CFG-008."""
        self._changed(
            lambda connection: _rewrite(connection, code, policy=policy),
            "agency.policy",
            code,
            policy.mode.value,
        )

    def bind_key(self, binding: KeyBinding) -> None:
        """Bind a certificate to its agency; binding it there again changes nothing.

        Raises NotFound CFG-008, Misconfigured CFG-007 when it is bound elsewhere or revoked.
        """
        self._changed(
            lambda connection: _bind(connection, binding),
            "key.bound",
            binding.agency,
            binding.fingerprint,
        )

    def revoke_key(self, fingerprint: str, now: datetime) -> None:
        """Trust a certificate no longer, for ever; the first instant stays.

        Raises NotFound CFG-009.
        """
        self._changed(
            lambda connection: _revoke(connection, fingerprint, now),
            "key.revoked",
            None,
            fingerprint,
        )

    # Inside

    def _changed(
        self, work: Callable[[Connection], None], event: str, agency: str | None, detail: str
    ) -> None:
        at = self._now()

        def write(connection: Connection) -> None:
            work(connection)
            row = AuditEvent(at=at, event=event, agency=agency, detail=detail)
            audit.append(connection, [row])

        self._writer.submit(write)
        with self._lock:
            self._changes += 1
            self._fresh_until = 0.0

    def _current(self) -> _Snapshot:
        """The answers of the present version; those of an older one are dropped whole."""
        snapshot = self._snapshot
        full = len(snapshot.found) + len(snapshot.bound) > _CACHED
        if time.monotonic() < self._fresh_until and not full:
            return snapshot
        changes = self._changes
        version = self.version()
        # An answer read late lands in the snapshot it was asked of, never in a newer one.
        if version != snapshot.version or full:
            snapshot = self._snapshot = _Snapshot(version=version)
        with self._lock:
            # A version read before a change of this process must not pass for fresh after it.
            if changes == self._changes:
                self._fresh_until = time.monotonic() + FRESH_S
        return snapshot

    def _all_where(self, condition: ColumnElement[bool]) -> tuple[Agency, ...]:
        statement = select(agencies).where(condition).order_by(agencies.c.code)
        with self._reading() as connection:
            found = connection.execute(statement).mappings()
            return tuple(rows.agency_of(row) for row in found)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with mapped(), self._readers.connect() as connection:
            yield connection


def _known(connection: Connection, code: str) -> Agency:
    agency = rows.by_code(connection, fold(code))
    if agency is None:
        raise NotFound(code, code="CFG-008", stage="directory")
    return agency


def _rewrite(connection: Connection, code: str, **changes: Any) -> None:
    importing.write_one(connection, replace(_known(connection, code), **changes))


def _bind(connection: Connection, binding: KeyBinding) -> None:
    own = replace(binding, agency=_known(connection, binding.agency).code)
    bound = select(key_bindings).where(key_bindings.c.fingerprint == own.fingerprint)
    found = connection.execute(bound).first()
    if found is None:
        connection.execute(insert(key_bindings), rows.binding_columns(own))
        rows.next_version(connection)
    elif found.agency != own.agency or found.revoked_at is not None:
        why = "revoked" if found.revoked_at is not None else f"bound to {found.agency}"
        raise Misconfigured(why, code="CFG-007", stage="directory")


def _revoke(connection: Connection, fingerprint: str, now: datetime) -> None:
    c = key_bindings.c
    known = select(c.fingerprint).where(c.fingerprint == fingerprint)
    if connection.scalar(known) is None:
        raise NotFound(fingerprint, code="CFG-009", stage="directory")
    unrevoked = update(key_bindings).where(c.fingerprint == fingerprint, c.revoked_at.is_(None))
    connection.execute(unrevoked.values(revoked_at=now))
    rows.next_version(connection)
