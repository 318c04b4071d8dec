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
from bus.errors import BusError, Defect, Misconfigured

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

#: The base of what typer says of a wrong command line; it has no public name of its own.
_COMMAND_LINE = typer.BadParameter.__mro__[2]


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
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except BusError as error:
        sys.exit(output.complain(error, as_json=as_json))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # the CLI edge: people see a code, not a stack trace
        if os.environ.get("BUS_TRACEBACK"):
            raise
        sys.exit(_complain(error, as_json=as_json))


def _complain(error: Exception, *, as_json: bool) -> int:
    if isinstance(error, OSError):
        # A file or folder that the command was given; the store and sockets map their own.
        named = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return output.complain(Misconfigured(named, stage="command"), as_json=as_json)
    if not isinstance(error, _COMMAND_LINE):
        defect = Defect(f"{type(error).__name__}: {error}")
        return output.complain(defect, as_json=as_json)
    message: str = error.format_message()  # type: ignore[attr-defined]  # of the base without a name
    if "\n" in message:
        # A group without a command: its help is what was wanted.
        typer.echo(message, err=True)
        return output.USAGE
    return output.complain(Misconfigured(message, code="CLI-001", stage="command"), as_json=as_json)
