"""Readiness looks at the real store, disk and routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bus.config import Settings
from bus.db import Database, open_database, schema
from bus.errors import StoreUnavailable
from bus.journey.parts import Parts
from bus.web import health
from bus.web.health import Health


@dataclass
class Place:
    """A real store with a routing version of our choice."""

    settings: Settings
    database: Database
    version: int = 1

    def facts(self) -> dict[str, bool]:
        """What Health says now, by name."""
        routes = SimpleNamespace(current=lambda: SimpleNamespace(version=self.version))
        parts = SimpleNamespace(store=self.database.store, routes=routes)
        report = Health(cast("Parts", parts), self.settings)()
        return {fact.name: fact.ok for fact in report.facts}


@pytest.fixture
def place(tmp_path: Path) -> Any:
    """A database at this release's schema."""
    settings = Settings(
        store={"url": f"sqlite:///{tmp_path / 'bus.sqlite3'}", "bodies": tmp_path / "bodies"}
    )
    schema.upgrade(settings.store)
    database = open_database(settings.store)
    yield Place(settings, database)
    database.close()


def test_a_bus_in_order_is_ready(place: Place) -> None:
    """Store, schema, disk and routes are looked at, and hold."""
    assert place.facts() == {"store": True, "schema": True, "disk": True, "routes": True}


def test_a_bus_without_routes_is_not_ready(place: Place) -> None:
    """Version 0 is the empty table: everything would be parked."""
    place.version = 0
    assert place.facts()["routes"] is False


def test_a_full_disk_is_seen_before_a_message_is_lost(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too little room for one largest message makes the node not ready."""
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    assert place.facts() == {"store": True, "schema": True, "disk": False, "routes": True}


def test_a_database_of_another_release_is_not_ready(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema that this release does not know is named, and nothing is raised."""
    monkeypatch.setattr(schema, "HEAD", "9999")
    assert place.facts()["schema"] is False


def _unavailable(**_: object) -> Callable[..., Any]:
    raise StoreUnavailable("away")


def test_a_store_that_is_away_is_a_fact(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable store makes the node not ready, and nothing is raised."""
    monkeypatch.setattr(type(place.database.store), "parked", lambda *_a, **_k: _unavailable())
    assert place.facts()["store"] is False
