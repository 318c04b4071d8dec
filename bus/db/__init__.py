"""The store: the only place that knows SQL."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from bus.config import StoreSettings
from bus.db import engine, schema
from bus.db.bodies import Bodies
from bus.db.directory import SqlDirectory
from bus.db.routes_store import SqlRoutesStore
from bus.db.store import SqlStore
from bus.db.writer import Writer

__all__ = [
    "Database",
    "SqlDirectory",
    "SqlRoutesStore",
    "SqlStore",
    "open_database",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One open database and everything that reads and writes it."""

    store: SqlStore
    directory: SqlDirectory
    routes: SqlRoutesStore
    #: For upkeep (`check`, `sweeper`) alone.
    readers: Engine
    writer: Writer
    bodies: Bodies
    writers: Engine

    def close(self) -> None:
        """Finish what was submitted, then let go of the files."""
        self.writer.close()
        self.writers.dispose()
        self.readers.dispose()


def open_database(settings: StoreSettings) -> Database:
    """Open a database that has this release's schema; starts no thread before the first write.

    Raises Misconfigured CFG-005 (run `bus db upgrade`) or CFG-001, StoreUnavailable.
    """
    schema.check(settings)
    engine.create_files(settings)
    readers = engine.reading_engine(settings)
    writers = engine.writing_engine(settings)
    writer = Writer(writers, group_max=settings.group_max)
    bodies = Bodies(settings.bodies, inline_bytes=settings.inline_bytes)
    return Database(
        store=SqlStore(readers, writer, bodies),
        directory=SqlDirectory(readers, writer),
        routes=SqlRoutesStore(readers, writer),
        readers=readers,
        writer=writer,
        bodies=bodies,
        writers=writers,
    )
