"""Takes away files of large bodies that no row names: what a crash before its commit left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, select, union

from bus.db import Database
from bus.db.failures import mapped
from bus.db.tables import bodies, renderings

#: No accept takes this long between its file and its row.
LEASE_S = 3600.0
_BATCH = 500


def sweep(database: Database, *, now: datetime, lease_s: float = LEASE_S) -> int:
    """Remove files older than the lease that no row names; how many.

    Raises StoreUnavailable.
    """
    eldest = (now - timedelta(seconds=lease_s)).timestamp()
    removed = 0
    with mapped():
        old = (file for file in files(database.bodies.folder) if _changed_at(file) < eldest)
        while batch := list(islice(old, _BATCH)):
            for orphan in orphans(database, batch):
                orphan.unlink(missing_ok=True)
                removed += 1
    return removed


def files(folder: Path) -> Iterator[Path]:
    """Every file of the body folder, unfinished ones included."""
    return (each for each in folder.glob("*/*") if each.is_file())


def orphans(database: Database, batch: Sequence[Path]) -> list[Path]:
    """Those files that no row names."""
    folder = database.bodies.folder
    names = {each.relative_to(folder).as_posix(): each for each in batch}
    with mapped(), database.readers.connect() as connection:
        named = _named(connection, list(names))
    return [file for name, file in names.items() if name not in named]


def _named(connection: Connection, names: list[str]) -> set[str | None]:
    found = union(
        select(bodies.c.file).where(bodies.c.file.in_(names)),
        select(renderings.c.file).where(renderings.c.file.in_(names)),
    )
    return set(connection.scalars(found))


def _changed_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        # Renamed or removed since it was listed: not ours to judge.
        return float("inf")
