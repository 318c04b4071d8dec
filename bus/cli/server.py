"""bus init, bus serve."""

from __future__ import annotations

import gc
import os
import shlex
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
    there = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    typer.echo(
        f"next: {there}bus agencies import conf/agencies.csv && bus routes reload && bus serve"
    )


def serve(
    while_stdin: Annotated[
        bool, typer.Option("--while-stdin", help="Stop when standard input ends, too.")
    ] = False,
) -> None:
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
    if while_stdin:
        threading.Thread(target=_outlast_stdin, args=(stop,), daemon=True).start()
    try:
        host, port = bus.start()
        # What stands now stays: the collector need not walk through it again and again.
        gc.freeze()
        typer.echo(f"http://{host}:{port}/services/exchange?wsdl", err=True)
        stop.wait()
    finally:
        bus.stop()


def _outlast_stdin(stop: threading.Event) -> None:
    """Set `stop` when whoever holds the other end of standard input is gone."""
    # Not sys.stdin: its lock, held by a thread that waits, kills the interpreter at its end.
    while os.read(0, 4096):
        pass
    stop.set()
