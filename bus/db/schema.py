"""Which schema a database has, and how it gets this release's."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from bus.config import StoreSettings
from bus.db import engine
from bus.db.failures import mapped
from bus.errors import Misconfigured

#: The newest migration; a test compares it with the folder, so that a check needs no Alembic.
HEAD = "0001"
MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(settings: StoreSettings) -> None:
    """Create the database where it is missing and bring it to this release's schema.

    All migrations are one transaction. Raises Misconfigured CFG-001, StoreUnavailable.
    """
    # Alembic is slow to import and nothing but an upgrade needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    engine.create_files(settings)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    writing = engine.writing_engine(settings)
    try:
        with mapped(), writing.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        writing.dispose()


def current_version(url: str) -> str | None:
    """The migration a database is at; None when it is missing or was never upgraded.

    Raises Misconfigured CFG-001 when `url` names no SQLite file, StoreUnavailable.
    """
    if not engine.database_file(url).exists():
        return None
    reading = engine.reading_engine(StoreSettings(url=url))
    try:
        return _version(reading)
    finally:
        reading.dispose()


def check(settings: StoreSettings) -> None:
    """Raise Misconfigured CFG-005 unless the database has exactly this release's schema."""
    found = current_version(settings.url)
    if found != HEAD:
        raise Misconfigured(f"found {found or 'none'}, needed {HEAD}", code="CFG-005")


def _version(reading: Engine) -> str | None:
    with mapped(), reading.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found
