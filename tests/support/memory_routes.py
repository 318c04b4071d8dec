"""A directory and a store of topic tables in memory, for tests of routing and reload."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bus.errors import NotFound, StoreUnavailable
from bus.model import Agency, AgencyState, CodeSystem, KeyBinding
from bus.model.codes import fold


def agency(
    code: str,
    *,
    parent: str | None = None,
    codes: Sequence[str] = (),
    connected: bool = True,
    state: AgencyState = AgencyState.LIVE,
) -> Agency:
    """One agency; further codes count as QCVN 102 codes."""
    return Agency(
        code=code,
        name=f"Cơ quan {code}",
        parent=parent,
        codes=tuple((CodeSystem.QCVN102, each) for each in codes),
        state=state,
        dialect="qcvn102_java" if connected else None,
        channel="mailbox" if connected else None,
    )


class MemoryDirectory:
    """Implements `bus.ports.Directory` over a list of agencies."""

    def __init__(self, agencies: Iterable[Agency]) -> None:
        self.agencies = list(agencies)
        self._by_code = {
            fold(code): each
            for each in self.agencies
            for code in (each.code, *(code for _, code in each.codes))
        }

    def find(self, code: str) -> Agency | None:
        """By any code."""
        return self._by_code.get(fold(code))

    def ancestors(self, code: str) -> tuple[str, ...]:
        """Nearest first."""
        above: list[str] = []
        at = self.find(code)
        while at is not None and at.parent is not None and at.parent not in above:
            above.append(at.parent)
            at = self.find(at.parent)
        return tuple(above)

    def connected(self) -> Iterable[str]:
        """Those with a dialect."""
        return [
            each.code
            for each in self.agencies
            if each.dialect and each.state is not AgencyState.LOCKED
        ]

    def binding(self, fingerprint: str) -> KeyBinding | None:
        """No keys in here."""
        return None


class FixedClock:
    """Always the same instant."""

    def now(self) -> datetime:
        """Noon UTC on a fixed day."""
        return datetime(2026, 1, 5, 12, tzinfo=UTC)


class MemoryRoutesStore:
    """Implements `bus.ports.RoutesStore`; can be told to fail."""

    def __init__(self, chunk: int = 1_000) -> None:
        self._chunk = chunk
        self._lock = threading.Lock()
        self._active = 0
        self.versions: list[tuple[str, list[str], str, str]] = []
        self.nodes: dict[str, int] = {}
        self.down = False

    def add_version(
        self,
        text: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        source: str,
        note: str,
        now: datetime,
    ) -> int:
        """Keep the rows as JSON, as a real store does."""
        self._check()
        chunks = [
            json.dumps(list(rows[at : at + self._chunk])) for at in range(0, len(rows), self._chunk)
        ]
        with self._lock:
            self.versions.append((text, chunks, source, note))
            self._active = len(self.versions)
            return self._active

    def active(self) -> int:
        """The newest, or the one activated."""
        self._check()
        return self._active

    def text(self, version: int) -> str:
        """As written."""
        return self._version(version)[0]

    def chunks(self, version: int) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Piece by piece."""
        for chunk in self._version(version)[1]:
            self._check()
            yield json.loads(chunk)

    def activate(self, version: int, *, note: str, now: datetime) -> None:
        """Go back."""
        self._version(version)
        self._active = version

    def report_node(self, node: str, version: int, *, now: datetime) -> None:
        """Note it."""
        self._check()
        self.nodes[node] = version

    def _version(self, version: int) -> tuple[str, list[str], str, str]:
        if not 1 <= version <= len(self.versions):
            raise NotFound(f"version {version}")
        return self.versions[version - 1]

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("told to fail")
