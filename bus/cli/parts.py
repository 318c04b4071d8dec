"""What commands work with: settings, the database, the installed dialects."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bus.cli import output
from bus.config import Settings, load
from bus.errors import Misconfigured

if TYPE_CHECKING:
    from bus.db import Database
    from bus.ports import Directory

app = typer.Typer(help="Installed dialects and channels.", no_args_is_help=True)


def use_settings_file(path: Path | None) -> None:
    """Make a settings file the one of this process and of the processes it starts."""
    if path is not None:
        os.environ["BUS_CONF"] = str(path)


def settings() -> Settings:
    """The settings of this command."""
    return load()


@contextlib.contextmanager
def database(current: Settings | None = None) -> Iterator[Database]:
    """The store, opened and closed around one command; Raises Misconfigured CFG-005."""
    from bus.db import open_database

    opened = open_database((current or settings()).store)
    try:
        yield opened
    finally:
        opened.close()


@contextlib.contextmanager
def directory_if_any() -> Iterator[tuple[Settings, Directory | None]]:
    """The settings, and the directory where a bus is installed: checking files needs neither."""
    current = settings()
    with contextlib.ExitStack() as stack:
        try:
            directory: Directory | None = stack.enter_context(database(current)).directory
        except Misconfigured as error:
            if error.code != "CFG-005":
                raise
            directory = None
        yield current, directory


@app.command("list")
def list_(json: output.JsonFlag = False) -> None:
    """Name every installed dialect and channel."""
    from importlib import metadata

    from bus.registry import CHANNELS, DIALECTS

    rows = [
        (group.removeprefix("bus."), point.name, point.value)
        for group in (DIALECTS, CHANNELS)
        for point in sorted(metadata.entry_points(group=group), key=lambda p: p.name)
    ]
    if json:
        output.emit([{"group": g, "name": n, "object": v} for g, n, v in rows])
    else:
        output.table("Installed parts", ("group", "name", "object"), rows)
