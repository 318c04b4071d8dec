"""Connections to the embedded database, each made safe before its first use."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bus.config import StoreSettings
from bus.db.failures import mapped
from bus.db.prepared import driver
from bus.errors import Misconfigured

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def database_file(url: str) -> Path:
    """The file an address names; Raises Misconfigured CFG-001 for any other kind of database."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Misconfigured("[store.url] is no database address") from error
    usable = parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}
    if not usable or parsed.database is None:
        raise Misconfigured("[store.url] must be sqlite:/// and the path of a file")
    return Path(parsed.database)


def create_files(settings: StoreSettings) -> None:
    """Make the data folders (0700) and an empty database (0600) where they are missing."""
    file = database_file(settings.url)
    with mapped():
        for folder in (file.parent, settings.bodies):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))


def writing_engine(settings: StoreSettings) -> Engine:
    """Connections that take the write lock when a transaction begins, never halfway through."""
    return _engine(settings, begin="BEGIN IMMEDIATE", read_only=False)


def reading_engine(settings: StoreSettings) -> Engine:
    """Connections that see one snapshot per transaction and cannot write."""
    return _engine(settings, begin="BEGIN", read_only=True)


def _engine(settings: StoreSettings, *, begin: str, read_only: bool) -> Engine:
    engine = create_engine(
        f"sqlite:///{database_file(settings.url)}",
        connect_args={"timeout": settings.busy_timeout_s},
        pool_size=32,
        max_overflow=256,
        json_serializer=_JSON.encode,
    )

    def prepare(raw: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin transactions by itself: it would begin them deferred.
        raw.isolation_level = None
        for pragma in _pragmas(read_only=read_only):
            raw.execute(f"PRAGMA {pragma}").close()

    def start(connection: Connection) -> None:
        driver(connection).execute(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine


def _pragmas(*, read_only: bool) -> tuple[str, ...]:
    common = ("foreign_keys=ON", "trusted_schema=OFF", "cache_size=-16384", "temp_store=MEMORY")
    if read_only:
        return (*common, "query_only=ON")
    # FULL: without it a power cut loses the last commits, which were acknowledged.
    return ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864", *common)
