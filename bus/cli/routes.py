"""bus routes: check, explain, reload, roll back the topic table while the bus runs."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bus.cli import output, parts
from bus.errors import Misconfigured, PeerUnavailable

if TYPE_CHECKING:
    from bus.config import Settings
    from bus.db import Database
    from bus.reload import ReloadParts, ReloadReport
    from bus.routing import Step

#: A node that said nothing for so long, seconds, is taken for stopped.
NODE_SILENT_S = 15
app = typer.Typer(help="The topic table.", no_args_is_help=True)
TableFile = Annotated[
    Path | None, typer.Argument(help="Routing file; the configured one by default.")
]
Version = Annotated[int, typer.Argument(help="A version from bus routes history.")]
Note = Annotated[str, typer.Option(help="Why, kept in the history.")]


@app.command()
def check(file: TableFile = None, json: output.JsonFlag = False) -> None:
    """Parse and check a table and show what it would change; the running table stays."""
    from bus.reload import rehearse

    current = parts.settings()
    path = file or current.routing.file
    with parts.database(current) as database:
        report = rehearse(_read(path), path.name, _parts(database, current))
    _print_report(report, json=json)


@app.command()
def reload(
    file: TableFile = None,
    note: Note = "",
    wait: Annotated[float, typer.Option(help="Seconds to wait until every node runs it.")] = 0.0,
    json: output.JsonFlag = False,
) -> None:
    """Make the routing file the active version; a bad table is refused and the running one stays."""
    from bus.reload import propose
    from bus.reload.turn import turn

    current = parts.settings()
    path = file or current.routing.file
    with parts.database(current) as database:
        with turn(path):
            report = propose(_read(path), path.name, note, _parts(database, current))
        _await_nodes(database, wait)
    _print_report(report, json=json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Routing file to make the active one.")],
    note: Note = "",
    json: output.JsonFlag = False,
) -> None:
    """Make another file the active version, leaving the configured file alone."""
    reload(file, note=note, json=json)


@app.command()
def export(
    version: Annotated[int | None, typer.Argument(help="Default: the active one.")] = None,
) -> None:
    """Print a stored version as it was written."""
    with parts.database() as database:
        wanted = database.routes.active() if version is None else version
        typer.echo(database.routes.text(wanted), nl=False)


@app.command()
def rollback(version: Version, note: Note = "", json: output.JsonFlag = False) -> None:
    """Make an older version the active one again."""
    from bus import reload as reloading

    current = parts.settings()
    with parts.database(current) as database:
        report = reloading.rollback(version, note, _parts(database, current))
    _print_report(report, json=json)


@app.command()
def status(json: output.JsonFlag = False) -> None:
    """Show the active version and the version each node runs."""
    with parts.database() as database:
        active, nodes = database.routes.active(), database.routes.nodes()
    fresh = _fresh()
    told = [output.plain(n) | {"silent": n.reported_at <= fresh} for n in nodes]
    if json:
        output.emit({"active": active, "nodes": told})
        return
    typer.echo(f"active version {active}")
    output.table(
        "Nodes",
        ("node", "version", "seen", ""),
        [
            (n.node, n.routes_version, n.reported_at, "silent" if n.reported_at <= fresh else "")
            for n in nodes
        ],
    )


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20, json: output.JsonFlag = False
) -> None:
    """List stored versions, newest first."""
    with parts.database() as database:
        versions = database.routes.history(limit)
    if json:
        output.emit(versions)
        return
    output.table(
        "Versions",
        ("version", "when", "rows", "source", "note"),
        [(v.version, v.created_at, v.row_count, v.source, v.note) for v in versions],
    )


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A document: where would it go, and why?")],
    json: output.JsonFlag = False,
) -> None:
    """Show, for each recipient of a document, which row decides and why the others do not."""
    from bus import routing
    from bus.inspection import inspect_document, tools

    current = parts.settings()
    with parts.database(current) as database:
        queries = inspect_document(file, tools(current, database.directory))
        active = database.routes.active()
        chunks = database.routes.chunks(active) if active else ()
        rows = [routing.from_dict(row) for chunk in chunks for row in chunk]
        answers = {
            query.recipient: routing.explain(rows, query, database.directory) for query in queries
        }
    if json:
        output.emit({"topic": queries[0].topic if queries else None, "recipients": answers})
        return
    for query in queries:
        _print_steps(f"{query.topic}  {query.sender} → {query.recipient}", answers[query.recipient])


def _print_steps(title: str, steps: list[Step]) -> None:
    rows = [(s.row.number, s.row.action, _verdict(s), s.row.note) for s in steps]
    output.table(title, ("row", "action", "verdict", "note"), rows)


def _verdict(step: Step) -> str:
    if step.failed:
        return f"no: {step.failed} differs"
    return "decides" if step.decides else "matches"


def _parts(database: Database, current: Settings) -> ReloadParts:
    from importlib import metadata

    from bus.clock import SystemClock
    from bus.registry import CHANNELS
    from bus.reload import ReloadParts

    return ReloadParts(
        store=database.routes,
        directory=database.directory.whole(),
        channels=frozenset(point.name for point in metadata.entry_points(group=CHANNELS)),
        clock=SystemClock(),
        recent=database.store.recent_queries(current.routing.dry_run_messages),
    )


def _fresh() -> datetime:
    """Since when a node must have reported to count as running."""
    from bus.clock import SystemClock

    return SystemClock().now() - timedelta(seconds=NODE_SILENT_S)


def _await_nodes(database: Database, wait_s: float) -> None:
    """Wait until every node heard of lately runs the active version; Raises PeerUnavailable."""
    deadline = time.monotonic() + wait_s
    while wait_s:
        # Asked again each time: another reload may have made a newer one active meanwhile.
        version = database.routes.active()
        fresh = _fresh()
        nodes = [node for node in database.routes.nodes() if node.reported_at > fresh]
        if nodes and all(node.routes_version == version for node in nodes):
            return
        if time.monotonic() > deadline:
            raise PeerUnavailable(f"routes v{version}: {[n.node for n in nodes]}")
        time.sleep(0.1)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: {error}") from error


def _print_report(report: ReloadReport, *, json: bool) -> None:
    if json:
        output.emit(report)
        return
    what = f"version {report.version}" if report.version is not None else "not stored"
    same = "" if report.changed else " (unchanged)"
    rows = "1 row" if report.rows == 1 else f"{report.rows} rows"
    typer.echo(f"{rows} accepted, {what}{same}, before: version {report.previous}")
    output.problems(report.warnings)
    typer.echo(f"{len(report.changes)} of {report.replayed} past deliveries would go elsewhere")
    for change in report.changes[:50]:
        typer.echo(f"  {output.plain(change)}")
