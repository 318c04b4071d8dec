"""What one agency knows of the others' certificates."""

from __future__ import annotations

from pathlib import Path

from bus.clock import SystemClock
from bus.model import Agency, AgencyState, KeyBinding
from bus.trust.keys import make_binding


class Partners:
    """A directory of a few partners and the bus, read from certificate files."""

    def __init__(self, files: dict[str, str], bus_certificate: bytes) -> None:
        now = SystemClock().now()
        bus = make_binding("bus", bus_certificate, now)
        bindings = [
            make_binding(code, Path(file).read_bytes(), now) for code, file in files.items()
        ]
        self.bus_fingerprint = bus.fingerprint
        self._bindings = {binding.fingerprint: binding for binding in (*bindings, bus)}
        self._agencies = {
            code: Agency(code=code, name=code, state=AgencyState.LIVE) for code in (*files, "bus")
        }

    def find(self, code: str) -> Agency | None:
        """A partner by its code."""
        return self._agencies.get(code)

    def ancestors(self, code: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """Partners have no tree here."""
        return ()

    def connected(self) -> tuple[str, ...]:
        """The partners' codes."""
        return tuple(self._agencies)

    def binding(self, fingerprint: str) -> KeyBinding | None:
        """A partner's certificate."""
        return self._bindings.get(fingerprint)
