"""bus agencies: the directory of participants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bus.cli import output, parts
from bus.errors import Misconfigured, NotFound
from bus.model import Agency, AgencyState, CodeSystem, PolicyMode, TrustPolicy

app = typer.Typer(help="Agencies and their registration.", no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="Agency code, in any code system.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV; conf/README.md explains the columns.")],
    keep: Annotated[
        bool,
        typer.Option(
            help="Add to the directory; without it, agencies that are not on the list are locked."
        ),
    ] = False,
    json: output.JsonFlag = False,
) -> None:
    """Register every agency of a list, all or none; says every wrong line at once."""
    from bus import agency_csv

    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file}: {error}", code="CFG-004") from error
    agencies = agency_csv.parse(text)
    with parts.database() as database, output.progress("agencies", len(agencies)) as done:
        counts = database.directory.import_agencies(
            agencies, replace=not keep, without_policy=agencies.without_policy, on_done=done
        )
    if json:
        output.emit(counts)
    else:
        told = ", ".join(f"{count} {what}" for what, count in output.plain(counts).items())
        typer.echo(f"{len(agencies)} agencies: {told}")


@app.command()
def export() -> None:
    """Print the directory as CSV, in the form import reads."""
    from bus import agency_csv

    with parts.database() as database:
        agencies: list[Agency] = []
        more = True
        while more:
            page, _, more = database.directory.search(
                text=None, since_version=None, offset=len(agencies), limit=500
            )
            agencies += page
    typer.echo(agency_csv.write(agencies), nl=False)


@app.command()
def find(
    text: Annotated[
        str, typer.Argument(help="Part of a name or code; accents do not matter.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json: output.JsonFlag = False,
) -> None:
    """Search the directory."""
    with parts.database() as database:
        found, version, more = database.directory.search(
            text=text, since_version=None, offset=0, limit=limit
        )
    if json:
        output.emit({"version": version, "more": more, "agencies": found})
        return
    output.table(
        f"{len(found)} agencies{' (more exist)' if more else ''}",
        ("code", "name", "state", "policy", "dialect", "channel", "codes"),
        [(a.code, a.name, a.state, a.policy.mode, a.dialect, a.channel, _codes(a)) for a in found],
    )


@app.command()
def show(code: Code, json: output.JsonFlag = False) -> None:
    """Show one agency whole, with its keys and what stands above it."""
    with parts.database() as database:
        agency = _known(database.directory.find(code), code)
        keys = database.directory.keys(agency.code)
        above = database.directory.ancestors(agency.code)
    if json:
        output.emit({"agency": agency, "above": above, "keys": keys})
        return
    output.table(agency.name, ("field", "value"), [*_facts(agency), ("above", " < ".join(above))])
    output.table("Keys", ("fingerprint", "until", "revoked"),
                 [(k.fingerprint, k.not_after, k.revoked_at) for k in keys])  # fmt: skip


@app.command()
def register(
    code: Code,
    name: Annotated[str | None, typer.Option(help="Name of the agency.")] = None,
    dialect: Annotated[str | None, typer.Option(help="Dialect it reads and writes.")] = None,
    channel: Annotated[str | None, typer.Option(help="Channel its messages leave by.")] = None,
    address: Annotated[str | None, typer.Option(help="Address for the channel.")] = None,
    parent: Annotated[str | None, typer.Option(help="Agency above it.")] = None,
    state: Annotated[AgencyState | None, typer.Option(help="trial, live or locked.")] = None,
    mode: Annotated[PolicyMode | None, typer.Option(help="How it proves itself.")] = None,
    json: output.JsonFlag = False,
) -> None:
    """Register an agency, or change what is named of a registered one."""
    from bus import registry

    with parts.database() as database:
        known = database.directory.find(code)
        if known is None and name is None:
            raise typer.BadParameter("a new agency needs --name")
        agency = known or Agency(code=code, name=name or code, codes=((CodeSystem.QD20, code),))
        wanted = {"name": name, "dialect": dialect, "channel": channel, "address": address,
                  "parent": parent, "state": state}  # fmt: skip
        changes = {field: value for field, value in wanted.items() if value is not None}
        agency = replace(agency, **changes)  # type: ignore[arg-type]  # names and types match
        if mode is not None:
            agency = replace(agency, policy=replace(agency.policy or TrustPolicy(), mode=mode))
        if dialect is not None:
            registry.dialects(parts.settings().limits).get(dialect)
        if channel is not None:
            registry.demand_channel(channel)
        if parent is not None:
            _known(database.directory.find(parent), parent)
        database.directory.register(agency)
    if json:
        output.emit(agency)
    else:
        typer.echo(f"registered {agency.code} {agency.name}")


def _known(agency: Agency | None, code: str) -> Agency:
    if agency is None:
        raise NotFound(code, code="CFG-008")
    return agency


def _facts(agency: Agency) -> Iterator[tuple[str, object]]:
    """What is registered, a row each; what is not is left out."""
    facts = output.plain(agency)
    policy = facts.pop("policy") or {}
    facts |= {"codes": _codes(agency)} | {f"policy.{key}": value for key, value in policy.items()}
    for field, value in facts.items():
        if value in (None, [], {}, ""):
            continue
        yield field, "; ".join(map(str, value)) if isinstance(value, list) else value


def _codes(agency: Agency) -> str:
    return " ".join(f"{system.value}:{code}" for system, code in agency.codes)
