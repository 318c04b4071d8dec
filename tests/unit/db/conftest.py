"""A fresh database in a folder of its own for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.config import StoreSettings
from bus.db import Database, engine, open_database, schema


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    return StoreSettings(
        url=f"sqlite:///{tmp_path}/data/bus.sqlite3",
        bodies=tmp_path / "bodies",
        inline_bytes=1000,
        busy_timeout_s=0.3,
    )


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with this release's schema, migrated once for all tests."""
    folder = tmp_path_factory.mktemp("migrated")
    schema.upgrade(StoreSettings(url=f"sqlite:///{folder}/bus.sqlite3", bodies=folder / "bodies"))
    return folder / "bus.sqlite3"


@pytest.fixture
def database(settings: StoreSettings, migrated: Path) -> Iterator[Database]:
    engine.create_files(settings)
    shutil.copyfile(migrated, settings.url.removeprefix("sqlite:///"))
    opened = open_database(settings)
    yield opened
    opened.close()
