"""Whether the bus can do its work now, as separate facts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bus.config import Settings
from bus.db import schema
from bus.errors import BusError, Misconfigured, StoreUnavailable
from bus.journey.parts import Parts

#: Free bytes that must be left besides one largest message, for the database and its log.
_SPARE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFact:
    """One condition: `store`, `schema`, `disk`, `routes`."""

    name: str
    ok: bool
    #: For the operator; never holds secrets or addresses.
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """Every condition that must hold before requests are sent to this node."""

    facts: tuple[HealthFact, ...]

    @property
    def ready(self) -> bool:
        """Whether every condition holds."""
        return all(fact.ok for fact in self.facts)


class Health:
    """Looks at store, schema, disk and routes each time it is asked; changes nothing."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._settings = settings

    def __call__(self) -> HealthReport:
        """The facts of this moment; never raises for what it looks at."""
        return HealthReport(
            facts=(
                _fact("store", self._store),
                _fact("schema", self._schema),
                _fact("disk", self._disk),
                _fact("routes", self._routes),
            )
        )

    def _store(self) -> str:
        self._parts.store.parked(limit=1, after=0)
        if not os.access(self._settings.store.bodies, os.W_OK):
            raise StoreUnavailable("bodies")
        return ""

    def _schema(self) -> str:
        schema.check(self._settings.store)
        return ""

    def _disk(self) -> str:
        free = shutil.disk_usage(_existing(self._settings.store.bodies)).free
        needed = self._settings.limits.body_bytes + _SPARE_BYTES
        if free < needed:
            raise StoreUnavailable(f"{free} < {needed} bytes.")
        return f"{free} bytes free"

    def _routes(self) -> str:
        version = self._parts.routes.current().version
        if version == 0:
            raise Misconfigured("no routing table", code="RTE-004")
        return f"version {version}"


def _fact(name: str, look: Callable[[], str]) -> HealthFact:
    try:
        return HealthFact(name=name, ok=True, detail=look())
    except BusError as error:
        return HealthFact(name=name, ok=False, detail=f"{error.code} {error.detail}".strip())
    except OSError as error:
        return HealthFact(name=name, ok=False, detail=error.strerror or "")


def _existing(folder: Path) -> Path:
    """The nearest folder that exists: bodies appear with the first large message."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())
