"""Takes away files of large bodies that no row names: what a crash before its commit left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, select, union

from bus import errors, logs
from bus.db import Database
from bus.db.failures import mapped
from bus.db.tables import bodies, renderings

#: No accept takes this long between its file and its row.
LEASE_S = 3600.0
_BATCH = 500
LOG = logs.get("sweeper")


class Sweeper:
    """Sweeps at its start and then every hour, in a thread of its own that nothing waits for."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        *,
        every_s: float = LEASE_S,
        work: Callable[..., int] | None = None,
    ) -> None:
        self._database, self._now = database, now
        self._every_s = every_s
        self._work = work or sweep
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus-sweeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Sweep no more; idempotent, and at once but for the batch of files now in hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                removed = self._work(
                    self._database, now=self._now(), is_ended=self._stopping.is_set
                )
            except errors.BusError as error:
                LOG.warning("sweeping is tried again", code=error.code, detail=error.detail)
            else:
                if removed:
                    LOG.info("orphan files removed", count=removed)
            self._stopping.wait(self._every_s)


def sweep(
    database: Database,
    *,
    now: datetime,
    lease_s: float = LEASE_S,
    is_ended: Callable[[], bool] = lambda: False,
) -> int:
    """Remove files older than the lease that no row names; how many.

    Between some hundred files `is_ended` is asked whether to leave the rest.

    Raises StoreUnavailable.
    """
    eldest = (now - timedelta(seconds=lease_s)).timestamp()
    removed = 0
    with mapped():
        old = (file for file in files(database.bodies.folder) if _changed_at(file) < eldest)
        while not is_ended() and (batch := list(islice(old, _BATCH))):
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
