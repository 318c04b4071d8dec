"""The bus command: parse, call, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bus.cli import (
    agencies,
    check,
    client,
    database,
    development,
    doctor,
    keys,
    messages,
    output,
    parts,
    routes,
    server,
)
from bus.errors import BusError, Defect

app = typer.Typer(
    name="bus",
    help="Liên Thông: an open document-exchange bus. Exit codes: 1 refused, 2 usage, 3 unavailable.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("init")(server.init)
app.command("serve")(server.serve)
app.command("dev")(development.dev)
app.command("send")(client.send)
app.command("receive")(client.receive)
app.command("check")(check.check)
app.command("explain")(check.explain)
app.command("doctor")(doctor.doctor)
app.add_typer(messages.app, name="messages")
app.add_typer(routes.app, name="routes")
app.add_typer(agencies.app, name="agencies")
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="db")
app.add_typer(parts.app, name="adapters")


@app.callback()
def _settings(
    conf: Annotated[
        Path | None, typer.Option("--conf", "-c", help="Settings file (or BUS_CONF).")
    ] = None,
) -> None:
    parts.use_settings_file(conf)


def main() -> None:
    """Run one command; every error becomes one line with a code and a hint, and an exit code."""
    as_json = "--json" in sys.argv
    try:
        app()
    except BusError as error:
        sys.exit(output.complain(error, as_json=as_json))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # the CLI edge: people see a code, not a stack trace
        if os.environ.get("BUS_TRACEBACK"):
            raise
        detail = f"{type(error).__name__}: {error}"
        sys.exit(output.complain(Defect(detail), as_json=as_json))
