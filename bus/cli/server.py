"""bus init, bus serve."""

from __future__ import annotations

import shlex
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
    from bus.serving import serve as run

    current = parts.settings()
    logs.configure(current.log)
    run(
        build(current),
        while_stdin=while_stdin,
        on_start=lambda base: typer.echo(f"{base}/services/exchange?wsdl", err=True),
    )
