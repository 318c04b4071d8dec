"""bus db: the store's schema and health."""

from __future__ import annotations

import typer

from bus.cli import output, parts
from bus.errors import Defect

app = typer.Typer(help="The store.", no_args_is_help=True)


@app.command()
def upgrade(json: output.JsonFlag = False) -> None:
    """Bring the store to this release's schema; makes it when there is none."""
    from bus.db import schema

    current = parts.settings()
    schema.upgrade(current.store)
    version = schema.current_version(current.store.url)
    if json:
        output.emit({"schema": version})
    else:
        typer.echo(f"schema {version}")


@app.command()
def check(json: output.JsonFlag = False) -> None:
    """Read the whole store and name every missing, altered or orphaned body; exit 4 if any is lost."""
    from bus.db.check import amount, check_database

    with (
        parts.database() as database,
        output.progress("bodies", amount(database)) as done,
    ):
        findings = list(check_database(database, done))
    if json:
        output.emit(findings)
    else:
        for finding in findings:
            typer.echo(f"{finding.kind:10} {finding.detail}")
        typer.echo(f"{len(findings)} findings")
    if any(finding.kind != "orphan" for finding in findings):
        raise Defect(f"{len(findings)}", code="STO-002", stage="store")


@app.command()
def stats(json: output.JsonFlag = False) -> None:
    """Count messages and deliveries by state."""
    with parts.database() as database:
        counts = database.store.counts()
    if json:
        output.emit(counts)
    else:
        output.table("Store", ("what", "count"), sorted(counts.items()))
