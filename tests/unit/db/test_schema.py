from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, inspect, text
from support.store_builders import NOW

from bus.config import StoreSettings
from bus.db import Database, open_database, schema
from bus.db.tables import metadata
from bus.errors import Misconfigured, StoreUnavailable
from bus.model import AuditEvent


def test_migrations_and_tables_say_the_same(database: Database) -> None:
    """A database made by the migrations has exactly the tables that the code reads."""
    with database.readers.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    assert differences == []


def indexes(engine: Engine) -> dict[str, str]:
    query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type = 'index'")
    with engine.connect() as connection:
        return {row.name: re.sub(r"\s+", " ", row.sql) for row in connection.execute(query)}


def test_indexes_are_the_ones_declared(database: Database, tmp_path: Path) -> None:
    """Partial conditions and orders of indexes, which Alembic does not compare, agree too."""
    fresh = create_engine(f"sqlite:///{tmp_path}/fresh.sqlite3")
    metadata.create_all(fresh)
    wanted, found = (indexes(engine) for engine in (fresh, database.readers))
    fresh.dispose()
    assert found == wanted


def test_the_newest_migration_is_the_one_checked_for() -> None:
    """The number that opening demands is the last file of the folder."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_a_database_behind_this_release_is_not_opened(settings: StoreSettings) -> None:
    """Missing, empty and outdated databases are refused with the cure."""
    with pytest.raises(Misconfigured) as missing:
        open_database(settings)
    schema.upgrade(settings)
    engine = create_engine(settings.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    engine.dispose()
    with pytest.raises(Misconfigured) as outdated:
        schema.check(settings)
    assert {missing.value.code, outdated.value.code} == {"CFG-005"}
    assert "0000" in outdated.value.message


def test_upgrading_twice_changes_nothing(settings: StoreSettings) -> None:
    """An upgrade of a current database is harmless."""
    assert schema.current_version(settings.url) is None
    for _ in range(2):
        schema.upgrade(settings)
        assert schema.current_version(settings.url) == schema.HEAD


def test_only_the_owner_may_read_the_data(settings: StoreSettings) -> None:
    """Folders are 0700, database files 0600, its log included."""
    schema.upgrade(settings)
    database = open_database(settings)
    database.store.audit(AuditEvent(at=NOW, event="x"))
    file = Path(settings.url.removeprefix("sqlite:///"))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in file.parent.iterdir()}
    database.close()
    assert set(modes.values()) == {0o600}
    assert "bus.sqlite3-wal" in modes
    for folder in (file.parent, settings.bodies):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "nonsense"])
def test_other_databases_are_refused_by_name(settings: StoreSettings, url: str) -> None:
    """An address that is no SQLite file is a configuration error."""
    with pytest.raises(Misconfigured) as caught:
        schema.upgrade(settings.model_copy(update={"url": url}))
    assert caught.value.code == "CFG-001"


def test_a_file_that_is_no_database_is_unavailable(settings: StoreSettings) -> None:
    """Garbage in place of the database is reported, not overwritten."""
    file = Path(settings.url.removeprefix("sqlite:///"))
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnavailable):
        schema.current_version(settings.url)
    assert file.read_bytes().startswith(b"this is no database")


def test_commits_reach_the_disk(database: Database) -> None:
    """Every writing connection is WAL, FULL and checks foreign keys; readers cannot write."""
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    with database.writers.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in pragmas]
        timeout = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    assert found == ["wal", 2, 1]
    assert timeout == 300
    with database.readers.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA query_only").scalar() == 1


def test_every_table_is_named_in_the_migrations(database: Database) -> None:
    """Nothing but the declared tables and Alembic's own is in the database."""
    with database.readers.connect() as connection:
        tables = set(inspect(connection).get_table_names())
    assert isinstance(metadata, MetaData)
    assert tables == {*metadata.tables, "alembic_version"}
