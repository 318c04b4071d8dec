"""bus init, bus serve."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from bus.cli import output, parts


def init(
    folder: Annotated[Path, typer.Argument(help="Where conf/ and var/ are made.")] = Path(),
    json: output.JsonFlag = False,
) -> None:
    """Make a new bus: settings, routing file, key and certificate, empty store; keeps what exists."""
    from bus.installation import install

    made = install(folder)
    if json:
        output.emit(made)
        return
    for path in made:
        typer.echo(f"made {path}")
    typer.echo("next: bus agencies import conf/agencies.csv && bus routes reload && bus serve")


def serve() -> None:
    """Run the bus until SIGTERM or SIGINT; SIGHUP reloads the routing file."""
    from bus import logs
    from bus.app import build

    current = parts.settings()
    logs.configure(current.log)
    bus = build(current)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, lambda *_: bus.watcher.trigger())
    host, port = bus.start()
    typer.echo(f"http://{host}:{port}/services/exchange?wsdl", err=True)
    try:
        stop.wait()
    finally:
        bus.stop()
