"""bus keys: which certificate speaks for which agency, and what proof each agency owes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bus.cli import output, parts
from bus.errors import NotFound
from bus.model import PolicyMode

app = typer.Typer(help="Certificates and trust policies.", no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="Agency code, in any code system.")]


@app.command("list")
def list_(
    agency: Annotated[str | None, typer.Argument(help="Only this agency.")] = None,
    json: output.JsonFlag = False,
) -> None:
    """List bound certificates."""
    with parts.database() as database:
        found = database.directory.keys(agency)
    if json:
        output.emit(found)
        return
    output.table(
        f"{len(found)} certificates",
        ("agency", "fingerprint", "subject", "not after", "revoked"),
        [(k.agency, k.fingerprint, k.subject, k.not_after, k.revoked_at) for k in found],
    )


@app.command()
def bind(
    agency: Code,
    certificate: Annotated[Path, typer.Argument(help="Certificate, PEM or DER.", exists=True)],
    json: output.JsonFlag = False,
) -> None:
    """Bind a certificate to an agency: whoever signs with it is that agency."""
    from bus.clock import SystemClock
    from bus.trust.keys import make_binding

    with parts.database() as database:
        known = database.directory.find(agency)
        if known is None:
            raise NotFound(agency, code="AUT-005")
        binding = make_binding(known.code, certificate.read_bytes(), SystemClock().now())
        database.directory.bind_key(binding)
    if json:
        output.emit(binding)
    else:
        typer.echo(f"bound {binding.fingerprint} to {known.code} until {binding.not_after:%F}")


@app.command()
def revoke(
    fingerprint: Annotated[str, typer.Argument(help="Fingerprint, as bus keys list shows it.")],
    json: output.JsonFlag = False,
) -> None:
    """Revoke a certificate: nothing signed with it is accepted from now on."""
    from bus.clock import SystemClock

    with parts.database() as database:
        database.directory.revoke_key(fingerprint, SystemClock().now())
    if json:
        output.emit({"revoked": fingerprint})
    else:
        typer.echo(f"revoked {fingerprint}")


@app.command()
def policy(
    agency: Code,
    mode: Annotated[PolicyMode | None, typer.Option(help="How the agency proves itself.")] = None,
    document_signature: Annotated[
        bool | None, typer.Option(help="Whether every document must carry its own signature.")
    ] = None,
    legacy: Annotated[
        bool | None, typer.Option(help="Whether legacy signatures pass, flagged.")
    ] = None,
    legacy_until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day for them.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the bearer token; only its digest is kept.")
    ] = None,
    json: output.JsonFlag = False,
) -> None:
    """Show or change an agency's trust policy."""
    import hashlib
    from dataclasses import replace

    with parts.database() as database:
        known = database.directory.find(agency)
        if known is None:
            raise NotFound(agency, code="AUT-005")
        digest = None
        if token_file is not None:
            digest = hashlib.sha256(token_file.read_bytes().strip()).hexdigest()
        wanted = {
            "mode": mode,
            "require_document_signature": document_signature,
            "allow_legacy_signature": legacy,
            "legacy_until": legacy_until.date() if legacy_until else None,
            "token_sha256": digest,
        }
        changes = {name: value for name, value in wanted.items() if value is not None}
        new = replace(known.policy, **changes)  # type: ignore[arg-type]  # names and types match
        if changes:
            database.directory.set_policy(known.code, new)
    if json:
        output.emit(new)
    else:
        output.table(known.code, ("policy", "value"), list(output.plain(new).items()))
