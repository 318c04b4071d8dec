"""Loads a stored version into a serving process without holding it up."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bus import routing
from bus.errors import RoutesRefused
from bus.ports import Directory, RoutesStore

#: Rows compiled between two pauses; about two milliseconds of work.
BREATH_ROWS = 100


def load(store: RoutesStore, version: int, directory: Directory) -> routing.CompiledRoutes:
    """Compile a stored version; 0 is the empty table, under which everything is parked.

    Gives way to other threads after every hundred rows. Raises NotFound, RoutesRefused
    when the stored rows cannot be read, StoreUnavailable.
    """
    builder = routing.Builder(directory, version)
    with _collector_at_rest():
        for rows in stored_chunks(store, version) if version else ():
            for at in range(0, len(rows), BREATH_ROWS):
                started = time.monotonic()
                _add(builder, rows[at : at + BREATH_ROWS], version)
                # As long a pause as the work took: serving threads keep at least half the machine.
                time.sleep(time.monotonic() - started)
    return builder.finish()


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No cyclic garbage collection for a moment.

    Compiling makes no cycles, but so many objects that the collector would walk the whole
    heap several times, and with a national directory in it every thread waits 60 ms for that.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _add(builder: routing.Builder, rows: list[routing.Row], version: int) -> None:
    try:
        builder.add(rows)
    except ValueError as error:
        raise RoutesRefused(f"version {version}: {error}") from error


def stored_chunks(store: RoutesStore, version: int) -> Iterator[list[routing.Row]]:
    """The rows of a stored version, chunk by chunk; Raises NotFound, RoutesRefused."""
    for chunk in store.chunks(version):
        yield [routing.from_dict(plain) for plain in chunk]
