"""Every message store there is, each empty and by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.config import StoreSettings
from bus.db import SqlStore, open_database, schema


@pytest.fixture(params=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    assert request.param == "sqlite"
    settings = StoreSettings(
        url=f"sqlite:///{tmp_path}/bus.sqlite3", bodies=tmp_path / "bodies", inline_bytes=1000
    )
    schema.upgrade(settings)
    database = open_database(settings)
    yield database.store
    database.close()
