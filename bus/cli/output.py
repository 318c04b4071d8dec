"""How commands speak: tables for people, JSON for machines, one line for errors."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import PurePath
from typing import Annotated, Any

import typer

from bus.errors import BusError, Misconfigured, Postponed, Rejected
from bus.model import Problem, Severity

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

#: Control and format characters (Unicode general categories), terminal escapes among them.
_STEERING = frozenset({"Cc", "Cf"})

REFUSED, USAGE, UNAVAILABLE, DEFECT = 1, 2, 3, 4


def emit(data: object) -> None:
    """Print one JSON value, UTF-8, with records as objects and instants in ISO 8601."""
    typer.echo(json.dumps(plain(data), ensure_ascii=False, indent=2))


def plain(value: object) -> Any:
    """The JSON form of records, enums, instants, paths and bytes (bytes as their length)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table that fits the terminal."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", show_lines=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(shown(cell) for cell in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(drawn)


@contextlib.contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while a block works through `total`, where that is a terminal.

    Call what it gives with how many more are done.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def shown(cell: object) -> str:
    """A table cell: local time to the second for instants, nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, Mapping):
        return ", ".join(f"{key} {shown(item)}" for key, item in cell.items() if item is not None)
    if isinstance(cell, list | tuple):
        return ", ".join(" ".join(map(shown, c)) if isinstance(c, list) else shown(c) for c in cell)
    return escape(tame(str(cell.value if isinstance(cell, enum.Enum) else cell)))


def tame(text: str) -> str:
    """Text whose control and direction marks cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        "\ufffd" if unicodedata.category(mark) in _STEERING and mark not in "\n\t" else mark
        for mark in text
    )


def escape(text: str) -> str:
    """Text that rich prints as it is."""
    return text.replace("[", "\\[")


def problems(found: Sequence[Problem]) -> None:
    """Print every problem with the sender's path and line, in both languages."""
    for problem in found:
        mark = "✗" if problem.severity is Severity.REJECT else "!"
        place = f"{problem.path}:{problem.line}" if problem.line else problem.path
        typer.echo(f"  {mark} {problem.rule:10} {place}")
        typer.echo(f"    {problem.message} / {problem.message_vi}")
        if problem.value or problem.expected:
            typer.echo(f"    {problem.value!r} → {problem.expected}")
        if problem.hint:
            typer.echo(f"    {problem.hint} / {problem.hint_vi}")


def complain(error: BusError, *, as_json: bool) -> int:
    """Print an error as one line with code and hint (all problems below); gives the exit code."""
    if as_json:
        body = {
            "code": error.code,
            "stage": error.stage,
            "message": error.message,
            "messageVi": error.message_vi,
            "hint": error.entry.hint,
            "hintVi": error.entry.hint_vi,
            "retryable": error.retryable,
            "path": error.path,
            "line": error.line,
            "column": error.column,
            "problems": error.problems,
        }
        typer.echo(json.dumps(plain(body), ensure_ascii=False, indent=2), err=True)
        return exit_code(error)
    place = f" ({error.path}:{error.line})" if error.path else ""
    place = place or (f" ({error.line}:{error.column})" if error.line else "")
    typer.echo(f"{error.code} {error.message}{place} — {error.entry.hint}", err=True)
    typer.echo(f"{error.code} {error.message_vi} — {error.entry.hint_vi}", err=True)
    for problem in error.problems:
        spot = f"{problem.path}:{problem.line}" if problem.path else f"{problem.line}"
        typer.echo(f"  {problem.rule} {spot} {problem.message} / {problem.message_vi}", err=True)
    return exit_code(error)


def exit_code(error: BusError) -> int:
    """1 refused, 2 usage or configuration, 3 unavailable, 4 defect."""
    if isinstance(error, Rejected):
        return REFUSED
    if isinstance(error, Misconfigured):
        return USAGE
    return UNAVAILABLE if isinstance(error, Postponed) else DEFECT
